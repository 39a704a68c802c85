import type { Histogram, SearchPage } from "../client/types.ts";
import { formatCount } from "../page/format.ts";
import { ALL_TIME, type SearchState } from "./search-state.ts";

interface ResultLineProps {
  readonly state: SearchState;
  readonly change: (changes: Partial<SearchState>) => void;
  readonly histogram: Histogram | undefined;
  readonly total: number | undefined;
  readonly first: SearchPage | undefined;
  readonly busy: boolean;
}

/** How many were found, how long it took, and what the range or the view leaves out, one click away. */
export function ResultLine({ state, change, histogram, total, first, busy }: ResultLineProps) {
  const found = histogram?.total;
  const outside = total === undefined || found === undefined ? 0 : Math.max(total - found, 0);
  return (
    <div className="flex h-7 shrink-0 flex-wrap items-center gap-3 text-quiet" role="status">
      <span className="font-medium text-ink">
        {found === undefined ? "Searching…" : `${formatCount(found)} ${found === 1 ? "record" : "records"}`}
      </span>
      {first !== undefined && <span>{busy ? "…" : `${Math.round(first.elapsed_ms)} ms`}</span>}
      {(first?.partial === true || histogram?.partial === true) && (
        <span className="text-warn">Cut by a limit: narrow the query or the range to see all</span>
      )}
      {outside > 0 && (
        <button
          className="cursor-pointer text-accent underline"
          onClick={() => change({ from: ALL_TIME, to: undefined })}
          type="button"
        >
          {formatCount(outside)} more outside this range
        </button>
      )}
      <label className="ml-auto flex cursor-pointer items-center gap-1.5">
        <input
          checked={state.own === true}
          onChange={(event) => change({ own: event.target.checked ? true : undefined })}
          type="checkbox"
        />
        Tallystick’s own records
      </label>
    </div>
  );
}
