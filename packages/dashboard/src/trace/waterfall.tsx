import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef } from "react";
import { isFailed, type Trace, type TraceHalf, type TraceNode } from "../client/trace.ts";
import { formatDuration } from "../page/format.ts";

interface WaterfallProps {
  readonly trace: Trace;
  readonly nodes: readonly TraceNode[];
  readonly chosen: string | undefined;
  readonly choose: (callId: string) => void;
}

const ROW_PX = 34;
const TICKS = [0, 0.25, 0.5, 0.75, 1];
/** In a narrow window both columns fit, and each step inwards is shorter. */
const COLUMNS = "grid grid-cols-[2fr_3fr] sm:grid-cols-[minmax(11rem,3fr)_6fr]";

/** Calls one below the other, time to the right; only the rows in view are in the document. */
export function Waterfall({ trace, nodes, chosen, choose }: WaterfallProps) {
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: nodes.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  useEffect(() => {
    const at = nodes.findIndex((node) => node.call_id === chosen);
    if (at >= 0) rows.scrollToIndex(at, { align: "auto" });
  }, [chosen, nodes, rows]);
  return (
    <div
      aria-label="Calls"
      aria-rowcount={nodes.length + 1}
      className="[--step:0.375rem] sm:[--step:0.875rem] max-h-[70vh] min-h-72 min-w-0 grow overflow-auto lg:max-h-none rounded-lg border border-line"
      ref={frame}
      role="table"
      tabIndex={0}
    >
      <div
        className="sticky top-0 z-10 border-b sm:min-w-[40rem] border-line bg-raised text-xs text-quiet"
        role="rowgroup"
      >
        <div className={COLUMNS} role="row">
          <span className="px-3 py-1.5" role="columnheader">
            call
          </span>
          <span className="relative mr-16" role="columnheader">
            <span className="sr-only">time</span>
            {TICKS.map((share) => (
              <span
                className={`absolute top-1.5 whitespace-nowrap ${share === 1 ? "-translate-x-full" : ""} ${share % 1 === 0 ? "" : "hidden sm:inline"}`}
                key={share}
                style={{ left: `${share * 100}%` }}
              >
                {formatDuration(share * trace.duration_us)}
              </span>
            ))}
          </span>
        </div>
      </div>
      <div className="relative sm:min-w-[40rem]" role="rowgroup" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((item) => {
          const node = nodes[item.index];
          return node === undefined ? null : (
            <Row
              at={item.index}
              choose={choose}
              isChosen={node.call_id === chosen}
              isFirst={node.node === trace.first_failure}
              key={node.node}
              node={node}
              start={item.start}
              totalUs={Math.max(trace.duration_us, 1)}
            />
          );
        })}
      </div>
    </div>
  );
}

interface RowProps {
  readonly node: TraceNode;
  readonly at: number;
  readonly start: number;
  readonly totalUs: number;
  readonly isChosen: boolean;
  readonly isFirst: boolean;
  readonly choose: (callId: string) => void;
}

const Row = memo(function Row({ node, at, start, totalUs, isChosen, isFirst, choose }: RowProps) {
  const callee = node.target_id === "" ? node.service_id : node.target_id;
  const failed = isFailed(node);
  return (
    <div
      aria-rowindex={at + 2}
      aria-selected={isChosen}
      className={`absolute left-0 w-full cursor-pointer items-center border-b border-line ${COLUMNS} ${isChosen ? "bg-accent-ground" : "hover:bg-raised"}`}
      data-row=""
      onClick={() => choose(node.call_id)}
      onKeyDown={(event) => event.key === "Enter" && choose(node.call_id)}
      role="row"
      style={{ height: ROW_PX, transform: `translateY(${start}px)` }}
      tabIndex={-1}
    >
      <span
        className="flex min-w-0 items-baseline gap-1.5 pr-2"
        role="cell"
        style={{ paddingLeft: `calc(0.75rem + ${Math.min(node.depth, 12)} * var(--step))` }}
      >
        {failed && (
          <span aria-label={isFirst ? "first failure" : "failed"} className="text-bad" role="img">
            {isFirst ? "✖" : "✕"}
          </span>
        )}
        <span className="truncate font-medium sm:shrink-0">{callee}</span>
        {node.protocol !== "http" && (
          <span className="hidden shrink-0 text-xs text-quiet sm:inline">{node.protocol}</span>
        )}
        <span className="min-w-0 shrink-[9999] truncate font-mono text-xs text-quiet">{node.operation}</span>
      </span>
      <span className="relative mr-16 h-full" role="cell">
        {TICKS.map((share) => (
          <span
            aria-hidden="true"
            className="absolute inset-y-0 w-px bg-line opacity-60"
            key={share}
            style={{ left: `${share * 100}%` }}
          />
        ))}
        <Bars node={node} totalUs={totalUs} />
      </span>
    </div>
  );
});

/** The caller's half above the callee's; what is between their ends is the network. A missing half is a dashed gap. */
function Bars({ node, totalUs }: { readonly node: TraceNode; readonly totalUs: number }) {
  const failed = isFailed(node);
  const whole = { offset_us: node.offset_us, duration_us: node.duration_us };
  const endShare = (node.offset_us + (node.duration_us ?? 0)) / totalUs;
  return (
    <>
      <Bar
        className={failed ? "border-bar-bad bg-bar-bad/25" : "border-bar bg-bar/25"}
        half={node.caller}
        missing={node.missing.includes("caller")}
        side="caller"
        totalUs={totalUs}
        whole={whole}
      />
      <Bar
        className={failed ? "border-bar-bad bg-bar-bad" : "border-bar bg-bar"}
        half={node.callee}
        missing={node.missing.includes("callee")}
        side="callee"
        totalUs={totalUs}
        whole={whole}
      />
      {node.critical_us > 0 && (
        <span
          aria-hidden="true"
          className="absolute bottom-1 h-0.5 bg-accent"
          style={placed(node.offset_us, node.duration_us ?? 0, totalUs)}
        />
      )}
      <span
        className="absolute top-2 pl-1.5 text-xs whitespace-nowrap tabular-nums text-quiet"
        style={
          endShare > 0.86
            ? { right: `${Math.max(0, (1 - endShare) * 100)}%`, transform: "translateX(100%)" }
            : { left: `${endShare * 100}%` }
        }
      >
        {node.duration_us === null ? "?" : formatDuration(node.duration_us)}
      </span>
    </>
  );
}

interface BarProps {
  readonly half: TraceHalf | null;
  readonly side: "caller" | "callee";
  readonly missing: boolean;
  readonly whole: { readonly offset_us: number; readonly duration_us: number | null };
  readonly totalUs: number;
  readonly className: string;
}

function Bar({ half, side, missing, whole, totalUs, className }: BarProps) {
  if (half === null && !missing) return null;
  const shown = half ?? whole;
  const look = half === null ? "border-dashed border-bad" : className;
  return (
    <span
      aria-label={half === null ? `${side} recorded nothing` : `${side} ${formatDuration(shown.duration_us ?? 0)}`}
      className={`absolute h-[9px] min-w-[3px] rounded-xs border ${look} ${side === "caller" ? "top-1.5" : "top-[17px]"}`}
      role="img"
      style={placed(shown.offset_us, shown.duration_us ?? 0, totalUs)}
    />
  );
}

function placed(offsetUs: number, durationUs: number, totalUs: number) {
  return { left: `${(offsetUs / totalUs) * 100}%`, width: `${Math.max((durationUs / totalUs) * 100, 0.15)}%` };
}
