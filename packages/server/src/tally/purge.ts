/**
 * Takes out of the tally's tables what an erased leaf left there: its calls, and every name or credential that no other
 * record has. What others have too stays, for the counts of an edge are not the erased record's alone. The detectors'
 * tables follow the same rule (detect/detectors/purge-facts.ts).
 *
 * To be called before the leaf is erased, while the index still holds it, and again after.
 */
import type { Deriver, DerivedTable, DeriveLimits } from "../index/derived-tables.ts";
import { stringLiteral } from "../index/engine/statement.ts";
import { ALIASES, CALLS, EDGES_1D, EDGES_1H, EDGES_1M, EDGE_CREDENTIALS, RECORDERS, SKEWS } from "./schema.ts";

export interface ErasedRecord {
  readonly tree: string;
  readonly leaf_index: number;
  readonly service_id: string;
  readonly target_id: string;
  readonly recorder_id: string;
  readonly operation: string;
  readonly credential_id: string;
  readonly auth_token_id: string;
  readonly auth_key_thumbprint: string;
  readonly auth_scopes: readonly string[];
  /** `sha256:…`, of its nonce and signature. */
  readonly digests: readonly string[];
  /** Empty when nobody numbered it; null when that is not known any more. */
  readonly producer_id: string | null;
}

export type NameField =
  | "service_id"
  | "target_id"
  | "recorder_id"
  | "operation"
  | "credential_id"
  | "auth_token_id"
  | "auth_key_thumbprint"
  | "auth_scopes";

/** Where values of a field came to lie. */
const COPIES: readonly (readonly [NameField, readonly (readonly [DerivedTable, readonly string[]])[]])[] = [
  ["operation", [EDGES_1M, EDGES_1H, EDGES_1D].map((table) => [table, ["operation"]] as const)],
  ["service_id", parties()],
  ["target_id", parties()],
  [
    "recorder_id",
    [
      [RECORDERS, ["recorder_id"]],
      [SKEWS, ["c_recorder_id", "d_recorder_id"]],
    ],
  ],
  ["credential_id", [[EDGE_CREDENTIALS, ["credential_id"]]]],
];

function parties(): readonly (readonly [DerivedTable, readonly string[]])[] {
  return [
    ...[EDGES_1M, EDGES_1H, EDGES_1D, EDGE_CREDENTIALS].map((table) => [table, ["caller", "callee"]] as const),
    [ALIASES, ["name", "service"]],
  ];
}

export async function purgeCalls(
  deriver: Deriver,
  records: readonly ErasedRecord[],
  limits: DeriveLimits,
): Promise<void> {
  const calls = callsOf(records);
  const sql = `SELECT count() AS found FROM ${CALLS.name} WHERE ${calls}`;
  const [row] = await deriver.select<{ found: number }>({ sql, params: {} }, limits);
  // A deletion looks at every part and waits for the merges before it.
  if ((row?.found ?? 0) > 0) await deriver.remove(CALLS, calls);
  for (const [field, tables] of COPIES) {
    const own = await namesOfNobodyElse(deriver, field, records, limits);
    if (own.length === 0) continue;
    const list = own.map(stringLiteral).join(", ");
    for (const [table, columns] of tables)
      await deriver.remove(table, columns.map((column) => `${column} IN (${list})`).join(" OR "));
  }
}

/** Rows of calls with one of these as a half; a call of at most one half a side names them in `c_` and `d_` alone. */
function callsOf(records: readonly ErasedRecord[]): string {
  const places = records.map(({ tree, leaf_index: index }) => `(${stringLiteral(tree)}, ${index})`).join(", ");
  const halves = ["c", "d"].map((half) => `(${half}_tree, ${half}_leaf_index) IN (${places})`);
  return [...halves, `arrayExists(half -> (half.1, half.2) IN (${places}), halves)`].join(" OR ");
}

/** Values of these records that no other record has in the same field. */
export async function namesOfNobodyElse(
  deriver: Deriver,
  field: NameField,
  records: readonly ErasedRecord[],
  limits: DeriveLimits,
): Promise<readonly string[]> {
  const values = [...new Set(records.flatMap((record) => record[field]))].filter((value) => value !== "");
  if (values.length === 0) return [];
  const value = field === "auth_scopes" ? `arrayJoin(${field})` : field;
  const sql =
    `SELECT DISTINCT ${value} AS value FROM records WHERE value IN {values:Array(String)} ` +
    `AND concat(tree, ':', toString(leaf_index)) NOT IN {places:Array(String)}`;
  const places = records.map(({ tree, leaf_index: index }) => `${tree}:${index}`);
  const found = await deriver.select<{ value: string }>({ sql, params: { values, places } }, limits);
  const others = new Set(found.map(({ value }) => value));
  return values.filter((value) => !others.has(value));
}
