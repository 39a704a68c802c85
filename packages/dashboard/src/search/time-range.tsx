import { useEffect, useState } from "react";
import { Button } from "../page/button.tsx";
import { Popover } from "../page/popover.tsx";
import { useMoments } from "../page/zone.ts";
import { ALL_TIME, DEFAULT_FROM, type ChangeSearch, type SearchState } from "./search-state.ts";

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
  readonly change: ChangeSearch;
}

/** Relative ranges by name, absolute ones as they are written; one picked on the histogram is one of these. */
export function TimeRange({ state, change }: TimeRangeProps) {
  const { clock, label } = useMoments();
  const from = state.from ?? DEFAULT_FROM;
  const known = RANGES.find(([name]) => name === from)?.[1];
  const named =
    state.to === undefined
      ? (known ?? sinceText(from, clock))
      : `${from === ALL_TIME ? "until" : `${clock(from)} –`} ${clock(state.to)} ${label}`;
  return (
    <Popover label={named} says={`Time range: ${named}`}>
      {(close) => (
        <>
          <ul className="mb-3 grid grid-cols-2 gap-1">
            {RANGES.map(([name, title]) => (
              <li key={name}>
                <button
                  aria-pressed={state.to === undefined && from === name}
                  className="w-full cursor-pointer rounded px-2 py-1 text-left hover:bg-raised aria-pressed:bg-accent-ground aria-pressed:text-accent"
                  onClick={() => {
                    change({ from: name === DEFAULT_FROM ? undefined : name, to: undefined });
                    close();
                  }}
                  type="button"
                >
                  {title}
                </button>
              </li>
            ))}
          </ul>
          <Exact change={change} close={close} from={state.from} to={state.to} />
        </>
      )}
    </Popover>
  );
}

function sinceText(from: string, clock: (text: string) => string): string {
  const relative = /^now-(\d+)([a-z]+)$/.exec(from);
  return relative === null ? `Since ${clock(from)}` : `Last ${relative[1]} ${relative[2]}`;
}

interface ExactProps extends Pick<SearchState, "from" | "to"> {
  readonly change: ChangeSearch;
  readonly close: () => void;
}

const FIELD = "mt-0.5 block w-full rounded border border-line bg-raised px-2 py-1 font-mono text-xs";

function Exact({ from, to, change, close }: ExactProps) {
  const [bounds, setBounds] = useState({ from: "", to: "" });
  useEffect(() => setBounds({ from: from ?? DEFAULT_FROM, to: to ?? "" }), [from, to]);
  const apply = () => {
    change({ from: bounds.from.trim() || undefined, to: bounds.to.trim() || undefined });
    close();
  };
  return (
    <fieldset
      className="flex flex-col gap-2 border-t border-line pt-2"
      onKeyDown={(event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        apply();
      }}
    >
      <legend className="sr-only">Exact range</legend>
      <label className="text-xs text-quiet">
        From: 2026-11-26T08:00Z, now-90m, all
        <input
          className={FIELD}
          onChange={(event) => setBounds({ ...bounds, from: event.target.value })}
          value={bounds.from}
        />
      </label>
      <label className="text-xs text-quiet">
        To: empty means now
        <input
          className={FIELD}
          onChange={(event) => setBounds({ ...bounds, to: event.target.value })}
          value={bounds.to}
        />
      </label>
      <Button kind="main" onClick={apply}>
        Apply
      </Button>
    </fieldset>
  );
}
