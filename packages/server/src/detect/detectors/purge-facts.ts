/**
 * Takes out of the detectors' tables what an erased leaf left there: names, credentials and tokens that no other record
 * has, and its nonces. What others have too stays, so that nothing is seen for the first time again; only a moment at
 * which the erased record was the first, and its part of a count, are left.
 *
 * To be called before the leaf is erased, while the index still holds it, and again after.
 */
import type { Deriver, DeriveLimits } from "../../index/derived-tables.ts";
import { hasWordOf, isWordOf, removeFound, withWords } from "../../tally/erased-words.ts";
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
  // Without detectors, or before their first start, there may be none; then there is nothing in them.
  if ((await deriver.prepare(DETECTOR_TABLES)) === "made") return;
  const words = {
    parties: await namesOfNobodyElse(deriver, PARTIES, records, limits),
    operations: await namesOfNobodyElse(deriver, ["operation"], records, limits),
    others: await namesOfNobodyElse(deriver, OTHERS, records, limits),
    digests: records.flatMap((record) => record.digests.map((digest) => digest.replace(/^sha256:/, ""))),
  };
  if (Object.values(words).every((list) => list.length === 0)) return;
  await withWords(deriver, words, limits, async () => {
    await removeFound(deriver, FACTS, FACT, limits);
    for (const table of BASELINE_TABLES) await removeFound(deriver, table, OF_TRAFFIC, limits);
    if (words.digests.length > 0) await removeFound(deriver, NONCES, isWordOf("digests", "lower(hex(digest))"), limits);
  });
}

const isAnyOf = (lists: readonly string[], columns: readonly string[]): string =>
  lists.flatMap((list) => columns.map((column) => isWordOf(list, column))).join(" OR ");

const FACT = [
  isAnyOf(["parties", "operations", "others"], ["subject", "value"]),
  // A subject may be a service and an operation.
  hasWordOf("parties", "startsWith(subject, concat(word, ' '))"),
  hasWordOf("operations", "endsWith(subject, concat(' ', word))"),
].join(" OR ");
const OF_TRAFFIC = `${isAnyOf(["parties"], ["caller", "callee"])} OR ${isAnyOf(["operations"], ["operation"])}`;
