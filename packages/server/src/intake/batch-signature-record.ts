/** What the log keeps of a signed batch, and of one that should not have been. */
import { uuidv8 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { sha256 } from "@tallystick/tlog";
import { BATCH_PUBLIC_KEY_ATTRIBUTE, BATCH_SIGNATURE_ATTRIBUTE, BATCH_SIGNATURE_EVENT } from "@tallystick/verify";

import type { BatchKeyInfo } from "../control/batch-key.ts";
import type { OwnFields } from "../control/own-record.ts";
import { ownRecordOf } from "../journal/own-records.ts";

/**
 * One record a batch: its words are a pure function of signature and records, so that a batch which is sent again has
 * the same one, which is stored once. `at`: timestamp of the batch's last record.
 */
export function batchSignatureRecord(text: string, { alg, kid, publicKey }: BatchKeyInfo, at: string): AuditRecord {
  const id = uuidv8(sha256(Buffer.from(`tallystick batch signature\0${text}`)).subarray(0, 16));
  return ownRecordOf(id, at, {
    event_type: BATCH_SIGNATURE_EVENT,
    operation: "batch signature verified",
    credential_id: kid,
    attributes: {
      "tallystick.batch_alg": alg,
      "tallystick.batch_kid": kid,
      ...(publicKey === null ? {} : { [BATCH_PUBLIC_KEY_ATTRIBUTE]: publicKey }),
      [BATCH_SIGNATURE_ATTRIBUTE]: text,
    },
  });
}

/** A batch that was refused for its signature. `kid`: as the request said, when it said one. */
export function refusedSignatureFields(by: string, address: string, kid: string | null, reason: string): OwnFields {
  return {
    event_type: BATCH_SIGNATURE_EVENT,
    operation: "batch signature refused",
    status: "denied",
    auth_subject: by,
    auth_decision: "deny",
    auth_method: "http_signature",
    client_address: address,
    error_message: reason,
    ...(kid === null ? {} : { credential_id: kid }),
  };
}
