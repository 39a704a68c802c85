import type { CompileContext } from "./context.ts";
import { EARLIEST_TIME_US, presence } from "./column.ts";
import type { SearchColumn } from "./column.ts";
import { allOf } from "./sql.ts";
import type { Params } from "./sql.ts";

/** A constant instant; one that no record can name is the earliest one. */
export function instant(us: number, params: Params): string {
  return `fromUnixTimestamp64Micro(${params.add(Math.max(us, EARLIEST_TIME_US), "Int64")}, 'UTC')`;
}

/** Half-open; never true for an absent time. */
export function timeBetween(column: SearchColumn, startUs: number, endUs: number, { params }: CompileContext): string {
  const lower = startUs <= EARLIEST_TIME_US ? presence(column) : `${column.sql} >= ${instant(startUs, params)}`;
  return endUs >= Number.MAX_SAFE_INTEGER ? lower : allOf([lower, `${column.sql} < ${instant(endUs, params)}`]);
}
