import type { SelectHTMLAttributes } from "react";

/** What it stands for, how it is shown, and what the caller knows of it besides. */
export type Choice = readonly [value: string, shown: string, ...more: readonly unknown[]];

interface SelectProps extends Omit<SelectHTMLAttributes<HTMLSelectElement>, "onChange" | "value"> {
  readonly choices: readonly Choice[];
  readonly value: string;
  readonly choose: (value: string) => void;
  /** As high as the head of a panel lets it be. */
  readonly low?: boolean;
}

/** One of several; what it is of is said beside it, or by `aria-label`. */
export function SelectBox({ choices, choose, low = false, className = "", ...rest }: SelectProps) {
  const height = low ? "py-1" : "h-8.75";
  return (
    <select
      className={`rounded border border-line bg-raised px-2 text-ink ${height} ${className}`}
      onChange={(event) => choose(event.target.value)}
      {...rest}
    >
      {choices.map(([value, shown]) => (
        <option key={value} value={value}>
          {shown}
        </option>
      ))}
    </select>
  );
}

/** The same with its name above it, as a `Field`. */
export function SelectField({ label, className = "", ...rest }: SelectProps & { readonly label: string }) {
  return (
    <label className="block">
      {label}
      <SelectBox className={`mt-1 block ${className}`} {...rest} />
    </label>
  );
}

/** Words that stand for themselves. */
export function wordChoices(words: readonly string[]): readonly Choice[] {
  return words.map((word) => [word, word]);
}
