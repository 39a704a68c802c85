/** What every reader of the tally's tables needs: a scope, a window of time, limits. */
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { IndexReader, QueryLimits } from "../index/index-seam.ts";
import type { Params } from "../search/compile/sql.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "../search/limits.ts";
import { scopePredicate } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { parseInstant } from "../search/time.ts";
import { goodDays, newest } from "./edges.ts";
import { EDGE_COLUMNS, EDGES_1D, EDGES_1H, EDGES_1M } from "./schema.ts";
import type { EdgeTable } from "./schema.ts";

export interface TallySources {
  readonly reader: IndexReader;
  readonly clock: Clock;
}

/** Half-open, RFC 3339, a date or `now-15m`; absent: no bound. */
export interface Period {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface PeriodUs {
  readonly fromUs: number | null;
  readonly toUs: number | null;
}

/** Our own statements name columns and what is made of them alike. */
export const OWN_SETTINGS = " SETTINGS prefer_column_name_to_alias = 1";

export const limitsFor = (maxRows: number): QueryLimits => ({
  timeoutMs: SEARCH_TIMEOUT_MS,
  maxRows,
  maxMemoryBytes: SEARCH_MEMORY_BYTES,
});

export function periodOf({ from, to }: Period, nowUs: number): PeriodUs {
  return {
    fromUs: from === undefined || from === "" ? null : parseInstant(from, nowUs, "from"),
    toUs: to === undefined || to === "" ? null : parseInstant(to, nowUs, "to"),
  };
}

export interface Edge {
  readonly caller: string;
  readonly callee: string;
}

/** `orders:payments`; a name that has a colon itself is written with `%3A` there. */
export function parseEdge(text: string): Edge {
  const parts = text.split(":");
  const [caller, callee] = parts.map((part) => part.replaceAll("%3A", ":").replaceAll("%25", "%"));
  if (parts.length === 2 && caller && callee) return { caller, callee };
  throw new TallystickError("bad_request", "edge is not two names with a colon between them.", {
    hint: "Write caller:callee, as orders:payments; a colon within a name as %3A.",
    at: { parameter: "edge" },
  });
}

const MINUTE_US = 60_000_000;
const HOUR_US = 3_600_000_000;
const DAY_US = 86_400_000_000;
/** Longer windows are read from hours, which is what they are precise to. */
const MINUTES_SPAN_US = 6 * HOUR_US;

export interface EdgeRows {
  /** `FROM (…) WHERE …`: each time's newest rows within scope and window, EDGE_COLUMNS. */
  readonly from: string;
  /** The window in the whole minutes or hours that are read. */
  readonly period: PeriodUs;
}

/** Where the map of a window is read. The window is of when calls were first received, in whole minutes or hours. */
export function edgeRows(asked: PeriodUs, nowUs: number, scope: Scope, params: Params): EdgeRows {
  const isShort = (asked.toUs ?? nowUs) - (asked.fromUs ?? 0) <= MINUTES_SPAN_US;
  if (!isShort) return hourRows(asked, nowUs, scope, params);
  const period = inWhole(MINUTE_US, asked);
  const minutes = timePredicate(EDGES_1M, period, params);
  const rows = rowsOf(EDGES_1M, `${minutes} AND ${newest(EDGES_1M, minutes)}`, scope, params);
  return { from: `FROM (${rows}) WHERE 1`, period };
}

/** `SELECT` of the minutes of any window, however long, each with its `minute`: EDGE_COLUMNS beside it. */
export function minuteRows(asked: PeriodUs, scope: Scope, params: Params): string {
  const minutes = timePredicate(EDGES_1M, inWhole(MINUTE_US, asked), params);
  return rowsOf(EDGES_1M, `${minutes} AND ${newest(EDGES_1M, minutes)}`, scope, params, `minute, ${EDGE_COLUMNS}`);
}

/** The same in whole hours, however short the window is: days where they are good, else hours. */
export function hourRows(asked: PeriodUs, nowUs: number, scope: Scope, params: Params): EdgeRows {
  const period = inWhole(HOUR_US, asked);
  const wholeDays = {
    fromUs: period.fromUs === null ? null : Math.ceil(period.fromUs / DAY_US) * DAY_US,
    toUs: Math.floor((period.toUs ?? nowUs) / DAY_US) * DAY_US,
  };
  const within = (table: EdgeTable) => timePredicate(table, wholeDays, params);
  const good = goodDays(within(EDGES_1D), within(EDGES_1H));
  const hours = timePredicate(EDGES_1H, period, params);
  const others = `${hours} AND toStartOfDay(hour) NOT IN (SELECT day FROM (${good})) AND ${newest(EDGES_1H, hours)}`;
  const days = rowsOf(EDGES_1D, `(day, version) IN (${good})`, scope, params);
  return { from: `FROM (${days} UNION ALL ${rowsOf(EDGES_1H, others, scope, params)}) WHERE 1`, period };
}

function inWhole(widthUs: number, { fromUs, toUs }: PeriodUs): PeriodUs {
  return {
    fromUs: fromUs === null ? null : Math.floor(fromUs / widthUs) * widthUs,
    toUs: toUs === null ? null : Math.ceil(toUs / widthUs) * widthUs,
  };
}

function rowsOf(
  { name }: EdgeTable,
  predicate: string,
  scope: Scope,
  params: Params,
  columns: string = EDGE_COLUMNS,
): string {
  return `SELECT ${columns} FROM ${name} WHERE ${scopePredicate(scope, params, "calls")} AND ${predicate}`;
}

/** Rows of the period, by the column of their time; both ends are of whole seconds. */
export function timePredicate({ time }: Pick<EdgeTable, "time">, { fromUs, toUs }: PeriodUs, params: Params): string {
  const at = (us: number) => `toDateTime(${params.add(Math.max(0, Math.floor(us / 1_000_000)), "Int64")}, 'UTC')`;
  return [fromUs === null ? "1" : `${time} >= ${at(fromUs)}`, toUs === null ? "1" : `${time} < ${at(toUs)}`].join(
    " AND ",
  );
}
