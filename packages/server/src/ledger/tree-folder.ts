/**
 * The files of one tree: `<folder>/checkpoint` and `<folder>/tile/<L>/<N>[.p/<W>]`, the layout of C2SP tlog-tiles, and
 * `<folder>/chain`.
 *
 * Guarantees: what a write returns for is durable; a file under its name is whole. All of it is derived from the
 * journal and the head.
 * Left out: entry bundles (cut from the journal on request), and any knowledge of which tiles a size needs.
 */
import { join } from "node:path";
import { parseTilePath, TILE_WIDTH, tilePath } from "@tallystick/tlog";
import type { Tile, TileCoordinate } from "@tallystick/tlog";
import type { BulkDisk } from "../disk/bulk-disk.ts";
import type { Disk } from "../disk/disk.ts";

const CHECKPOINT = "checkpoint";
/** Leaf 0 and the EPOCH_LINKs in clear (tree-chain.ts). */
const CHAIN = "chain";
const HASH_BYTES = 32;

export interface TreeFile {
  /** Below the tree's folder, e.g. `tile/0/000.p/3`. */
  readonly path: string;
  /** Null for a name that is no tile's. */
  readonly tile: TileCoordinate | null;
}

export class TreeFolder {
  readonly folder: string;
  readonly #disk: Disk;
  readonly #bulk: BulkDisk;

  constructor(folder: string, disk: Disk, bulk: BulkDisk) {
    this.folder = folder;
    this.#disk = disk;
    this.#bulk = bulk;
  }

  readCheckpoint(): Promise<Uint8Array | null> {
    return this.#disk.readFile(join(this.folder, CHECKPOINT));
  }

  async writeCheckpoint(note: Uint8Array): Promise<void> {
    await this.#disk.makeFolder(this.folder);
    await this.#disk.replaceFile(join(this.folder, CHECKPOINT), note);
  }

  readChain(): Promise<Uint8Array | null> {
    return this.#disk.readFile(join(this.folder, CHAIN));
  }

  async writeChain(leaves: Uint8Array): Promise<void> {
    await this.#disk.makeFolder(this.folder);
    await this.#disk.replaceFile(join(this.folder, CHAIN), leaves);
  }

  async writeTiles(tiles: readonly Tile[]): Promise<void> {
    if (tiles.length === 0) return;
    await this.#bulk.replaceFiles(tiles.map((tile) => ({ path: this.#path(tile), bytes: tile.bytes })));
  }

  /** The file of exactly this tile; null when absent or of another length. */
  async readTile(tile: TileCoordinate): Promise<Uint8Array | null> {
    const bytes = await this.#disk.readFile(this.#path(tile));
    return bytes === null || bytes.length !== tile.width * HASH_BYTES ? null : bytes;
  }

  async remove(paths: readonly string[]): Promise<void> {
    if (paths.length > 0) await this.#bulk.removeFiles(paths.map((path) => join(this.folder, path)));
  }

  /** Every file below `tile/`, folder by folder; memory of one folder. */
  async *files(below = "tile"): AsyncGenerator<TreeFile> {
    for (const name of await this.#disk.list(join(this.folder, below))) {
      const path = `${below}/${name}`;
      if (name.endsWith("/")) {
        yield* this.files(path.slice(0, -1));
        continue;
      }
      const parsed = parseTilePath(path);
      yield { path, tile: parsed?.kind === "hash" ? { level: parsed.level, n: parsed.n, width: parsed.width } : null };
    }
  }

  #path(tile: TileCoordinate): string {
    return join(this.folder, pathOf(tile));
  }
}

export function pathOf(tile: TileCoordinate): string {
  return tile.width === TILE_WIDTH ? tilePath(tile.level, tile.n) : tilePath(tile.level, tile.n, tile.width);
}
