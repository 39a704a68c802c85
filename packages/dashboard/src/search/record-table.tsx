import type { StoredRecord } from "@tallystick/record";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, type KeyboardEvent } from "react";
import { GRID_TRACKS, RECORD_COLUMNS } from "./record-columns.tsx";

interface RecordTableProps {
  readonly records: readonly StoredRecord[];
  readonly loading: boolean;
  /** Asks for the next page; null when there is none or it is under way. */
  readonly more: (() => void) | null;
  /** The open record, `<tree>/<index>`. */
  readonly selected: string | undefined;
  readonly open: (record: string) => void;
}

const ROW_PX = 30;
const PREFETCH_ROWS = 40;
const ROW_LOOK = "absolute left-0 grid w-full cursor-pointer items-center gap-3 border-b border-line px-3";

/** Only the rows in view are in the document. `j`, `k` and the arrows move, Enter opens. */
export function RecordTable({ records, loading, more, selected, open }: RecordTableProps) {
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: records.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more !== null && last >= records.length - PREFETCH_ROWS) more();
  }, [last, more, records.length]);
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = records.findIndex((stored) => keyOf(stored) === document.activeElement?.getAttribute("data-record"));
    const next = Math.min(Math.max(at + step, 0), records.length - 1);
    rows.scrollToIndex(next);
    requestAnimationFrame(() => {
      frame.current?.querySelector<HTMLElement>(`[data-at="${next}"]`)?.focus();
    });
  };
  if (!loading && records.length === 0) return <NothingFound />;
  return (
    <div
      ref={frame}
      aria-busy={loading}
      aria-label="Records"
      aria-rowcount={records.length + 1}
      className="min-h-0 grow overflow-auto rounded border border-line"
      onKeyDown={move}
      role="table"
      tabIndex={0}
    >
      <div className="sticky top-0 z-10 border-b border-line bg-raised text-xs text-quiet" role="rowgroup">
        <div className="grid min-w-[64rem] gap-3 px-3 py-1.5" role="row" style={{ gridTemplateColumns: GRID_TRACKS }}>
          {RECORD_COLUMNS.map((column) => (
            <span className={column.numeric === true ? "text-right" : ""} key={column.title} role="columnheader">
              {column.title}
            </span>
          ))}
        </div>
      </div>
      <div className="relative min-w-[64rem]" role="rowgroup" style={{ height: rows.getTotalSize() }}>
        {items.map((item) => {
          const stored = records[item.index];
          return stored === undefined ? null : (
            <Row
              at={item.index}
              key={keyOf(stored)}
              open={open}
              selected={selected === keyOf(stored)}
              start={item.start}
              stored={stored}
            />
          );
        })}
      </div>
    </div>
  );
}

interface RowProps {
  readonly at: number;
  readonly stored: StoredRecord;
  readonly start: number;
  readonly selected: boolean;
  readonly open: (record: string) => void;
}

function Row({ at, stored, start, selected, open }: RowProps) {
  const key = keyOf(stored);
  return (
    <div
      aria-rowindex={at + 2}
      aria-selected={selected}
      className={selected ? `${ROW_LOOK} bg-accent-ground` : `${ROW_LOOK} hover:bg-raised`}
      data-at={at}
      data-record={key}
      onClick={() => open(key)}
      onKeyDown={(event) => event.key === "Enter" && open(key)}
      role="row"
      style={{ gridTemplateColumns: GRID_TRACKS, height: ROW_PX, transform: `translateY(${start}px)` }}
      tabIndex={-1}
    >
      {RECORD_COLUMNS.map((column) => (
        <span
          className={`truncate font-mono text-xs ${column.numeric === true ? "text-right tabular-nums" : ""}`}
          key={column.title}
          role="cell"
        >
          {column.cell(stored)}
        </span>
      ))}
    </div>
  );
}

function NothingFound() {
  return (
    <div className="grid grow place-items-center rounded border border-line text-center">
      <div>
        <p className="text-base font-medium">No record matches</p>
        <p className="mt-1 max-w-md text-quiet">
          Widen the time range, or drop a term. Words match without case; ids match exactly. Records show up here within
          a second of being sent.
        </p>
      </div>
    </div>
  );
}

function keyOf(stored: StoredRecord): string {
  return `${stored.tree}/${stored.leaf_index}`;
}
