interface HoursBoxProps {
  /** Hours that may be chosen, and how each is shown. */
  readonly choices: readonly (readonly [hours: number, shown: string])[];
  readonly value: number;
  readonly change: (hours: number) => void;
}

/** For how long. */
export function HoursBox({ choices, value, change }: HoursBoxProps) {
  return (
    <label className="block">
      For
      <select
        className="mt-1 block h-8.75 rounded border border-line bg-raised px-2"
        onChange={(event) => change(Number(event.target.value))}
        value={value}
      >
        {choices.map(([hours, shown]) => (
          <option key={hours} value={hours}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  );
}
