/**
 * The tile files of one tree against the tiles that its leaves give: every file of the published size is there and
 * right to the bit, and no other file lies beside them.
 *
 * A running or killed server leaves more: partial tiles that are superseded, tiles of a size not published yet. They
 * are checked too, but their presence is no fault then, and a partial tile that a running server has just replaced by
 * a wider one is read from that.
 */
import { equalBytes, parseTilePath, TILE_WIDTH, tileWidth } from "@tallystick/tlog";
import type { Frontier, Tile, TileCoordinate, TreeSize } from "@tallystick/tlog";
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { pathOf } from "../ledger/tree-folder.ts";
import type { TreeFaults } from "./faults.ts";
import { MAX_EXTRA_TILES } from "./limits.ts";

const HASH_BYTES = 32;

export interface TileCheckOptions {
  readonly disk: Disk;
  /** `ledger/<log>/<epoch>` of the data folder. */
  readonly folder: string;
  readonly published: TreeSize;
  /** After a clean stop nothing beside the published size's tiles may be there. */
  readonly isStopped: boolean;
  readonly faults: TreeFaults;
}

export class TileCheck {
  readonly #options: TileCheckOptions;
  /** By `level/n`: files of other widths than the published size's. */
  readonly #extras = new Map<string, TileCoordinate[]>();
  #extraCount = 0;
  tilesChecked = 0;

  constructor(options: TileCheckOptions) {
    this.#options = options;
  }

  /** Lists the tree's folder; faults for every name that has no place there. */
  async list(): Promise<void> {
    const { disk, folder } = this.#options;
    for (const name of await disk.list(folder)) {
      if (name === "tile/") await this.#listBelow("tile");
      else if (name !== "checkpoint" && name !== "chain") this.#stranger(name);
    }
  }

  /** A full tile that the leaves gave. */
  async full(tile: Tile): Promise<void> {
    const { published } = this.#options;
    if (tileWidth(tile.level, tile.n, published) === TILE_WIDTH) await this.#compare(tile);
    await this.#compareExtras(tile);
  }

  /** A tile as its file has it, or a wider one that a running server put in its place; null when it is missing. */
  async bytesOf(place: TileCoordinate): Promise<Uint8Array | null> {
    return (await this.#read(place)) ?? (await this.#readWider(place));
  }

  /** The tree stands at the published size: its partial tiles. */
  async edge(frontier: Frontier): Promise<void> {
    for (const tile of frontier.edge()) await this.#compare(tile);
  }

  /** The walk is over; `frontier` null when it did not come as far as the leaves do. */
  async end(frontier: Frontier | null): Promise<void> {
    if (frontier === null) return;
    for (const tile of frontier.edge()) await this.#compareExtras(tile);
    for (const extras of this.#extras.values()) {
      for (const place of extras)
        this.#fault("tile_extra", place, "there are no leaves that this tile could be made of");
    }
  }

  async #listBelow(below: string): Promise<void> {
    const { disk, folder } = this.#options;
    for (const name of await disk.list(`${folder}/${below}`)) {
      const path = `${below}/${name}`;
      if (name.endsWith("/")) await this.#listBelow(path.slice(0, -1));
      else this.#listed(path);
    }
  }

  #listed(path: string): void {
    const place = parseTilePath(path);
    if (place?.kind !== "hash") return this.#stranger(path);
    if (tileWidth(place.level, place.n, this.#options.published) === place.width) return;
    if (this.#options.isStopped) return this.#fault("tile_extra", place, "the published size has no such tile");
    if ((this.#extraCount += 1) > MAX_EXTRA_TILES)
      return this.#fault("tile_extra", place, "too many tiles beside the published size's");
    const key = `${place.level}/${place.n}`;
    this.#extras.set(key, [...(this.#extras.get(key) ?? []), place]);
  }

  #stranger(name: string): void {
    if (!this.#options.isStopped && name.endsWith(TEMPORARY_SUFFIX)) return;
    this.#options.faults.add("unknown_file", "no file of that name belongs there", { file: this.#file(name) });
  }

  async #compare(tile: Tile): Promise<void> {
    this.tilesChecked += 1;
    const bytes = await this.bytesOf(tile);
    if (bytes === null) return this.#fault("tile_missing", tile, "the tile is missing");
    this.#compareBytes(tile, bytes, tile.bytes);
  }

  /** Files of narrower partial tiles, or of tiles that were not published yet, at the same place. */
  async #compareExtras(tile: Tile): Promise<void> {
    const key = `${tile.level}/${tile.n}`;
    const left: TileCoordinate[] = [];
    for (const place of this.#extras.get(key) ?? []) {
      if (place.width > tile.width) {
        left.push(place);
        continue;
      }
      this.tilesChecked += 1;
      const bytes = await this.#read(place);
      if (bytes !== null) this.#compareBytes(place, bytes, tile.bytes.subarray(0, place.width * HASH_BYTES));
    }
    if (left.length > 0) this.#extras.set(key, left);
    else this.#extras.delete(key);
  }

  #compareBytes(place: TileCoordinate, found: Uint8Array, right: Uint8Array): void {
    if (equalBytes(found, right)) return;
    const differs = right.findIndex((byte, at) => found[at] !== byte);
    const offset = differs < 0 ? right.length : differs;
    const first = (place.n * TILE_WIDTH + Math.floor(offset / HASH_BYTES)) * TILE_WIDTH ** place.level;
    this.#fault("tile_mismatch", place, "the tile is not what the leaves give", { offset, index: first });
  }

  #read(place: TileCoordinate): Promise<Uint8Array | null> {
    return this.#options.disk.readFile(this.#file(pathOf(place)));
  }

  /** A running server replaces a partial tile by a wider one, which begins with the same hashes. */
  async #readWider({ level, n, width }: TileCoordinate): Promise<Uint8Array | null> {
    if (width === TILE_WIDTH || this.#options.isStopped) return null;
    const { disk } = this.#options;
    const whole = this.#file(pathOf({ level, n, width: TILE_WIDTH }));
    const partials = await disk.list(`${whole}.p`);
    const wider = partials
      .map((name) => `${whole}.p/${name}`)
      .filter((path) => Number(path.slice(path.lastIndexOf("/") + 1)) > width);
    for (const path of [whole, ...wider]) {
      const bytes = await disk.readFile(path);
      if (bytes !== null && bytes.length > width * HASH_BYTES) return bytes.subarray(0, width * HASH_BYTES);
    }
    return null;
  }

  #file(path: string): string {
    return `${this.#options.folder}/${path}`;
  }

  #fault(
    code: string,
    place: TileCoordinate,
    message: string,
    at: { readonly offset?: number; readonly index?: number } = {},
  ): void {
    this.#options.faults.add(code, message, { file: this.#file(pathOf(place)), ...at });
  }
}
