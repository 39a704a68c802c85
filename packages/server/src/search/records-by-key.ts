import type { StoredRecord } from "@tallystick/record";

import type { IndexReader } from "../index/index-seam.ts";
import { STORED_COLUMNS, storedRecord } from "../index/rows.ts";
import type { StoredRow } from "../index/rows.ts";
import { Params } from "./compile/sql.ts";
import { instant } from "./compile/times.ts";
import type { KeyRow } from "./page-statement.ts";
import { SEARCH_MEMORY_BYTES } from "./limits.ts";
import { logOf } from "./scope.ts";

export interface FoundRecords {
  /** In the order of the keys; a record that is gone meanwhile is left out. */
  readonly records: readonly StoredRecord[];
  readonly scannedRows: number;
}

/** The records of keys that were found under a scope just before. */
export async function readRecords(
  reader: IndexReader,
  keys: readonly KeyRow[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<FoundRecords> {
  if (keys.length === 0) return { records: [], scannedRows: 0 };
  const limits = { timeoutMs, maxRows: keys.length, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  const { rows, scannedRows } = await reader.select<StoredRow>(recordsStatement(keys), limits, signal);
  const found = new Map<string, StoredRecord>();
  for (const row of rows) {
    const record = storedRecord(row);
    found.set(`${record.tree}:${record.leaf_index}`, record);
  }
  const records = keys.flatMap((key) => found.get(`${key.tree}:${key.leaf_index}`) ?? []);
  return { records, scannedRows };
}

/** Logs, services and times are there for the primary key; tree and index say which records. */
function recordsStatement(keys: readonly KeyRow[]) {
  const params = new Params();
  const distinct = (values: readonly string[]) => params.add([...new Set(values)], "Array(String)");
  const times = keys.map((key) => key.timestamp_us);
  const places = [...new Set(keys.map((key) => key.tree))].map((tree) => {
    const leaves = params.add(
      keys.filter((key) => key.tree === tree).map((key) => key.leaf_index),
      "Array(Int64)",
    );
    return `(tree = ${params.text(tree)} AND leaf_index IN ${leaves})`;
  });
  return params.statement(
    `SELECT ${STORED_COLUMNS} FROM records WHERE log IN ${distinct(keys.map((key) => logOf(key.tree)))} ` +
      `AND service_id IN ${distinct(keys.map((key) => key.service_id))} ` +
      `AND timestamp >= ${instant(least(times), params)} AND timestamp <= ${instant(most(times), params)} ` +
      `AND (${places.join(" OR ")})`,
  );
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER);
}

function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.MIN_SAFE_INTEGER);
}
