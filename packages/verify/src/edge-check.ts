import { edgeTiles, equalBytes, rootOfEdge, TILE_WIDTH } from "@tallystick/tlog";
import { hashFault, rebuiltBytes } from "./rebuild.ts";
import type { PlacedTile } from "./rebuild.ts";
import type { Fault } from "./result.ts";
import type { TreeCheck } from "./tree-check.ts";
import { readTile, tileOrFault } from "./tree-source.ts";

/**
 * The partial tiles at the tree's right edge, which alone lead to the signed root. Once they do, every other tile is
 * checked against one that is known to be right, so a fault is laid at the door of the tile that has it. When they do
 * not, each hash in them is built again from below: if that gives the root, the tiles that differ are the wrong ones.
 */
export interface Edge {
  /** By level; the right bytes where the wrong ones could be told. */
  readonly tiles: ReadonlyMap<number, PlacedTile>;
  /** Whether the tiles lead to the signed root. */
  readonly proven: boolean;
}

export async function checkEdge(check: TreeCheck): Promise<Edge> {
  const places = edgeTiles(check.size);
  const read = await Promise.all(places.map((place) => readTile(check.source, place)));
  const tiles: PlacedTile[] = [];
  for (const [at, place] of places.entries()) {
    const tile = tileOrFault(read[at]!, check.tree, check.faults);
    if (tile !== null) tiles.push({ ...place, ...tile });
  }
  check.found.tilesChecked += tiles.length;
  if (tiles.length < places.length) return edgeOf(tiles, false);
  if (equalBytes(rootOfEdge(tiles), check.root)) return edgeOf(tiles, true);
  return repairedEdge(check, tiles);
}

function edgeOf(tiles: readonly PlacedTile[], proven: boolean): Edge {
  return { tiles: new Map(tiles.map((tile) => [tile.level, tile])), proven };
}

async function repairedEdge(check: TreeCheck, tiles: readonly PlacedTile[]): Promise<Edge> {
  const rebuilt = await Promise.all(tiles.map(async (tile) => ({ ...tile, bytes: await rebuiltBytes(check, tile) })));
  if (equalBytes(rootOfEdge(rebuilt), check.root)) {
    for (const [at, tile] of tiles.entries()) hashFault(check, tile, rebuilt[at]!.bytes);
    return edgeOf(rebuilt, true);
  }
  check.faults.add(unledFault(check, tiles, rebuilt));
  return edgeOf(tiles, false);
}

/**
 * Nothing lies below the last tile of level 0 where contents cannot be read. When what lies below all others bears
 * them out, and the root was signed, it is the one that is wrong.
 */
function unledFault(check: TreeCheck, tiles: readonly PlacedTile[], rebuilt: readonly PlacedTile[]): Fault {
  const { tree, source, isSigned } = check;
  const last = tiles.find(({ level }) => level === 0);
  const areOthersRight = tiles.every((tile, at) => tile === last || equalBytes(tile.bytes, rebuilt[at]!.bytes));
  if (last !== undefined && source.entries === null && isSigned && areOthersRight) {
    const message = "the tile does not lead to the root that was signed, and what lies below the others bears them out";
    return { code: "tile_mismatch", message, tree, file: last.file, index: last.n * TILE_WIDTH };
  }
  const message = "the tiles do not lead to the root that the checkpoint signs";
  return { code: "root_mismatch", message, tree, file: "checkpoint" };
}
