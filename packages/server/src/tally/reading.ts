/** What every reader of the tally's tables needs: a scope, a window of time, limits. */
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { IndexReader, QueryLimits } from "../index/index-seam.ts";
import type { Params } from "../search/compile/sql.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "../search/limits.ts";
import type { Scope } from "../search/scope.ts";
import { parseInstant } from "../search/time.ts";
import { EDGES_1H, EDGES_1M } from "./schema.ts";
import { newest } from "./edges.ts";

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

const HOUR_US = 3_600_000_000;
/** Longer windows are read from hours, which is what they are precise to. */
const MINUTES_SPAN_US = 6 * HOUR_US;

export interface EdgeRows {
  /** `FROM table WHERE …`: each time's newest rows within scope and window. */
  readonly from: string;
  readonly time: "minute" | "hour";
}

/** Where the map of a window is read. The window is of when calls were first received, in whole minutes or hours. */
export function edgeRows({ fromUs, toUs }: PeriodUs, nowUs: number, scope: Scope, params: Params): EdgeRows {
  const spanUs = (toUs ?? nowUs) - (fromUs ?? 0);
  const table = spanUs <= MINUTES_SPAN_US ? EDGES_1M : EDGES_1H;
  const time = table === EDGES_1M ? "minute" : "hour";
  const start = table === EDGES_1M ? "toStartOfMinute" : "toStartOfHour";
  const at = (us: number) => `toDateTime(${params.add(Math.max(0, Math.floor(us / 1_000_000)), "Int64")}, 'UTC')`;
  const within = [
    fromUs === null ? "1" : `${time} >= ${start}(${at(fromUs)})`,
    toUs === null ? "1" : `${time} < ${at(Math.ceil(toUs / 1_000_000) * 1_000_000)}`,
  ].join(" AND ");
  return {
    from: `FROM ${table.name} WHERE ${within} AND ${scopePredicate(scope, params)} AND ${newest(table, within)}`,
    time,
  };
}
