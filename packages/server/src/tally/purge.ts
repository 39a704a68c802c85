/**
 * Takes out of the tally's tables what an erased leaf left there: its calls, and every name or credential that no other
 * record has. What others have too stays, for the counts of an edge are not the erased record's alone. The detectors'
 * tables follow the same rule (detect/detectors/purge-facts.ts).
 *
 * To be called before the leaf is erased, while the index still holds it, and again after.
 */
import type { Deriver, DerivedTable, DeriveLimits } from "../index/derived-tables.ts";
import { stringLiteral } from "../index/engine/statement.ts";
import { isWordOf, removeFound, withWords } from "./erased-words.ts";
import {
  ALIASES,
  CALLS,
  EDGES_1D,
  EDGES_1H,
  EDGES_1M,
  EDGE_CREDENTIALS,
  RECORDERS,
  SKEWS,
  TALLY_TABLES,
} from "./schema.ts";

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

const PARTIES: readonly NameField[] = ["service_id", "target_id", "recorder_id"];

interface Copies {
  /** Of the list of words. */
  readonly name: string;
  readonly fields: readonly NameField[];
  readonly tables: readonly (readonly [DerivedTable, readonly string[]])[];
}

/** Where values of some fields came to lie: a name may be a caller's here and a callee's there. */
const COPIES: readonly Copies[] = [
  {
    name: "operations",
    fields: ["operation"],
    tables: [EDGES_1M, EDGES_1H, EDGES_1D].map((table) => [table, ["operation"]] as const),
  },
  {
    name: "parties",
    fields: PARTIES,
    tables: [...parties(), [RECORDERS, ["recorder_id"]], [SKEWS, ["c_recorder_id", "d_recorder_id"]]],
  },
  { name: "credentials", fields: ["credential_id"], tables: [[EDGE_CREDENTIALS, ["credential_id"]]] },
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
  // Where the tally is switched off there may be none; then there is nothing in them.
  if ((await deriver.prepare(TALLY_TABLES)) === "made") return;
  await removeFound(deriver, CALLS, callsOf(records), limits);
  for (const { name, fields, tables } of COPIES) {
    const own = await namesOfNobodyElse(deriver, fields, records, limits);
    if (own.length === 0) continue;
    await withWords(deriver, { [name]: own }, limits, async () => {
      for (const [table, columns] of tables)
        await removeFound(deriver, table, columns.map((column) => isWordOf(name, column)).join(" OR "), limits);
    });
  }
}

/** Rows of calls with one of these as a half; a call of at most one half a side names them in `c_` and `d_` alone. */
function callsOf(records: readonly ErasedRecord[]): string {
  const places = records.map(({ tree, leaf_index: index }) => `(${stringLiteral(tree)}, ${index})`).join(", ");
  const halves = ["c", "d"].map((half) => `(${half}_tree, ${half}_leaf_index) IN (${places})`);
  return [...halves, `arrayExists(half -> (half.1, half.2) IN (${places}), halves)`].join(" OR ");
}

/** Values of these records that no other record has in one of the same fields. */
export async function namesOfNobodyElse(
  deriver: Deriver,
  fields: readonly NameField[],
  records: readonly ErasedRecord[],
  limits: DeriveLimits,
): Promise<readonly string[]> {
  const all = records.flatMap((record) => fields.flatMap((field) => record[field]));
  const values = [...new Set(all)].filter((value) => value !== "");
  if (values.length === 0) return [];
  const columns = fields.map((field) => (field === "auth_scopes" ? field : `[toString(${field})]`)).join(", ");
  const sql =
    `SELECT DISTINCT arrayJoin(arrayIntersect(arrayConcat(${columns}), {values:Array(String)})) AS value FROM records ` +
    `WHERE concat(tree, ':', toString(leaf_index)) NOT IN {places:Array(String)}`;
  const places = records.map(({ tree, leaf_index: index }) => `${tree}:${index}`);
  const found = await deriver.select<{ value: string }>({ sql, params: { values, places } }, limits);
  const others = new Set(found.map(({ value }) => value));
  return values.filter((value) => !others.has(value));
}
