import { HASH_SIZE_BYTES, leafHashInto } from "./hashing.ts";
import { ok, refused } from "./parsed.ts";
import type { Parsed } from "./parsed.ts";

/** C2SP tlog-tiles entry bundle: uint16 big-endian length ‖ entry, repeated. */

/** Byte ranges of the entries: entry i lies at [starts[i], ends[i]). */
export interface BundleEntries {
  readonly count: number;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** Reads exactly `count` entries that fill the bytes to the end. */
export function parseEntryBundle(bytes: Uint8Array, count: number): Parsed<BundleEntries> {
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  let at = 0;
  for (let entry = 0; entry < count; entry++) {
    if (at + 2 > bytes.length) return refused(`the bundle ends before its entry ${entry}`);
    const end = at + 2 + bytes[at]! * 256 + bytes[at + 1]!;
    if (end > bytes.length) return refused(`the bundle ends within its entry ${entry}`);
    starts[entry] = at + 2;
    ends[entry] = end;
    at = end;
  }
  return at === bytes.length ? ok({ count, starts, ends }) : refused(`the bundle has bytes after its ${count} entries`);
}

/** Leaf hashes of a bundle's entries, 32 bytes each: what the level-0 tile must hold. */
export function bundleHashes(bytes: Uint8Array, { count, starts, ends }: BundleEntries): Uint8Array {
  const hashes = new Uint8Array(count * HASH_SIZE_BYTES);
  for (let i = 0; i < count; i++) leafHashInto(bytes, starts[i]!, ends[i]!, hashes, i * HASH_SIZE_BYTES);
  return hashes;
}
