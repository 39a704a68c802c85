/**
 * Bodies stored lately, by who sent which record. A producer that got no answer sends the same again; it must get the
 * same salt, else its record would be another one.
 *
 * Guarantee: two bodies share a commitment only when principal, id, part and bytes are the same, and only once the
 * first is durable. Bounded in number; a retry later than that is kept as a record of its own, marked as a conflict.
 */
export interface RecentBody {
  /** Hexadecimal; of the bytes. */
  readonly content: string;
  /** The commitment, once it is durable. */
  readonly stored: Promise<string>;
}

export class RecentBodies {
  readonly #limit: number;
  readonly #bodies = new Map<string, RecentBody>();
  readonly #keys = new Map<string, string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  find(key: string): RecentBody | null {
    return this.#bodies.get(key) ?? null;
  }

  add(key: string, body: RecentBody): void {
    this.#bodies.set(key, body);
    body.stored.then(
      (commitment) => void this.#keys.set(commitment, key),
      () => {
        if (this.#bodies.get(key) === body) this.#bodies.delete(key);
      },
    );
    for (const [oldest, { stored }] of this.#bodies) {
      if (this.#bodies.size <= this.#limit) break;
      this.#bodies.delete(oldest);
      stored.then(
        (commitment) => void this.#keys.delete(commitment),
        () => undefined,
      );
    }
  }

  /** The body is erased: whoever sends it again sends a new one. */
  forget(commitment: string): void {
    const key = this.#keys.get(commitment);
    if (key === undefined) return;
    this.#keys.delete(commitment);
    this.#bodies.delete(key);
  }
}
