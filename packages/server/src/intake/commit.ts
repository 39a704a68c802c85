import { createHash } from "node:crypto";
import assert from "node:assert/strict";

import type { PreparedRecords } from "../journal/journal.ts";
import type { PreparedBody } from "./intake.ts";

const DIGEST_BYTES = 16;
const COMMITMENT_DIGITS = 64;

/** Writes the commitments of stored bodies into the records that brought them, and what follows from the new bytes. */
export function commitBodies(
  { bytes, offsets, digests, identified }: PreparedRecords,
  bodies: readonly PreparedBody[],
  commitments: readonly string[],
): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [place, { at }] of bodies.entries()) {
    const commitment = commitments[place]!;
    assert(commitment.length === COMMITMENT_DIGITS);
    text.write(commitment, at, "latin1");
  }
  for (const record of new Set(bodies.map((body) => body.record))) {
    if (identified[record] !== 1) continue;
    const canonical = bytes.subarray(offsets[record], offsets[record + 1]);
    const content = createHash("sha256").update(canonical).digest();
    digests.set(content.subarray(0, DIGEST_BYTES), record * DIGEST_BYTES);
  }
}
