/**
 * The values that a series has had, as at most CENTRES of them: how far a new one lies from all. Where there would be
 * more, the two closest neighbours become one, so that what is far from the rest stays by itself.
 */
import assert from "node:assert/strict";

const CENTRES = 512;

export class ValueSet {
  private readonly centres = new Float64Array(CENTRES + 1);
  private size = 0;

  get count(): number {
    return this.size;
  }

  /** Distance to the nearest value seen; infinite where none was. */
  distance(value: number): number {
    const at = this.place(value);
    const below = at > 0 ? value - this.centres[at - 1]! : Number.POSITIVE_INFINITY;
    const above = at < this.size ? this.centres[at]! - value : Number.POSITIVE_INFINITY;
    return Math.min(below, above);
  }

  add(value: number): void {
    assert(Number.isFinite(value));
    const at = this.place(value);
    if (at < this.size && this.centres[at] === value) return;
    this.centres.copyWithin(at + 1, at, this.size);
    this.centres[at] = value;
    this.size += 1;
    if (this.size > CENTRES) this.mergeClosest();
  }

  private place(value: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.centres[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The lower of the closest two stays: a mean would wander. */
  private mergeClosest(): void {
    let closest = 1;
    let gap = Number.POSITIVE_INFINITY;
    for (let at = 1; at < this.size; at += 1) {
      const between = this.centres[at]! - this.centres[at - 1]!;
      if (between >= gap) continue;
      gap = between;
      closest = at;
    }
    this.centres.copyWithin(closest, closest + 1, this.size);
    this.size -= 1;
  }
}
