/** The inverse of the encoder: a row of the index as the record and observation that its leaf holds. */
import type { AuditRecord, Observed, StoredRecord } from "@tallystick/record";
import { formatReceivedAt, formatTimestamp } from "@tallystick/record";
import { ABSENT_TIME_US, ABSENT_UINT, COLUMNS, shownExpression } from "./columns.ts";
import type { Column } from "./columns.ts";

const SHOWN: readonly Column[] = COLUMNS.filter((column) => column.source !== "leaf");

/**
 * What to select for `storedRecord`: one array a row, by position, so that no name of ours hides a column in the rest
 * of the query. `SELECT ${STORED_COLUMNS} FROM records WHERE …`
 */
export const STORED_COLUMNS = `tuple(tree, leaf_index, call_id, ${SHOWN.map(shownExpression).join(", ")}) AS stored`;

export interface StoredRow {
  readonly stored: readonly unknown[];
}

/** A column's value as a record holds it; undefined when absent. */
function valueOf(column: Column, raw: unknown): unknown {
  switch (column.shape) {
    case "uint":
      return raw === ABSENT_UINT ? undefined : raw;
    case "flag":
      return raw === ABSENT_UINT ? undefined : raw === 1;
    case "signed":
      return raw ?? undefined;
    case "time":
      return timeOf(column, raw as number);
    case "names":
      return (raw as readonly string[]).length === 0 ? undefined : raw;
    case "map":
      return Object.keys(raw as object).length === 0 ? undefined : raw;
    default:
      return raw === "" ? undefined : raw;
  }
}

function timeOf(column: Column, us: number): string | undefined {
  if (us === ABSENT_TIME_US) return undefined;
  return column.source === "observed" ? formatReceivedAt(us) : formatTimestamp(us);
}

export function storedRecord(row: StoredRow): StoredRecord {
  const values = row.stored;
  const record: Record<string, unknown> = {};
  const observed: Record<string, unknown> = {};
  const signature: Record<string, unknown> = {};
  for (let place = 0; place < SHOWN.length; place += 1) {
    const column = SHOWN[place]!;
    const value = valueOf(column, values[place + 3]);
    if (value === undefined) continue;
    if (column.source === "record") record[column.field] = value;
    else if (column.source === "observed") observed[column.field] = value;
    else signature[column.field] = value;
  }
  if (signature["verified"] !== undefined) observed["signature"] = { alg: "", kid: "", ...signature };
  return {
    tree: values[0] as string,
    leaf_index: values[1] as number,
    call_id: values[2] as string,
    record: record as unknown as AuditRecord,
    observed: observed as unknown as Observed,
  };
}
