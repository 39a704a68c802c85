/** A producer's side of a signed batch, as docs/formats/batch-signature.md says it; for tests. */
import { createHmac, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

import { batchSignedBytes, canonicalOf, formatBatchSignature } from "@tallystick/record";
import type { BatchClaim } from "@tallystick/record";
import { foldHashes, hex, leafHash, sha256 } from "@tallystick/tlog";

export interface BatchSigner {
  readonly kid: string;
  readonly alg: BatchClaim["alg"];
  /** A private key, or the HMAC secret. */
  readonly key: KeyObject | string;
}

export interface NumberedRecord {
  readonly producer_id: string;
  readonly producer_epoch: string;
  readonly producer_seq: number;
}

/** Value of the header `Tallystick-Signature`; `change` makes the claim another one before it is signed. */
export function signBatch(
  records: readonly NumberedRecord[],
  { kid, alg, key }: BatchSigner,
  change: Partial<BatchClaim> = {},
): string {
  const [first] = records;
  const hashes = Buffer.concat(records.map((record) => leafHash(sha256(Buffer.from(canonicalOf(record))))));
  const claim: BatchClaim = {
    alg,
    first_seq: first!.producer_seq,
    kid,
    last_seq: records.at(-1)!.producer_seq,
    producer_epoch: first!.producer_epoch,
    producer_id: first!.producer_id,
    root: hex(foldHashes(hashes, 0, records.length)),
    ...change,
  };
  const message = batchSignedBytes(claim);
  const signature =
    typeof key === "string" ? createHmac("sha256", key).update(message).digest() : sign(null, message, key);
  return formatBatchSignature({ claim, signature });
}
