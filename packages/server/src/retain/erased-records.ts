/** What is erased, read once more before it is gone. */
import { decodeLeaf } from "@tallystick/record";

import { ALERTS_LOG } from "../control/own-logs.ts";
import { leafAt } from "../journal/entries.ts";
import type { Journal } from "../journal/journal.ts";
import { OWN_PRINCIPAL } from "../journal/own-records.ts";
import { logOf } from "../search/scope.ts";
import type { ErasedRecord } from "../tally/purge.ts";
import type { ErasedItem } from "./erasure.ts";

/** As they stand in the journal; what stands for a leaf that is erased already names nobody. */
export async function erasedRecords(journal: Journal, leaves: readonly ErasedItem[]): Promise<readonly ErasedRecord[]> {
  const records: ErasedRecord[] = [];
  for (const { tree, leaf_index: index } of leaves) {
    const range = await journal.read(tree, index, 1);
    if (range === null) continue;
    const { record, observed } = decodeLeaf(leafAt(range.entries, 0));
    // What Tallystick writes names nobody that another record does not.
    const isGone = observed.erased !== undefined || observed.principal === OWN_PRINCIPAL;
    records.push({
      tree,
      leaf_index: index,
      service_id: isGone ? "" : record.service_id,
      target_id: isGone ? "" : record.target_id,
      recorder_id: isGone ? "" : record.recorder_id,
      operation: isGone ? "" : record.operation,
      credential_id: isGone ? "" : (record.credential_id ?? ""),
      auth_token_id: isGone ? "" : (record.auth_token_id ?? ""),
      auth_key_thumbprint: isGone ? "" : (record.auth_key_thumbprint ?? ""),
      auth_scopes: isGone ? [] : (record.auth_scopes ?? []),
      digests: isGone ? [] : [record.auth_nonce_digest ?? "", record.auth_signature_digest ?? ""].filter(Boolean),
      producer_id: observed.erased !== undefined ? null : isGone ? "" : (record.producer_id ?? ""),
    });
  }
  return records;
}

interface ToldAlerts {
  /** `alert/ID`, `notification/ID`, of which records are erased. */
  readonly resources: ReadonlySet<string>;
  readonly hasSnapshot: boolean;
}

/** What records of the log of alerts among these are about. */
export async function toldIn(journal: Journal, leaves: readonly ErasedItem[]): Promise<ToldAlerts> {
  const resources = new Set<string>();
  let hasSnapshot = false;
  for (const { tree, leaf_index: index } of leaves) {
    const range = logOf(tree) === ALERTS_LOG ? await journal.read(tree, index, 1) : null;
    if (range === null) continue;
    const { record, observed } = decodeLeaf(leafAt(range.entries, 0));
    if (observed.principal !== OWN_PRINCIPAL || observed.erased !== undefined) continue;
    if (record.event_type === "LOG_LIFECYCLE") hasSnapshot = true;
    else if (record.resource !== undefined) resources.add(record.resource);
  }
  return { resources, hasSnapshot };
}
