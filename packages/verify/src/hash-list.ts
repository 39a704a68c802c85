import { HASH_SIZE_BYTES } from "@tallystick/tlog";

/** Number of the first hash in which two lists of hashes differ; null when they are the same. */
export function firstDifference(left: Uint8Array, right: Uint8Array): number | null {
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    if (left[at] !== right[at]) return Math.floor(at / HASH_SIZE_BYTES);
  }
  return null;
}
