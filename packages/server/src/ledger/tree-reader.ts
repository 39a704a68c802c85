/**
 * What a reader gets of one tree, as C2SP tlog-tiles says: tiles and entry bundles in every width that some published
 * size had. Narrow partial tiles are the first hashes of the widest one, so only that one is a file.
 */
import { strict as assert } from "node:assert";
import {
  inclusionProof,
  levelWidth,
  parseTilePath,
  TILE_WIDTH,
  tileWidth,
  treeSize,
  verifyInclusion,
  formatProof,
} from "@tallystick/tlog";
import type { TileCoordinate, TileReader, TreeSize } from "@tallystick/tlog";
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { BUNDLE_READ_BYTES, MAX_READ_ATTEMPTS } from "./limits.ts";
import type { SignedHead } from "./signed-head.ts";
import type { TileCache } from "./tile-cache.ts";
import { pathOf } from "./tree-folder.ts";
import type { TreeFolder } from "./tree-folder.ts";

const HASH_BYTES = 32;

export class PublishedTree {
  readonly #tree: string;
  readonly #folder: TreeFolder;
  readonly #journal: Journal;
  readonly #cache: TileCache;
  readonly #published: () => SignedHead | null;

  constructor(
    tree: string,
    folder: TreeFolder,
    journal: Journal,
    cache: TileCache,
    published: () => SignedHead | null,
  ) {
    this.#tree = tree;
    this.#folder = folder;
    this.#journal = journal;
    this.#cache = cache;
    this.#published = published;
  }

  async tile(path: string): Promise<Uint8Array | null> {
    const place = parseTilePath(path);
    if (place?.kind !== "hash") return null;
    const size = this.#published()?.size ?? treeSize(0);
    return tileWidth(place.level, place.n, size) < place.width ? null : this.#cut(place);
  }

  async entries(path: string): Promise<Uint8Array | null> {
    const place = parseTilePath(path);
    if (place?.kind !== "entries") return null;
    const first = place.n * TILE_WIDTH;
    const size = this.#published()?.size ?? 0;
    return size < first + place.width ? null : this.#bundle(first, place.width);
  }

  /** `extra`: what travels with the proof. */
  async proof(index: number, extra?: Uint8Array): Promise<string> {
    const head = this.#published();
    if (head === null || !Number.isSafeInteger(index) || index < 0 || index >= head.size)
      throw this.#notPublished(index);
    const reader: TileReader = { readTile: (level, n, width) => this.#cut({ level, n, width }) };
    const hashes = await inclusionProof(index, head.size, reader);
    const tile = await this.#cut({ level: 0, n: Math.floor(index / TILE_WIDTH), width: (index % TILE_WIDTH) + 1 });
    if (!verifyInclusion(tile.subarray(-HASH_BYTES), index, head.size, hashes, head.root))
      throw this.#damaged(`leaf ${index}`);
    const proof = { index, hashes, checkpoint: Buffer.from(head.note).toString("utf8") };
    return formatProof(extra === undefined ? proof : { extra, ...proof });
  }

  /** The first `width` hashes of a tile that the published tree has at least as wide. */
  async #cut(place: TileCoordinate): Promise<Uint8Array> {
    for (let attempt = 0; attempt < MAX_READ_ATTEMPTS; attempt += 1) {
      const tile = await this.#widest(place);
      if (tile !== null) return tile.subarray(0, place.width * HASH_BYTES);
    }
    throw this.#damaged(pathOf(place));
  }

  /** Null when the file is not there: it is damaged, or was superseded between the look at the size and the read. */
  async #widest({ level, n }: TileCoordinate): Promise<Uint8Array | null> {
    const size: TreeSize = this.#published()?.size ?? treeSize(0);
    assert(n * TILE_WIDTH < levelWidth(level, size), "the tile lies within the published tree");
    const place = { level, n, width: tileWidth(level, n, size) };
    const path = `${this.#tree}/${pathOf(place)}`;
    const cached = this.#cache.get(path);
    if (cached !== null) return cached;
    const tile = await this.#folder.readTile(place);
    if (tile !== null) this.#cache.set(path, tile);
    return tile;
  }

  async #bundle(first: number, count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let at = first; at < first + count;) {
      const range = await this.#journal.read(this.#tree, at, BUNDLE_READ_BYTES);
      if (range === null) throw this.#damaged(`leaf ${at}`);
      assert(range.firstIndex === at && range.count > 0, "the journal reads on from where it was asked");
      const taken = Math.min(range.count, first + count - at);
      parts.push(range.entries.subarray(0, lengthOf(range.entries, taken)));
      at += taken;
    }
    return Buffer.concat(parts);
  }

  #notPublished(index: number): TallystickError {
    return new TallystickError("not_published", `no checkpoint of ${this.#tree} covers leaf ${index} yet`, {
      retryAfterS: 1,
    });
  }

  #damaged(what: string): TallystickError {
    return new TallystickError(
      "ledger_mismatch",
      `${this.#tree}: ${what} is missing or does not belong to the published tree`,
      {
        hint: "Run `tallystick fsck` on the data folder; tiles are rebuilt from the journal.",
        at: { tree: this.#tree },
      },
    );
  }
}

/** Bytes of the first `count` entries of a bundle. */
function lengthOf(entries: Uint8Array, count: number): number {
  let at = 0;
  for (let entry = 0; entry < count; entry += 1) at += 2 + entries[at]! * 256 + entries[at + 1]!;
  return at;
}
