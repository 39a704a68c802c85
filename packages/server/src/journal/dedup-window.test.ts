import { createHash } from "node:crypto";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ABSENT, DedupWindow, OTHER_CONTENT, SAME, words } from "./dedup-window.ts";

const digest = (text: string): Uint32Array =>
  words(new Uint8Array(createHash("sha256").update(text).digest().subarray(0, 16)));

interface Entry {
  readonly key: number;
  readonly content: number;
  /** Running number of its leaf, once it is settled. */
  leaf?: number;
}

/** The same, told with arrays. */
class Naive {
  settled: (Entry | null)[] = [];
  unsettled: (Entry | null)[] = [];
  readonly capacity: number;
  constructor(capacity: number) {
    this.capacity = capacity;
  }
  look({ key, content }: Entry): number {
    const found = [...this.settled, ...this.unsettled].filter((entry) => entry?.key === key);
    if (found.length === 0) return ABSENT;
    return found.some((entry) => entry?.content === content) ? SAME : OTHER_CONTENT;
  }
  settle(count: number, firstLeaf: number): void {
    const settled = this.unsettled.splice(0, count);
    for (const [place, entry] of settled.entries()) if (entry !== null) entry.leaf = firstLeaf + place;
    this.settled = [...this.settled, ...settled].slice(-this.capacity);
  }
  leafOf({ key, content }: Entry): number | undefined {
    return this.settled.find((entry) => entry?.key === key && entry.content === content)?.leaf;
  }
}

/** Leaves go into one tree after another. */
const TREE_LEAVES = 7;
const placeOf = (leaf: number) => ({
  tree: `default/${Math.floor(leaf / TREE_LEAVES)}`,
  firstIndex: leaf % TREE_LEAVES,
  count: 1,
});
function settle(window: DedupWindow, count: number, firstLeaf: number): void {
  for (let leaf = firstLeaf; leaf < firstLeaf + count; leaf++) {
    const { tree, firstIndex } = placeOf(leaf);
    window.settle(1, tree, firstIndex);
  }
}

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("add" as const), key: fc.nat(30), content: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("blank" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("settle" as const), share: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("retract" as const) }) },
);

describe("duplicate window", () => {
  test("answers as a list of the last stored records would, through settling, retracting and forgetting", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.nat(),
        fc.array(step, { maxLength: 200 }),
        (capacity, seed, steps) => {
          const window = new DedupWindow(capacity, seed, 256);
          const naive = new Naive(capacity);
          let leaves = 0;
          for (const one of steps) {
            if (one.do === "add" && naive.look(one) !== SAME) {
              window.add(digest(`key ${one.key}`), digest(`content ${one.content}`), 0);
              naive.unsettled.push({ ...one });
            }
            if (one.do === "blank") {
              window.addBlank();
              naive.unsettled.push(null);
            }
            if (one.do === "settle") {
              const count = Math.floor((naive.unsettled.length * one.share) / 100);
              settle(window, count, leaves);
              naive.settle(count, leaves);
              leaves += count;
            }
            if (one.do === "retract") {
              window.retractUnsettled();
              naive.unsettled = [];
            }
            for (let key = 0; key <= 30; key++)
              for (let content = 0; content <= 3; content++) {
                const entry = [digest(`key ${key}`), digest(`content ${content}`), 0] as const;
                expect(window.look(...entry)).toBe(naive.look({ key, content }));
                const leaf = naive.leafOf({ key, content });
                if (leaf !== undefined) expect(window.leavesOf(window.numberOf(...entry), 1)).toEqual([placeOf(leaf)]);
              }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("one id sent with ever other contents costs no more than others", () => {
    const window = new DedupWindow(20_000, 7);
    const key = digest("key");
    const contents = Array.from({ length: 60_000 }, (_, content) => digest(`content ${content}`));
    for (const content of contents) {
      window.look(key, content, 0);
      window.add(key, content, 0);
      window.settle(1, "default/2026-11", 0);
    }
    expect(window.size).toBe(20_000);
    expect(window.look(key, contents.at(-20_000)!, 0)).toBe(SAME);
    expect(window.look(key, contents.at(-20_001)!, 0)).toBe(OTHER_CONTENT);
  });
});
