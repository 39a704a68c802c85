import { SelectField } from "./select-box.tsx";

interface HoursBoxProps {
  /** Hours that may be chosen, and how each is shown. */
  readonly choices: readonly (readonly [hours: number, shown: string])[];
  readonly value: number;
  readonly change: (hours: number) => void;
}

/** For how long. */
export function HoursBox({ choices, value, change }: HoursBoxProps) {
  return (
    <SelectField
      choices={choices.map(([hours, shown]) => [String(hours), shown])}
      choose={(hours) => change(Number(hours))}
      label="For"
      value={String(value)}
    />
  );
}
