/** What is usual, learned by a real engine: weeks, new levels, few hours, few calls, holidays, and edges that are new. */
import { afterAll, beforeAll, expect, test } from "vitest";

import { openTemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { TRAFFIC_US } from "../detectors/range-table.ts";
import { STEP_LIMITS } from "../detectors/detector-limits.ts";
import type { Finding } from "../finding.ts";
import { BaselineWorld, shortly, START_US } from "./baseline-world.contract.ts";
import { EDGES_AT_ONCE } from "./baseline-limits.ts";
import { keepBaselines, partsOf } from "./learn.ts";
import { BASELINES, DAY_US, HOUR_US } from "./traffic.ts";

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
});
afterAll(() => temporary.close());

const different = (found: readonly Finding[]): readonly string[] => [...new Set(found.map(shortly))].toSorted();

interface Scene {
  readonly atUs: number;
  readonly edges?: number;
  readonly hourly: string;
  readonly usually: string;
  readonly days?: number;
}

/** Some weeks of hours up to three before `atUs`, and the same by five minutes from then on. */
async function weeks({ atUs, edges = 1, hourly, usually, days = 28 }: Scene): Promise<BaselineWorld> {
  const world = await BaselineWorld.open(temporary);
  const near = atUs - 3 * HOUR_US;
  await world.learned({ fromUs: atUs - days * DAY_US, toUs: near, edges, calls: hourly });
  await world.comes({ fromUs: near, toUs: atUs, edges, calls: usually });
  await world.restart();
  return world;
}

/** Each Monday from ten to eleven four hundred calls, else twelve an hour. */
const MONDAYS = { hourly: "if(day = 1 AND hour = 10, 400, 12)", usually: "if(day = 1 AND hour = 10, 33, 1)" };
const MONDAY_TEN_US = START_US + 28 * DAY_US + 10 * HOUR_US;

test("what is usual each Monday at ten is usual then, from its first minutes to long after, and its absence is told", async () => {
  const world = await weeks({ ...MONDAYS, atUs: MONDAY_TEN_US });
  await world.comes({ fromUs: MONDAY_TEN_US, toUs: MONDAY_TEN_US + 3 * HOUR_US, calls: MONDAYS.usually });
  expect(await world.look(MONDAY_TEN_US, MONDAY_TEN_US + 3 * HOUR_US)).toEqual([]);
  const absent = await weeks({ ...MONDAYS, atUs: MONDAY_TEN_US });
  await absent.comes({ fromUs: MONDAY_TEN_US, toUs: MONDAY_TEN_US + HOUR_US, calls: "1" });
  expect(different(await absent.look(MONDAY_TEN_US, MONDAY_TEN_US + HOUR_US))).toEqual(["drop s0"]);
});

test("half more than each Monday at ten is no news on Monday, and is on Tuesday", async () => {
  const toldAt = async (atUs: number) => {
    const world = await weeks({ ...MONDAYS, atUs });
    await world.comes({ fromUs: atUs, toUs: atUs + HOUR_US, calls: "54" });
    return different(await world.look(atUs, atUs + HOUR_US));
  };
  expect(await toldAt(MONDAY_TEN_US)).toEqual([]);
  expect(await toldAt(MONDAY_TEN_US + DAY_US)).toEqual(["rate s0"]);
});

test("office hours surprise nobody when they begin and end, while there are no three weeks of them", async () => {
  const hours = "if(hour BETWEEN 9 AND 16, 600, 12)";
  const atUs = START_US + 10 * DAY_US + 8 * HOUR_US;
  const world = await weeks({ atUs, days: 10, hourly: hours, usually: `(${hours}) / 12` });
  await world.comes({ fromUs: atUs, toUs: atUs + 12 * HOUR_US, calls: `(${hours}) / 12` });
  for (let us = atUs; us <= atUs + 12 * HOUR_US; us += HOUR_US) await world.look(us, us + 11 * TRAFFIC_US);
  expect(world.found).toEqual([]);
});

test("a new level is told once, of calls and of durations, and is usual before a day is over", async () => {
  const atUs = START_US + 14 * DAY_US;
  const world = await BaselineWorld.open(temporary);
  await world.learned({ fromUs: START_US, toUs: atUs - DAY_US, edges: 3, calls: "50 + cityHash64(edge, us) % 20" });
  await world.comes({
    fromUs: atUs - DAY_US,
    toUs: atUs + 2 * DAY_US,
    edges: 3,
    only: `us < ${atUs} OR edge = 2`,
    calls: "5",
  });
  await world.comes({ fromUs: atUs, toUs: atUs + 2 * DAY_US, only: "edge = 0", calls: "25" });
  const slow = { fromUs: atUs, toUs: atUs + 2 * DAY_US, edges: 2, only: "edge = 1", calls: "5", took: "14." };
  await world.comes(slow);
  await world.restart();
  for (let us = atUs; us < atUs + 2 * DAY_US; us += 6 * HOUR_US) await world.look(us);
  const fired = ["latency s1", "rate s0"];
  expect(different(world.found)).toEqual(fired.flatMap((one) => [one, `${one} resolved`]));
  expect(
    world.found
      .filter(({ state }) => state === "resolved")
      .map(shortly)
      .toSorted(),
  ).toEqual(fired.map((one) => `${one} resolved`));
  const last = world.found.findLast(({ state }) => state === "firing")!;
  expect(last.seenAtUs).toBeLessThan(atUs + DAY_US);
});

