/** Baselines over a real engine: a season is learned, a burst is told once it is there and is over when it ends. */
import type { AuditRecord } from "@tallystick/record";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openTemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { sampleEntry } from "../../index/sample.contract.ts";
import { STEP_LIMITS } from "../detectors/detector-limits.ts";
import { DETECTOR_TABLES } from "../detectors/detector-follower.ts";
import { TRAFFIC_US } from "../detectors/range-table.ts";
import type { Finding } from "../finding.ts";
import { Baselines } from "./baselines.ts";
import { HOUR_US, HOURS, TRAFFIC, TRAFFIC_COLUMNS } from "./traffic.ts";

const START_US = Date.UTC(2026, 9, 5) * 1_000;
const LEARNED_HOURS = 74;
const EDGES = 20;

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
});
afterAll(() => temporary.close());

const derive = (sql: string) => temporary.index.deriver.derive({ sql, params: {} }, STEP_LIMITS);

/** Traffic of every edge, by five minutes, with a daily season; each call as both ends tell it. */
const traffic = (fromUs: number, toUs: number, calls: string, only = "1", part = 0) =>
  derive(`INSERT INTO ${TRAFFIC.name} (${TRAFFIC_COLUMNS})
SELECT bucket AS bucket_us, 'default' AS log, concat('s', toString(edge)) AS caller, 'payments' AS callee,
  'GET' AS operation, if(half = 0, 'caller', 'callee') AS side, 'default/2026-10' AS tree, ${part} AS range_from,
  1 AS range_to, toUInt64(${calls}) AS records, 0 AS errors, records AS timed, records * 12. AS log_duration,
  records * 1000 AS bytes, [1] AS credentials
FROM (
  SELECT number % 2 AS half, intDiv(number, 2) % ${EDGES} AS edge,
    ${fromUs} + intDiv(number, ${2 * EDGES}) * ${TRAFFIC_US} AS bucket,
    5 + 4 * sin((bucket - ${START_US}) / 86400000000 * 6.2832) AS season
  FROM numbers(${((toUs - fromUs) / TRAFFIC_US) * 2 * EDGES})
) WHERE ${only}`);

const call = (number: number, us: number, id: string, fields: Partial<AuditRecord> = {}) =>
  sampleEntry(number, { service_id: "s7", operation: "GET", request_id: id, ...fields }, us);

async function hoursLearned(): Promise<number | undefined> {
  const sql = `SELECT uniqExact(hour_us) AS hours FROM ${HOURS.name}`;
  return (await temporary.index.deriver.select<{ hours: number }>({ sql, params: {} }, STEP_LIMITS))[0]?.hours;
}

test("a daily season surprises nobody, a burst is told, counted once, and over when it ends", async () => {
  const found: Finding[] = [];
  const { deriver } = temporary.index;
  await deriver.prepare(DETECTOR_TABLES);
  const nowUs = START_US + LEARNED_HOURS * HOUR_US;
  await traffic(START_US, nowUs + 8 * HOUR_US, "season");
  const open = () =>
    found.filter(
      (one, at) => one.state === "firing" && found.findLastIndex((later) => later.ruleId === one.ruleId) === at,
    );
  const make = (sink = found, learningUntilUs = 0) =>
    new Baselines({
      deriver,
      sink: async (all) => void sink.push(...all),
      learningUntilUs: () => learningUntilUs,
      open,
    });
  const baselines = make();
  // Looked at every five minutes from the first record on, an hour is learned when it is over.
  for (let us = START_US; us < START_US + 1.3 * HOUR_US; us += TRAFFIC_US) await baselines.judge(us);
  expect(await hoursLearned()).toBe(1);
  await baselines.judge(nowUs + HOUR_US);
  expect(found).toEqual([]);
  await traffic(nowUs + 2 * HOUR_US, nowUs + 5 * HOUR_US, "60", "edge = 7", 1);
  // The same range taken in again takes its own place.
  await traffic(nowUs + 2 * HOUR_US, nowUs + 5 * HOUR_US, "60", "edge = 7", 1);
  await temporary.add("default/2026-10", [
    call(1, nowUs + 2 * HOUR_US + 1, "older"),
    call(2, nowUs + 2 * HOUR_US + 2, "newest"),
    call(5, nowUs + 2 * HOUR_US + 2, "newest", { side: "callee" }),
    call(3, nowUs + 2 * HOUR_US + 3, "other", { service_id: "s8" }),
    call(4, nowUs + HOUR_US, "before"),
  ]);
  await baselines.judge(nowUs + 3 * HOUR_US + TRAFFIC_US);
  const [first] = found;
  expect(new Set(found.map(({ ruleId, labels }) => `${ruleId} ${labels["caller"]}`))).toEqual(
    new Set(["builtin/baseline-rate s7"]),
  );
  expect(first!.startsAtUs).toBeLessThan(nowUs + 3 * HOUR_US);
  expect(first!.seen).toMatch(/calls in the last hour/);
  // The newest calls of the hour show it, of this edge alone.
  expect(first!.records.map(({ callId }) => callId)).toEqual(["s7/payments/newest/0", "s7/payments/older/0"]);
  expect(found.every(({ quiet }) => !quiet)).toBe(true);
  const listed: Finding[] = [];
  const learning = make(listed, Infinity);
  await learning.recover();
  await learning.judge(nowUs + 5 * HOUR_US);
  expect(listed.length).toBeGreaterThan(0);
  expect(listed.filter(({ state }) => state === "firing").every(({ quiet }) => quiet)).toBe(true);
  const again = make();
  await again.recover();
  // Its first hour is learned by now, and it goes on.
  await again.judge(nowUs + 5 * HOUR_US);
  expect(found.at(-1)).toMatchObject({ state: "firing", labels: { caller: "s7" }, records: first!.records });
  await again.judge(nowUs + 7 * HOUR_US);
  expect(found.at(-1)).toMatchObject({ state: "resolved", labels: { caller: "s7" } });
});
