import type { StoredRecord } from "@tallystick/record";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useMemo, type RefObject } from "react";
import { useIsNarrow } from "../page/narrow.ts";
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
/** In little room a record takes two lines. */
const NARROW_ROW_PX = 52;
const GAP_PX = 12;
const PREFETCH_ROWS = 100;
const ROW_LOOK = "absolute left-0 w-full cursor-pointer border-b border-line px-3";
const HEAD_LOOK = "sticky top-0 z-10 w-max min-w-full border-b border-line bg-raised text-xs text-quiet";
const WIDE_LOOK = `${ROW_LOOK} grid items-center gap-3`;
const NARROW_LOOK = `${ROW_LOOK} flex flex-col justify-center gap-0.5`;

/**
 * Only the rows in view are in the document. `j` and `k` move, Enter opens. In little room each has what is short on
 * one line and the names on the next, so that nothing is out of sight.
 */
export function RecordTable(props: RecordTableProps) {
  const { frame, records, since, count, farRow, sees, fields, loading, more, selected, open, atTop } = props;
  const isNarrow = useIsNarrow();
  const rowPx = isNarrow ? NARROW_ROW_PX : ROW_PX;
  const columns = useColumns(fields, since, isNarrow);
  const { tracks, leastPx } = widthsOf(columns);
  const rows = useVirtualizer({
    count: Math.max(count, records.length),
    getScrollElement: () => frame.current,
    estimateSize: () => rowPx,
    overscan: 16,
  });
  useEffect(() => rows.measure(), [rows, rowPx]);
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
      <div className={isNarrow ? "sr-only" : HEAD_LOOK} role="rowgroup">
        <div className="grid gap-3 px-3 py-1.5" role="row" style={{ gridTemplateColumns: tracks, minWidth: leastPx }}>
          {columns.map((column) => (
            <span className={column.numeric ? "text-right" : "truncate"} key={column.field} role="columnheader">
              {column.title}
            </span>
          ))}
        </div>
      </div>
      <div
        className="relative"
        role="rowgroup"
        style={{ height: rows.getTotalSize(), ...(isNarrow ? {} : { minWidth: leastPx }) }}
      >
        {items.map((item) => {
          const stored = records[item.index] ?? farRow(item.index);
          return stored === undefined ? (
            <Waiting at={item.index} heightPx={rowPx} key={item.index} start={item.start} />
          ) : (
            <Row
              at={item.index}
              columns={columns}
              isNarrow={isNarrow}
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

/** In little room those that are short come first, as their line does. */
function useColumns(fields: readonly string[], since: string | undefined, isNarrow: boolean): readonly RecordColumn[] {
  const moments = useMoments();
  const isOneDay = useIsToday(since);
  return useMemo(() => {
    const all = fields.map((field) => recordColumn(field, moments, isOneDay));
    return isNarrow ? [...all.filter(({ isShort }) => isShort), ...all.filter(({ isShort }) => !isShort)] : all;
  }, [fields, moments, isOneDay, isNarrow]);
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
  readonly isNarrow: boolean;
  readonly tracks: string;
  readonly stored: StoredRecord;
  readonly start: number;
  readonly selected: boolean;
  readonly open: (record: string) => void;
}

const Row = memo(function Row({ at, columns, isNarrow, tracks, stored, start, selected, open }: RowProps) {
  const key = keyOf(stored);
  const look = isNarrow ? NARROW_LOOK : WIDE_LOOK;
  const height = isNarrow ? NARROW_ROW_PX : ROW_PX;
  return (
    <div
      aria-rowindex={at + 2}
      aria-selected={selected}
      className={`${look} ${selected ? "bg-accent-ground" : "hover:bg-raised"}`}
      data-row=""
      onClick={() => open(key)}
      onKeyDown={(event) => event.key === "Enter" && open(key)}
      role="row"
      style={{ height, transform: `translateY(${start}px)`, ...(isNarrow ? {} : { gridTemplateColumns: tracks }) }}
      tabIndex={-1}
    >
      {isNarrow ? (
        <>
          <Line columns={columns.filter(({ isShort }) => isShort)} stored={stored} />
          <Line columns={columns.filter(({ isShort }) => !isShort)} stored={stored} />
        </>
      ) : (
        columns.map((column) => (
          <span
            className={`truncate font-mono text-xs ${column.numeric ? "text-right tabular-nums" : ""}`}
            key={column.field}
            role="cell"
          >
            {column.cell(stored)}
          </span>
        ))
      )}
    </div>
  );
});

/** One of the two lines of a record in little room; the last gives way to those before it. */
function Line({ columns, stored }: Pick<RowProps, "columns" | "stored">) {
  return (
    <span className="flex gap-3 overflow-hidden">
      {columns.map((column, at) => (
        <span
          className={`truncate font-mono text-xs ${at < columns.length - 1 ? "max-w-[45%] shrink-0" : ""}`}
          key={column.field}
          role="cell"
        >
          {column.cell(stored)}
        </span>
      ))}
    </span>
  );
}

/** Where a record will be. */
function Waiting({ at, heightPx, start }: { readonly at: number; readonly heightPx: number; readonly start: number }) {
  return (
    <div
      aria-rowindex={at + 2}
      className={WIDE_LOOK}
      role="row"
      style={{ height: heightPx, transform: `translateY(${start}px)` }}
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
