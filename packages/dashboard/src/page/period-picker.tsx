import { WINDOWS, DEFAULT_WINDOW } from "../service/window.ts";
import { useMoments } from "./zone.ts";

interface PeriodPickerProps {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly choose: (chosen: { readonly from?: string | undefined; readonly to?: string | undefined }) => void;
}

/** A relative period by name; one that was picked on a chart stands as one more choice. */
export function PeriodPicker({ from = DEFAULT_WINDOW, to, choose }: PeriodPickerProps) {
  const { clock, label } = useMoments();
  const isPicked = to !== undefined;
  return (
    <select
      aria-label="Period"
      className="h-8.75 rounded border border-line bg-raised px-2"
      onChange={(event) => {
        const chosen = event.target.value;
        if (chosen !== "picked") choose({ from: chosen === DEFAULT_WINDOW ? undefined : chosen });
      }}
      value={isPicked ? "picked" : from}
    >
      {isPicked && (
        <option value="picked">
          {clock(from)} – {clock(to)} {label}
        </option>
      )}
      {!isPicked && !WINDOWS.some(([name]) => name === from) && <option value={from}>since {from}</option>}
      {WINDOWS.map(([name, title]) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </select>
  );
}
