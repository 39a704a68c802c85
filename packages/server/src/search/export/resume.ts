import { TallystickError } from "../../errors.ts";
import type { IndexReader } from "../../index/index-seam.ts";
import { Params } from "../compile/sql.ts";
import type { PageKey } from "../cursor.ts";
import { axisColumn } from "../filter.ts";
import type { TimeAxis } from "../filter.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "../limits.ts";
import { logOf, sees } from "../scope.ts";
import type { Scope } from "../scope.ts";

/**
 * Where an export goes on that broke off in the middle: after the last record that its reader has whole, named as
 * `tree:leaf_index`, both of which every format writes with every record. The place gives no right: only its time is
 * read, and the scope is applied to what follows.
 */
export async function keyOfPlace(
  reader: IndexReader,
  scope: Scope,
  axis: TimeAxis,
  place: string,
  signal?: AbortSignal,
): Promise<PageKey> {
  const [, tree, index] =
    /^([a-z0-9][a-z0-9-]{0,62}\/[A-Za-z0-9-]{1,64}(?:\.r[1-9]\d{0,3})?):(0|[1-9]\d{0,15})$/.exec(place) ?? [];
  const leafIndex = Number(index);
  if (tree === undefined || !Number.isSafeInteger(leafIndex)) throw invalid("It is not of the form tree:leaf_index.");
  if (!sees(scope, tree)) throw unknown();
  const params = new Params();
  const sql =
    `SELECT toUnixTimestamp64Micro(${axisColumn(axis)}) AS order_us FROM records ` +
    `WHERE log = ${params.text(logOf(tree))} AND tree = ${params.text(tree)} ` +
    `AND leaf_index = ${params.add(leafIndex, "Int64")} LIMIT 1`;
  const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: 1, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  const { rows } = await reader.select<{ order_us: number }>(params.statement(sql), limits, signal);
  const [row] = rows;
  if (row === undefined) throw unknown();
  return { us: row.order_us, tree, leafIndex };
}

function unknown(): TallystickError {
  return invalid("There is no such record.");
}

function invalid(problem: string): TallystickError {
  return new TallystickError("cursor_invalid", `An export cannot go on after this place. ${problem}`, {
    hint: "Give the tree and leaf_index of the last record that you have whole, as after=default/2026-11:42.",
    at: { parameter: "after" },
  });
}
