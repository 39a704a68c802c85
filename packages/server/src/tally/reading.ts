/** What every reader of the tally's tables needs: a scope, a window of time, limits. */
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { IndexReader, QueryLimits } from "../index/index-seam.ts";
import type { Params } from "../search/compile/sql.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "../search/limits.ts";
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

export function scopePredicate({ logs }: Scope, params: Params): string {
  if (logs === "*") return "1";
  return logs.length === 0 ? "0" : `has(${params.add(logs, "Array(String)")}, log)`;
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
export function edgeRows({ fromUs, toUs }: PeriodUs, nowUs: number, scope: Scope, params: Params): EdgeRows {
  const isShort = (toUs ?? nowUs) - (fromUs ?? 0) <= MINUTES_SPAN_US;
  const widthUs = isShort ? MINUTE_US : HOUR_US;
  const period = {
    fromUs: fromUs === null ? null : Math.floor(fromUs / widthUs) * widthUs,
    toUs: toUs === null ? null : Math.ceil(toUs / widthUs) * widthUs,
  };
  const visible = scopePredicate(scope, params);
  const rows = (table: EdgeTable, predicate: string) =>
    `SELECT ${EDGE_COLUMNS} FROM ${table.name} WHERE ${visible} AND ${predicate}`;
  const within = (table: EdgeTable, bounds: PeriodUs) => timePredicate(table, bounds, params);
  if (isShort) {
    const minutes = within(EDGES_1M, period);
    return { from: `FROM (${rows(EDGES_1M, `${minutes} AND ${newest(EDGES_1M, minutes)}`)}) WHERE 1`, period };
  }
  const wholeDays = {
    fromUs: period.fromUs === null ? null : Math.ceil(period.fromUs / DAY_US) * DAY_US,
    toUs: Math.floor((period.toUs ?? nowUs) / DAY_US) * DAY_US,
  };
  const good = goodDays(within(EDGES_1D, wholeDays), within(EDGES_1H, wholeDays));
  const hours = within(EDGES_1H, period);
  const others = `${hours} AND toStartOfDay(hour) NOT IN (SELECT day FROM (${good})) AND ${newest(EDGES_1H, hours)}`;
  const days = `(day, version) IN (${good})`;
  return { from: `FROM (${rows(EDGES_1D, days)} UNION ALL ${rows(EDGES_1H, others)}) WHERE 1`, period };
}

function timePredicate({ time }: EdgeTable, { fromUs, toUs }: PeriodUs, params: Params): string {
  const at = (us: number) => `toDateTime(${params.add(Math.max(0, Math.floor(us / 1_000_000)), "Int64")}, 'UTC')`;
  return [fromUs === null ? "1" : `${time} >= ${at(fromUs)}`, toUs === null ? "1" : `${time} < ${at(toUs)}`].join(
    " AND ",
  );
}
