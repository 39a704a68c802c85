/**
 * Takes out of the detectors' tables what an erased leaf left there: names, credentials and tokens that no other record
 * has, and its nonces. What others have too stays, so that nothing is seen for the first time again; only a moment at
 * which the erased record was the first, and its part of a count, are left.
 *
 * To be called before the leaf is erased, while the index still holds it, and again after.
 */
import type { Deriver, DeriveLimits } from "../../index/derived-tables.ts";
import { stringLiteral } from "../../index/engine/statement.ts";
import { namesOfNobodyElse } from "../../tally/purge.ts";
import type { ErasedRecord, NameField } from "../../tally/purge.ts";
import { BASELINE_TABLES } from "../baseline/traffic.ts";
import { DETECTOR_TABLES } from "./detector-follower.ts";
import { FACTS } from "./facts.ts";
import { NONCES } from "./replays.ts";

const PARTIES: readonly NameField[] = ["service_id", "target_id", "recorder_id"];
const OTHERS: readonly NameField[] = ["credential_id", "auth_token_id", "auth_key_thumbprint", "auth_scopes"];

export async function purgeFacts(
  deriver: Deriver,
  records: readonly ErasedRecord[],
  limits: DeriveLimits,
): Promise<void> {
  // The first start with detectors may not have made them yet; then there is nothing in them.
  if ((await deriver.prepare(DETECTOR_TABLES)) === "made") return;
  const own = async (fields: readonly NameField[]): Promise<readonly string[]> => {
    const found = new Set<string>();
    for (const field of fields)
      for (const name of await namesOfNobodyElse(deriver, field, records, limits)) found.add(name);
    return [...found];
  };
  const [parties, operations, others] = [await own(PARTIES), await own(["operation"]), await own(OTHERS)];
  const facts = [
    ...anyOf(["subject", "value"], [...parties, ...operations, ...others]),
    // A subject may be a service and an operation.
    ...parties.map((name) => `startsWith(subject, ${stringLiteral(`${name} `)})`),
    ...operations.map((name) => `endsWith(subject, ${stringLiteral(` ${name}`)})`),
  ];
  if (facts.length > 0) await deriver.remove(FACTS, facts.join(" OR "));
  const traffic = [...anyOf(["caller", "callee"], parties), ...anyOf(["operation"], operations)];
  if (traffic.length > 0) for (const table of BASELINE_TABLES) await deriver.remove(table, traffic.join(" OR "));
  const digests = records.flatMap((record) => record.digests.map((digest) => digest.replace(/^sha256:/, "")));
  if (digests.length > 0) await deriver.remove(NONCES, anyOf(["lower(hex(digest))"], digests).join(" OR "));
}

function anyOf(columns: readonly string[], values: readonly string[]): readonly string[] {
  if (values.length === 0) return [];
  const list = values.map(stringLiteral).join(", ");
  return columns.map((column) => `${column} IN (${list})`);
}
