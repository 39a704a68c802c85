import { HASH_SIZE_BYTES, TILE_WIDTH, tilePath } from "@tallystick/tlog";
import type { TileCoordinate } from "@tallystick/tlog";
import type { FaultList } from "./result.ts";

/** Where one tree's public files come from: a server, a folder, an archive. Null means that there is no such file. */
export interface TreeSource {
  /** The signed note. */
  checkpoint(): Promise<Uint8Array | null>;
  /** A hash tile by its C2SP path, `tile/0/x001/067` or `tile/0/000.p/112`. */
  tile(path: string): Promise<Uint8Array | null>;
  /**
   * An entry bundle by its C2SP path, `tile/entries/000.p/112`; null in place of the function when contents cannot be
   * read.
   */
  readonly entries: ((path: string) => Promise<Uint8Array | null>) | null;
  /** The file `chain` (chain-file.ts): leaf 0 and the EPOCH_LINK leaves in clear. Absent where trees have none. */
  chain?(): Promise<Uint8Array | null>;
}

export interface ReadTile {
  /** The file that the bytes came from. */
  readonly file: string;
  /** width × 32 bytes. */
  readonly bytes: Uint8Array;
}

export type TileAnswer =
  | ReadTile
  | { readonly file: string; readonly wrong: "tile_missing" | "tile_malformed"; readonly message: string };

/** A tile of exactly its width. A partial one may have given way to the full one, which begins with it. */
export async function readTile(source: TreeSource, { level, n, width }: TileCoordinate): Promise<TileAnswer> {
  const file = tilePath(level, n, width);
  const exact = await source.tile(file);
  if (exact !== null) return cutTile(file, exact, width, width);
  const full = width < TILE_WIDTH ? await source.tile(tilePath(level, n)) : null;
  if (full !== null) return cutTile(tilePath(level, n), full, TILE_WIDTH, width);
  return { file, wrong: "tile_missing", message: "the tile is not there" };
}

function cutTile(file: string, bytes: Uint8Array, held: number, width: number): TileAnswer {
  if (bytes.length === held * HASH_SIZE_BYTES) return { file, bytes: bytes.subarray(0, width * HASH_SIZE_BYTES) };
  const message = `the tile has ${bytes.length} bytes, not ${held * HASH_SIZE_BYTES}`;
  return { file, wrong: "tile_malformed", message };
}

/** The tile's bytes; when it cannot be had, that is reported and the answer is null. */
export function tileOrFault(answer: TileAnswer, tree: string, faults: FaultList): ReadTile | null {
  if (!("wrong" in answer)) return answer;
  faults.add({ code: answer.wrong, message: answer.message, tree, file: answer.file });
  return null;
}
