import { HASH_SIZE_BYTES, TILE_WIDTH, equalBytes, leafHash, tileWidth } from "@tallystick/tlog";
import { noteChainLeaf } from "./bundle-check.ts";
import { parseChain } from "./chain-file.ts";
import type { DecodedChainLeaf } from "./chain-file.ts";
import type { FaultPart } from "./result.ts";
import type { TreeCheck } from "./tree-check.ts";
import { readTile } from "./tree-source.ts";

const FILE = "chain";

/**
 * The chain leaves that a tree shows in clear. Each is believed only because it hashes to the tree's leaf hash, and
 * where the contents were read, they must be exactly the ones found there. A log that hides a link is found by the
 * chain itself: each closed tree must have one.
 */
export async function checkChainFile(check: TreeCheck): Promise<void> {
  const { source, size } = check;
  if (source.chain === undefined) return;
  const bytes = await source.chain();
  if (bytes === null)
    return fault(check, { code: "chain_missing", message: "the tree does not show its chain leaves" });
  const parsed = parseChain(bytes);
  if (parsed.kind === "refused") return fault(check, { code: "chain_malformed", message: parsed.reason });
  // Lines beyond the checkpoint are of a later one.
  const leaves = parsed.value.filter(({ index }) => index < size);
  for (const leaf of leaves) await checkChainLeaf(check, leaf);
  const shown = new Set(leaves.map(({ index }) => index));
  for (const index of indicesToShow(check)) {
    if (!shown.has(index))
      fault(check, { code: "chain_mismatch", message: `leaf ${index} of the epoch chain is not shown`, index });
  }
}

async function checkChainLeaf(check: TreeCheck, { index, leaf, decoded, offset }: DecodedChainLeaf): Promise<void> {
  const n = Math.floor(index / TILE_WIDTH);
  const tile = await readTile(check.source, { level: 0, n, width: tileWidth(0, n, check.size) });
  const at = (index % TILE_WIDTH) * HASH_SIZE_BYTES;
  if (!("wrong" in tile) && !equalBytes(leafHash(leaf), tile.bytes.subarray(at, at + HASH_SIZE_BYTES))) {
    if (isAtFault(check, tile.file)) return;
    const message = "the leaf does not hash to the leaf hash in the tree";
    return fault(check, { code: "chain_mismatch", message, offset, index });
  }
  if (check.source.entries === null) noteChainLeaf(check, index, decoded);
}

/** A tile that is wrong itself says nothing about the leaf. */
function isAtFault({ faults, tree }: TreeCheck, file: string): boolean {
  return faults.faults.some((known) => known.tree === tree && known.file === file);
}

/** As far as it is known: without contents, that there is a leaf 0. */
function indicesToShow({ source, found }: TreeCheck): readonly number[] {
  if (source.entries === null) return [0];
  return [...(found.opening === null ? [] : [0]), ...found.links.map(({ index }) => index)];
}

function fault({ faults, tree }: TreeCheck, part: FaultPart): void {
  faults.add({ ...part, tree, file: FILE });
}
