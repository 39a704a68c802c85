/** The breaks of a call's row as parallel arrays, which is how they are asked for. */
import type { Break } from "./verdict.ts";

export interface BreakColumns {
  readonly kinds: readonly string[];
  readonly fields: readonly string[];
  readonly caller_values: readonly string[];
  readonly callee_values: readonly string[];
  readonly tolerances: readonly string[];
}

export const BREAK_COLUMNS = ["kind", "field", "caller_value", "callee_value", "tolerance"]
  .map((name, place) => `arrayMap(found -> found.${place + 1}, breaks) AS ${name}s`)
  .join(", ");

export function breaksOf(row: BreakColumns): readonly Break[] {
  return row.kinds.map((kind, place) => ({
    kind,
    field: row.fields[place]!,
    caller_value: row.caller_values[place]!,
    callee_value: row.callee_values[place]!,
    tolerance: row.tolerances[place]!,
  }));
}