test("of a short history its median counts: one wild hour hides nothing", async () => {
  const atUs = START_US + 4 * DAY_US;
  const hourly = `if(us = ${atUs - DAY_US}, 5000, 60)`;
  const world = await weeks({ atUs, days: 4, hourly, usually: "5" });
  const told = await world.look(atUs + HOUR_US);
  expect(different(told)).toEqual(["drop s0"]);
  expect(told.at(-1)!.expected).toMatch(/^about 60 calls an hour/);
});

test("of an edge that calls now and then its silence is no news, nor are a few more calls; many more are", async () => {
  const atUs = START_US + 10 * DAY_US;
  const sparse = { atUs, days: 10, edges: 2, hourly: "cityHash64(edge, us) % 3 = 0", usually: "0" };
  const world = await weeks(sparse);
  await world.comes({ fromUs: atUs, toUs: atUs + HOUR_US, only: "edge = 0", edges: 2, calls: "1" });
  expect(await world.look(atUs, atUs + HOUR_US)).toEqual([]);
  await world.comes({ fromUs: atUs + HOUR_US, toUs: atUs + 2 * HOUR_US, only: "edge = 1", edges: 2, calls: "4" });
  expect(different(await world.look(atUs + HOUR_US, atUs + 2 * HOUR_US))).toEqual(["rate s1"]);
});

test("a holiday is one finding of the fleet from its beginning to its end, and none an edge", async () => {
  const atUs = START_US + 10 * DAY_US;
  const edges = 60;
  const usually = "5 + edge";
  const world = await weeks({ atUs, days: 10, edges, hourly: `12 * (${usually})`, usually });
  expect(await world.look(atUs)).toEqual([]);
  // A few go on as on any day, and a few call a little.
  const few = "if(edge % 20 = 0, 5 + edge, edge % 7 = 0)";
  await world.comes({ fromUs: atUs, toUs: atUs + 6 * HOUR_US, edges, calls: few });
  await world.comes({ fromUs: atUs + 6 * HOUR_US, toUs: atUs + 8 * HOUR_US, edges, calls: usually });
  for (let us = atUs; us <= atUs + 8 * HOUR_US; us += TRAFFIC_US) await world.look(us);
  expect(different(world.found)).toEqual(["drop fleet", "drop fleet resolved"]);
  expect(world.found.filter(({ state }) => state === "resolved")).toHaveLength(1);
});

test("an edge is judged once it is known for three days", async () => {
  const toldAfter = async (hours: number) => {
    const atUs = START_US + 10 * DAY_US;
    const world = await weeks({ atUs, days: hours / 24, hourly: "24", usually: "2" });
    await world.comes({ fromUs: atUs, toUs: atUs + HOUR_US, calls: "60" });
    return different(await world.look(atUs, atUs + HOUR_US));
  };
  expect(await toldAfter(60)).toEqual([]);
  expect(await toldAfter(96)).toEqual(["rate s0"]);
});

test("of an edge that never calls at night many calls at night are told, and none are not", async () => {
  const atUs = START_US + 10 * DAY_US + 2 * HOUR_US;
  // Another one calls by night, too.
  const office = "if(edge = 1 OR hour BETWEEN 8 AND 17, 24, 0)";
  const world = await weeks({ atUs, edges: 2, days: 10, hourly: office, usually: `(${office}) / 12` });
  const calm = { fromUs: atUs, toUs: atUs + 2 * HOUR_US, edges: 2, only: "edge = 1", calls: "2" };
  await world.comes(calm);
  expect(await world.look(atUs, atUs + HOUR_US)).toEqual([]);
  await world.comes({ fromUs: atUs + HOUR_US, toUs: atUs + 2 * HOUR_US, calls: "10" });
  expect(different(await world.look(atUs + HOUR_US, atUs + 2 * HOUR_US))).toEqual(["rate s0"]);
});

test("edges learned in parts are those learned at once, and an hour that was learned in part is learned again", async () => {
  const atUs = START_US + 10 * DAY_US;
  const edges = 9;
  const world = await weeks({ atUs, edges, days: 10, hourly: "24", usually: "2" });
  const { deriver } = temporary.index;
  const known = async (hourUs: number) =>
    deriver.select<{ caller: string; calls: number }>(
      { sql: `SELECT * FROM ${BASELINES.name} FINAL WHERE hour_us = ${hourUs} ORDER BY caller`, params: {} },
      STEP_LIMITS,
    );
  await world.look(atUs - HOUR_US);
  const atOnce = await known(atUs - 2 * HOUR_US);
  expect(atOnce).toHaveLength(edges);
  const parts = partsOf(2.5 * EDGES_AT_ONCE);
  expect(parts).toHaveLength(3);
  for (const part of parts) await deriver.derive(keepBaselines(atUs - 2 * HOUR_US, part), STEP_LIMITS);
  expect(await known(atUs - 2 * HOUR_US)).toEqual(atOnce);
  await deriver.derive(keepBaselines(atUs - HOUR_US, parts[1]!), STEP_LIMITS);
  expect((await known(atUs - HOUR_US)).length).toBeLessThan(edges);
  await world.restart();
  await world.look(atUs - HOUR_US + TRAFFIC_US);
  expect(await known(atUs - HOUR_US)).toHaveLength(edges);
});
