import { WINDOWS, DEFAULT_WINDOW } from "../service/window.ts";
import { SelectBox, type Choice } from "./select-box.tsx";
import { useMoments } from "./zone.ts";

interface PeriodPickerProps {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly choose: (chosen: { readonly from?: string | undefined; readonly to?: string | undefined }) => void;
}

/** A relative period by name; one that was picked on a chart stands as one more choice. */
export function PeriodPicker({ from = DEFAULT_WINDOW, to, choose }: PeriodPickerProps) {
  const { clock, label } = useMoments();
  const own: readonly Choice[] =
    to !== undefined
      ? [["picked", `${clock(from)} – ${clock(to)} ${label}`]]
      : WINDOWS.some(([name]) => name === from)
        ? []
        : [[from, `since ${from}`]];
  return (
    <SelectBox
      aria-label="Period"
      choices={[...own, ...WINDOWS]}
      choose={(chosen) => {
        if (chosen !== "picked") choose({ from: chosen === DEFAULT_WINDOW ? undefined : chosen });
      }}
      value={to === undefined ? from : "picked"}
    />
  );
}
