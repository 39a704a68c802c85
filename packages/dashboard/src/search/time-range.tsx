import { formatMoment } from "../page/format.ts";
import { ALL_TIME, DEFAULT_FROM, type SearchState } from "./search-state.ts";

const RANGES: readonly (readonly [string, string])[] = [
  ["now-5m", "Last 5 minutes"],
  ["now-15m", "Last 15 minutes"],
  [DEFAULT_FROM, "Last hour"],
  ["now-6h", "Last 6 hours"],
  ["now-1d", "Last day"],
  ["now-7d", "Last 7 days"],
  [ALL_TIME, "All time"],
];

interface TimeRangeProps {
  readonly state: SearchState;
  readonly change: (changes: Partial<SearchState>) => void;
}

/** Relative ranges by name; a range picked on the histogram stands as one more choice, in UTC. */
export function TimeRange({ state, change }: TimeRangeProps) {
  const picked = state.to !== undefined;
  const from = state.from ?? DEFAULT_FROM;
  const value = picked ? "picked" : from;
  const known = picked || RANGES.some(([name]) => name === from);
  return (
    <select
      aria-label="Time range"
      className="rounded border border-line bg-raised px-2 py-1.5"
      onChange={(event) => {
        const chosen = event.target.value;
        if (chosen !== "picked") change({ from: chosen === DEFAULT_FROM ? undefined : chosen, to: undefined });
      }}
      value={value}
    >
      {picked && (
        <option value="picked">
          {formatMoment(from)} – {formatMoment(state.to ?? "")} UTC
        </option>
      )}
      {!known && <option value={from}>since {from}</option>}
      {RANGES.map(([name, label]) => (
        <option key={name} value={name}>
          {label}
        </option>
      ))}
    </select>
  );
}
