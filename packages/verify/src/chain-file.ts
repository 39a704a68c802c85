import { decodeLeaf } from "@tallystick/record";
import type { Leaf } from "@tallystick/record";
import { parseDecimal } from "@tallystick/tlog";
import type { Parsed } from "@tallystick/tlog";
import { successionOf } from "./key-succession.ts";
import { linkOf, openingOf } from "./own-leaf.ts";

/**
 * The file `chain` of a tree: the leaves of the epoch chain in clear, so that the chain is checked by who may not read
 * the tree's contents. One line a leaf, by index: the index, a space, the leaf's exact bytes. A leaf is canonical
 * JSON, which has no line feed in it, so there is one way to write each file.
 */

/** A leaf of the epoch chain: leaf 0, an EPOCH_LINK, or a KEY_SUCCESSION. Its words are the log's own. */
export interface ChainLeaf {
  readonly index: number;
  readonly leaf: Uint8Array;
}

const SPACE = 0x20;
const LINE_FEED = 0x0a;

/** Whether a leaf belongs into the file; never one that a producer wrote. */
export function isChainLeaf(index: number, { record, observed }: Leaf): boolean {
  if (index === 0) return openingOf(record, observed) !== null;
  return linkOf(record, observed, index) !== null || successionOf(record, observed) !== null;
}

/** By index, ascending. */
export function formatChain(leaves: readonly ChainLeaf[]): Uint8Array {
  const encoder = new TextEncoder();
  const lines = leaves.map(({ index, leaf }) => ({ start: encoder.encode(`${index} `), leaf }));
  const bytes = new Uint8Array(lines.reduce((sum, { start, leaf }) => sum + start.length + leaf.length + 1, 0));
  let at = 0;
  for (const { start, leaf } of lines) {
    bytes.set(start, at);
    bytes.set(leaf, at + start.length);
    at += start.length + leaf.length + 1;
    bytes[at - 1] = LINE_FEED;
  }
  return bytes;
}

export interface DecodedChainLeaf extends ChainLeaf {
  readonly decoded: Leaf;
  /** Byte of the file at which its line begins. */
  readonly offset: number;
}

/** Strict: exactly what `formatChain` writes of chain leaves, or refused. Whether they are the tree's, hashes say. */
export function parseChain(bytes: Uint8Array): Parsed<readonly DecodedChainLeaf[]> {
  const leaves: DecodedChainLeaf[] = [];
  for (let at = 0; at < bytes.length;) {
    const [space, end] = [bytes.indexOf(SPACE, at), bytes.indexOf(LINE_FEED, at)];
    const index = space < 0 ? null : parseDecimal(latin(bytes.subarray(at, space)));
    if (end < 0 || space > end || index === null)
      return refused(at, "is not an index, a space, a leaf and a line feed");
    if (index <= (leaves.at(-1)?.index ?? -1)) return refused(at, "does not have a higher index than the one before");
    const leaf = bytes.slice(space + 1, end);
    const decoded = decodedOrNull(leaf);
    if (decoded === null) return refused(at, "holds no canonical leaf");
    if (!isChainLeaf(index, decoded)) return refused(at, `holds leaf ${index}, which is not one of the epoch chain`);
    leaves.push({ index, leaf, decoded, offset: at });
    at = end + 1;
  }
  return { kind: "ok", value: leaves };
}

function refused(at: number, what: string): { readonly kind: "refused"; readonly reason: string } {
  return { kind: "refused", reason: `the line at byte ${at} ${what}` };
}

/** An index has at most 16 digits. */
function latin(bytes: Uint8Array): string {
  return bytes.length > 16 ? "" : String.fromCharCode(...bytes);
}

function decodedOrNull(leaf: Uint8Array): Leaf | null {
  try {
    return decodeLeaf(leaf);
  } catch {
    return null;
  }
}
