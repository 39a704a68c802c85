/** The tiles read last, at most so many: a tile never changes under its path, so nothing is ever stale. */
export class TileCache {
  readonly #capacity: number;
  readonly #tiles = new Map<string, Uint8Array>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(path: string): Uint8Array | null {
    const tile = this.#tiles.get(path);
    if (tile === undefined) return null;
    this.#tiles.delete(path);
    this.#tiles.set(path, tile);
    return tile;
  }

  set(path: string, tile: Uint8Array): void {
    this.#tiles.delete(path);
    this.#tiles.set(path, tile);
    if (this.#tiles.size <= this.#capacity) return;
    const oldest = this.#tiles.keys().next();
    if (oldest.done !== true) this.#tiles.delete(oldest.value);
  }
}
