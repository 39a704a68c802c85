import { createHash } from "node:crypto";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ABSENT, DedupWindow, OTHER_CONTENT, SAME, words } from "./dedup-window.ts";

const digest = (text: string): Uint32Array =>
  words(new Uint8Array(createHash("sha256").update(text).digest().subarray(0, 16)));

interface Entry {
  readonly key: number;
  readonly content: number;
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
  settle(count: number): void {
    this.settled = [...this.settled, ...this.unsettled.splice(0, count)].slice(-this.capacity);
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
          for (const one of steps) {
            if (one.do === "add" && naive.look(one) !== SAME) {
              window.add(digest(`key ${one.key}`), digest(`content ${one.content}`), 0);
              naive.unsettled.push(one);
            }
            if (one.do === "blank") {
              window.addBlank();
              naive.unsettled.push(null);
            }
            if (one.do === "settle") {
              const count = Math.floor((naive.unsettled.length * one.share) / 100);
              window.settle(count);
              naive.settle(count);
            }
            if (one.do === "retract") {
              window.retractUnsettled();
              naive.unsettled = [];
            }
            for (let key = 0; key <= 30; key++)
              for (let content = 0; content <= 3; content++)
                expect(window.look(digest(`key ${key}`), digest(`content ${content}`), 0)).toBe(
                  naive.look({ key, content }),
                );
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
      window.settle(1);
    }
    expect(window.size).toBe(20_000);
    expect(window.look(key, contents.at(-20_000)!, 0)).toBe(SAME);
    expect(window.look(key, contents.at(-20_001)!, 0)).toBe(OTHER_CONTENT);
  });
});
