/** Over a real engine: what an edge's own history has never seen is told at once, what it has seen waits as before. */
import { afterAll, beforeAll, expect, test } from "vitest";

import { openTemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { TRAFFIC_US } from "../detectors/range-table.ts";
import { BaselineWorld, shortly, START_US } from "./baseline-world.contract.ts";
import { DAY_US, HOUR_US } from "./traffic.ts";

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
});
afterAll(() => temporary.close());

const NOW_US = START_US + 12 * DAY_US + 4 * HOUR_US;
const NOISE = "8 + cityHash64(edge, us) % 5";

const FAILS = { fromUs: NOW_US, toUs: NOW_US + TRAFFIC_US, edges: 3, calls: "20", errors: "14", part: 1 };

/** Twelve quiet days, and then something within one five minutes. */
async function quietUntilNow(past: { errors?: string } = {}): Promise<BaselineWorld> {
  const world = await BaselineWorld.open(temporary);
  await world.learned({ fromUs: START_US, toUs: NOW_US - 3 * HOUR_US, edges: 3, calls: NOISE, ...past });
  await world.comes({
    fromUs: NOW_US - 3 * HOUR_US,
    toUs: NOW_US + HOUR_US,
    edges: 3,
    calls: "us % 3600000000 < 3000000000",
  });
  await world.restart();
  expect(await world.look(NOW_US)).toEqual([]);
  return world;
}

test("what is not certain and was never there is told at the first look, and how rare it is", async () => {
  const world = await quietUntilNow();
  await world.comes({ fromUs: NOW_US, toUs: NOW_US + TRAFFIC_US, edges: 3, only: "edge = 1", calls: "38", part: 1 });
  const told = await world.look(NOW_US + TRAFFIC_US);
  expect(told.map(shortly)).toEqual(["rate s1"]);
  const { seen } = told[0]!;
  expect(Number(/once in 10\^(\d+)/.exec(seen)?.[1])).toBeLessThan(20);
  expect(seen).toMatch(/; nothing as far from usual in 2\d\d hours$/);
  // As long as it is told, what was before it began is what it is held against.
  const later = await world.look(NOW_US + 2 * TRAFFIC_US, NOW_US + 9 * TRAFFIC_US);
  expect(later.map((one) => one.seen.replace(/.*; /, ""))).toEqual(later.map(() => seen.replace(/.*; /, "")));
});

test("what its history shows every night waits for a second look", async () => {
  const world = await quietUntilNow({ errors: "if(hour = 3 AND edge = 1, 5, 0)" });
  await world.comes({ ...FAILS, only: "edge < 2" });
  const told = await world.look(NOW_US + TRAFFIC_US);
  expect(told.map(shortly)).toEqual(["errors s0"]);
  expect(told[0]!.seen).toMatch(/nothing as far from usual in 2\d\d hours/);
  const next = await world.look(NOW_US + 2 * TRAFFIC_US);
  expect(next.map(shortly).toSorted()).toEqual(["errors s0", "errors s1"]);
  expect(next.find(({ labels }) => labels["caller"] === "s1")!.seen).toMatch(/as far from usual in 1\d of 2\d\d hours/);
});

test("what its history shows every night is told no sooner by a server that has just started", async () => {
  const world = await quietUntilNow({ errors: "if(hour = 3 AND edge = 1, 5, 0)" });
  await world.comes({ ...FAILS, only: "edge = 1" });
  await world.restart();
  expect(await world.look(NOW_US + TRAFFIC_US)).toEqual([]);
});
