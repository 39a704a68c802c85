/**
 * Exact conditions on columns, each in the form that the column's representation and its index need. A value that the
 * column cannot hold gives `false`, never an error: nothing equals it.
 */
import { COLUMN_BY_NAME, COLUMNS } from "./columns.ts";
import type { Column } from "./columns.ts";

export interface Condition {
  readonly sql: string;
  readonly params: Readonly<Record<string, unknown>>;
}

const NEVER: Condition = { sql: "false", params: {} };
const HEX_LENGTHS: Readonly<Record<string, number>> = { trace_id: 32, span_id: 16, parent_span_id: 16 };
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const HEX = /^[0-9a-f]+$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const TRACE_CALL = /^([0-9a-f]{32})\/[0-9a-f]{16}$/;

const one = (sql: string, param: string, value: unknown): Condition => ({ sql, params: { [param]: value } });

/** Equality by the column's own form. `param` names the parameter; names that begin with it are ours. */
export function equalTo(name: string, value: string, param: string): Condition {
  if (name === "call_id") return callIdEqualTo(value, param);
  const column = COLUMN_BY_NAME.get(name);
  return column === undefined ? NEVER : columnEqualTo(column, value, param);
}

function columnEqualTo(column: Column, value: string, param: string): Condition {
  const { name } = column;
  switch (column.shape) {
    case "name":
    case "text":
      return one(`${name} = {${param}:String}`, param, value);
    case "uuid": {
      const lower = value.toLowerCase();
      return UUID.test(lower) ? one(`${name} = {${param}:UUID}`, param, lower) : NEVER;
    }
    case "hex": {
      const lower = value.toLowerCase();
      return HEX.test(lower) && lower.length === HEX_LENGTHS[name]
        ? one(`${name} = unhex({${param}:String})`, param, lower)
        : NEVER;
    }
    case "digest":
      return DIGEST.test(value)
        ? one(`${name} = unhex({${param}:String})`, param, value.slice("sha256:".length))
        : NEVER;
    case "hash":
      return /^[0-9a-f]{64}$/.test(value) ? one(`${name} = unhex({${param}:String})`, param, value) : NEVER;
    case "uint":
      return /^\d{1,16}$/.test(value) ? one(`${name} = {${param}:Int64}`, param, value) : NEVER;
    case "signed":
      return /^-?\d{1,16}$/.test(value) ? one(`ifNull(${name} = {${param}:Int64}, false)`, param, value) : NEVER;
    case "flag":
      return value === "true" || value === "false"
        ? one(`${name} = {${param}:Int64}`, param, value === "true" ? 1 : 0)
        : NEVER;
    case "names":
      return one(`has(${name}, {${param}:String})`, param, value);
    case "map":
      return one(`has(mapValues(${name}), {${param}:String})`, param, value);
    case "time":
      return one(`${name} = parseDateTime64BestEffortOrNull({${param}:String}, 6, 'UTC')`, param, value);
  }
}

/** A call id from traces is no stored text: its trace id is looked up, then the whole is compared. */
function callIdEqualTo(value: string, param: string): Condition {
  const match = TRACE_CALL.exec(value);
  const kept = `call_id_kept = {${param}:String}`;
  if (match === null) return one(kept, param, value);
  return {
    sql: `(${kept} OR (trace_id = unhex({${param}_trace:String}) AND empty(call_id_kept) AND call_id = {${param}:String}))`,
    params: { [param]: value, [`${param}_trace`]: match[1]! },
  };
}

/** What is shorter, or has no digit, is found by its words. */
export const ID_LENGTH = 6;

/** An address, a name with @, or anything longer with a digit in it: a bare word that is compared with ids too. */
export function looksLikeId(text: string): boolean {
  return /[@:]/.test(text) || (text.length >= ID_LENGTH && /\d/.test(text));
}

/**
 * True of rows in which some id is exactly `value`: what a bare word means beside the words of texts. Only columns
 * that can hold a value of its form are asked.
 */
export function bareId(value: string, param: string): Condition {
  const conditions = COLUMNS.filter((column) => column.bloom && column.name !== "call_id_kept")
    .map((column) =>
      columnEqualTo(
        column,
        value,
        column.shape === "text" || column.shape === "names" ? param : `${param}_${column.shape}`,
      ),
    )
    .filter((condition) => condition !== NEVER);
  conditions.push(callIdEqualTo(value, param));
  return {
    sql: `(${conditions.map((condition) => condition.sql).join(" OR ")})`,
    params: Object.assign({}, ...conditions.map((condition) => condition.params)) as Record<string, unknown>,
  };
}
