import type { StoredRecord } from "@tallystick/record";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useMemo, type RefObject } from "react";
import { useMoments } from "../page/zone.ts";
import { recordColumn, type RecordColumn } from "./record-columns.tsx";

interface RecordTableProps {
  /** What scrolls. */
  readonly frame: RefObject<HTMLDivElement | null>;
  /** Those that were loaded in order, from the first on. */
  readonly records: readonly StoredRecord[];
  /** When the oldest row may be; its day need not stand in every row when it is today. */
  readonly since: string | undefined;
  /** Of all rows, also those that are not loaded. */
  readonly count: number;
  /** A row that was not loaded in order. */
  readonly farRow: (index: number) => StoredRecord | undefined;
  /** Rows in sight that were not loaded in order; null: there are none. */
  readonly sees: (rows: readonly [first: number, last: number] | null) => void;
  readonly fields: readonly string[];
  readonly loading: boolean;
  /** Asks for the next page; null when there is none or it is under way. */
  readonly more: (() => void) | null;
  /** The open record, `<tree>/<index>`. */
  readonly selected: string | undefined;
  readonly open: (record: string) => void;
  /** Whether the newest records are in sight. */
  readonly atTop?: (isAtTop: boolean) => void;
}

const ROW_PX = 30;
const GAP_PX = 12;
const PREFETCH_ROWS = 100;
const ROW_LOOK = "absolute left-0 grid w-full cursor-pointer items-center gap-3 border-b border-line px-3";

/** Only the rows in view are in the document. `j` and `k` move, Enter opens. */
export function RecordTable(props: RecordTableProps) {
  const { frame, records, since, count, farRow, sees, fields, loading, more, selected, open, atTop } = props;
  const moments = useMoments();
  const isOneDay = useIsToday(since);
  const columns = useMemo(
    () => fields.map((field) => recordColumn(field, moments, isOneDay)),
    [fields, moments, isOneDay],
  );
  const { tracks, leastPx } = widthsOf(columns);
  const rows = useVirtualizer({
    count: Math.max(count, records.length),
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 16,
  });
  const items = rows.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? 0];
  const isFar = !loading && first > records.length + PREFETCH_ROWS;
  useEffect(() => {
    if (more !== null && !isFar && last >= records.length - PREFETCH_ROWS) more();
  }, [last, isFar, more, records.length]);
  useEffect(() => sees(isFar ? [first, last] : null), [isFar, first, last, sees]);
  if (!loading && records.length === 0) return <NothingFound />;
  return (
    <div
      ref={frame}
      aria-busy={loading}
      aria-label="Records"
      aria-rowcount={Math.max(count, records.length) + 1}
      className="min-h-40 grow overflow-auto rounded border border-line"
      onScroll={(event) => atTop?.(event.currentTarget.scrollTop < ROW_PX)}
      role="table"
      tabIndex={0}
    >
      <div
        className="sticky top-0 z-10 w-max min-w-full border-b border-line bg-raised text-xs text-quiet"
        role="rowgroup"
      >
        <div className="grid gap-3 px-3 py-1.5" role="row" style={{ gridTemplateColumns: tracks, minWidth: leastPx }}>
          {columns.map((column) => (
            <span className={column.numeric ? "text-right" : "truncate"} key={column.field} role="columnheader">
              {column.title}
            </span>
          ))}
        </div>
      </div>
      <div className="relative" role="rowgroup" style={{ height: rows.getTotalSize(), minWidth: leastPx }}>
        {items.map((item) => {
          const stored = records[item.index] ?? farRow(item.index);
          return stored === undefined ? (
            <Waiting at={item.index} key={item.index} start={item.start} />
          ) : (
            <Row
              at={item.index}
              columns={columns}
              key={keyOf(stored)}
              open={open}
              selected={selected === keyOf(stored)}
              start={item.start}
              stored={stored}
              tracks={tracks}
            />
          );
        })}
      </div>
    </div>
  );
}

function useIsToday(since: string | undefined): boolean {
  const { moment } = useMoments();
  return since !== undefined && moment(since).slice(0, 10) === moment(new Date().toISOString()).slice(0, 10);
}

function widthsOf(columns: readonly RecordColumn[]): { readonly tracks: string; readonly leastPx: number } {
  return {
    tracks: columns.map(({ track }) => track).join(" "),
    leastPx: columns.reduce((sum, column) => sum + column.leastPx + GAP_PX, 24),
  };
}

interface RowProps {
  readonly at: number;
  readonly columns: readonly RecordColumn[];
  readonly tracks: string;
  readonly stored: StoredRecord;
  readonly start: number;
  readonly selected: boolean;
  readonly open: (record: string) => void;
}

const Row = memo(function Row({ at, columns, tracks, stored, start, selected, open }: RowProps) {
  const key = keyOf(stored);
  return (
    <div
      aria-rowindex={at + 2}
      aria-selected={selected}
      className={selected ? `${ROW_LOOK} bg-accent-ground` : `${ROW_LOOK} hover:bg-raised`}
      data-row=""
      onClick={() => open(key)}
      onKeyDown={(event) => event.key === "Enter" && open(key)}
      role="row"
      style={{ gridTemplateColumns: tracks, height: ROW_PX, transform: `translateY(${start}px)` }}
      tabIndex={-1}
    >
      {columns.map((column) => (
        <span
          className={`truncate font-mono text-xs ${column.numeric ? "text-right tabular-nums" : ""}`}
          key={column.field}
          role="cell"
        >
          {column.cell(stored)}
        </span>
      ))}
    </div>
  );
});

/** Where a record will be. */
function Waiting({ at, start }: { readonly at: number; readonly start: number }) {
  return (
    <div
      aria-rowindex={at + 2}
      className={ROW_LOOK}
      role="row"
      style={{ height: ROW_PX, transform: `translateY(${start}px)` }}
    >
      <span className="h-3 rounded bg-raised" role="cell" style={{ width: `${40 + ((at * 17) % 45)}%` }}>
        <span className="sr-only">not loaded yet</span>
      </span>
    </div>
  );
}

function NothingFound() {
  return (
    <div className="grid grow place-items-center rounded border border-line p-6 text-center">
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

export function keyOf(stored: StoredRecord): string {
  return `${stored.tree}/${stored.leaf_index}`;
}
