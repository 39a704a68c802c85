import type { Histogram, SearchPage } from "../client/types.ts";
import { formatCount } from "../page/format.ts";
import { ALL_TIME, type ChangeSearch, type SearchState } from "./search-state.ts";
import type { Tail } from "./use-tail.ts";

interface ResultLineProps {
  readonly state: SearchState;
  readonly change: ChangeSearch;
  readonly histogram: Histogram | undefined;
  readonly total: number | undefined;
  /** Tallystick's own records that match; null: not known. */
  readonly ownCount: number | null;
  readonly first: SearchPage | undefined;
  readonly busy: boolean;
  readonly tail: Tail;
  readonly resume: () => void;
}

const CHIP =
  "cursor-pointer rounded-full border border-line px-2.5 py-0.5 hover:border-quiet aria-pressed:border-accent aria-pressed:bg-accent-ground aria-pressed:text-accent";

/** How many were found, how long it took, and what the range or the view leaves out, one click away. */
export function ResultLine(props: ResultLineProps) {
  const { state, change, histogram, total, ownCount, first, busy } = props;
  const found = histogram?.total;
  const outside = total === undefined || found === undefined ? 0 : Math.max(total - found, 0);
  return (
    <div className="flex min-h-7 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 text-quiet">
      <span className="flex flex-wrap items-center gap-3" role="status">
        <span className="font-medium text-ink">
          {found === undefined ? "Searching…" : `${formatCount(found)} ${found === 1 ? "record" : "records"}`}
        </span>
        {first !== undefined && <span>{busy ? "…" : `${Math.round(first.elapsed_ms)} ms`}</span>}
        {(first?.partial === true || histogram?.partial === true) && (
          <span className="text-warn">Cut by a limit: narrow the query or the range to see all</span>
        )}
      </span>
      {outside > 0 && (
        <button
          className="cursor-pointer text-accent underline"
          onClick={() => change({ from: ALL_TIME, to: undefined })}
          type="button"
        >
          {formatCount(outside)} more outside this range
        </button>
      )}
      <div className="ml-auto flex flex-wrap items-center gap-2">
        <Live {...props} />
        <button
          aria-pressed={state.own === true}
          className={CHIP}
          onClick={() => change({ own: state.own === true ? undefined : true })}
          title="Verdicts, alerts, reads and changes that Tallystick itself recorded"
          type="button"
        >
          {ownCount === null || ownCount === 0
            ? "Tallystick’s own records"
            : `+ ${formatCount(ownCount)} of Tallystick’s own`}
        </button>
      </div>
    </div>
  );
}

function Live({ state, change, tail, resume }: ResultLineProps) {
  return (
    <>
      {tail.state === "broken" && <span className="text-bad">The tail ended; start it again.</span>}
      {tail.state === "connecting" && <span>connecting…</span>}
      {tail.waiting > 0 && (
        <button className={CHIP} onClick={resume} type="button">
          Paused: {formatCount(tail.waiting)} new, show them
        </button>
      )}
      <button
        aria-pressed={state.live === true}
        className={CHIP}
        onClick={() => change({ live: state.live === true ? undefined : true })}
        title="Records as they come; scrolling down pauses"
        type="button"
      >
        <span aria-hidden="true" className={state.live === true ? "pr-1 text-bad" : "pr-1"}>
          ●
        </span>
        Live
      </button>
    </>
  );
}
