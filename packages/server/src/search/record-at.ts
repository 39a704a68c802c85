import type { StoredRecord } from "@tallystick/record";

import type { IndexReader } from "../index/index-seam.ts";
import { STORED_COLUMNS, storedRecord } from "../index/rows.ts";
import type { StoredRow } from "../index/rows.ts";
import { allOf, Params } from "./compile/sql.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "./limits.ts";
import { logOf, scopePredicate, sees } from "./scope.ts";
import type { Scope } from "./scope.ts";

/** One record by its place; null when the scope does not see it or the index does not have it. */
export async function recordAt(
  reader: IndexReader,
  scope: Scope,
  tree: string,
  leafIndex: number,
  signal?: AbortSignal,
): Promise<StoredRecord | null> {
  if (!sees(scope, tree) || !Number.isSafeInteger(leafIndex) || leafIndex < 0) return null;
  const params = new Params();
  const place = `tree = ${params.text(tree)} AND leaf_index = ${params.add(leafIndex, "Int64")}`;
  const log = `log = ${params.text(logOf(tree))}`;
  const seen = scopePredicate(scope, params);
  const sql = `SELECT ${STORED_COLUMNS} FROM records WHERE ${allOf([log, place, seen])} LIMIT 1`;
  const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: 1, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  const { rows } = await reader.select<StoredRow>(params.statement(sql), limits, signal);
  const [row] = rows;
  return row === undefined ? null : storedRecord(row);
}
