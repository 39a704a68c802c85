import type { Trace } from "../client/trace.ts";
import { formatCount, formatDuration } from "../page/format.ts";
import { Chip } from "../page/chip.tsx";
import type { TraceView } from "./shown-nodes.ts";

interface TraceFactsProps {
  readonly trace: Trace;
  readonly view: TraceView;
  readonly change: (changes: { readonly call?: string | undefined; readonly view?: string | undefined }) => void;
}

const TABS: readonly (readonly [TraceView, string])[] = [
  ["all", "All calls"],
  ["errors", "Failed and unpaired"],
  ["critical", "Critical path"],
];
const TAB =
  "cursor-pointer rounded border border-line bg-raised px-2.5 py-1 aria-pressed:border-accent aria-pressed:bg-accent-ground aria-pressed:text-accent";

/** What is wrong with the trace, one click away, before anybody reads the waterfall. */
export function TraceFacts({ trace, view, change }: TraceFactsProps) {
  const { counts, clocks, first_failure: place } = trace;
  const first = place === null ? undefined : trace.nodes[place];
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-2">
      <div className="flex gap-1">
        {TABS.map(([name, title]) => (
          <button
            aria-pressed={view === name}
            className={TAB}
            key={name}
            onClick={() => change({ view: name === "all" ? undefined : name })}
            type="button"
          >
            {title}
          </button>
        ))}
      </div>
      {first !== undefined && (
        <button
          className="cursor-pointer text-bad underline"
          onClick={() => change({ call: first.call_id })}
          type="button"
        >
          First failure: {first.operation} at {first.target_id || first.service_id}
        </button>
      )}
      {counts.failed > 0 && <Chip tone="bad">{formatCount(counts.failed)} failed</Chip>}
      {counts.unpaired > 0 && <Chip tone="bad">{formatCount(counts.unpaired)} with a missing half</Chip>}
      {counts.retries > 0 && <Chip tone="warn">{formatCount(counts.retries)} retries</Chip>}
      {counts.orphans > 0 && <Chip tone="warn">{formatCount(counts.orphans)} whose parent nobody recorded</Chip>}
      {trace.partial && <Chip tone="warn">cut by a limit: not all of it</Chip>}
      {clocks.length > 0 && (
        <span className="text-quiet">
          Clocks corrected: {clocks.map((clock) => `${clock.recorder_id} ${signed(clock.offset_us)}`).join(", ")}
        </span>
      )}
    </div>
  );
}

function signed(us: number): string {
  return `${us < 0 ? "−" : "+"}${formatDuration(Math.abs(us))}`;
}
