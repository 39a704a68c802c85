import { afterEach, expect, test } from "vitest";

import { realClock } from "../real-clock.ts";
import { EdgeMetrics, OTHER_EDGES } from "./edge-metrics.ts";
import { labelled, openMetricsText } from "./open-metrics-text.ts";
import { readOpenMetrics } from "./open-metrics.contract.ts";
import type { ReadFamily } from "./open-metrics.contract.ts";
import { half, openTallyBench, pair, SECOND_US, START_US } from "./tally-bench.contract.ts";
import type { TallyBench } from "./tally-bench.contract.ts";

let open: TallyBench | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

/** `atS`: how far the tally is, in seconds after the start. Each reading is a minute after the one before. */
function metricsOf(tally: TallyBench) {
  const at = { settledS: 0, readings: 0 };
  const clock = {
    ...realClock(),
    nowUs: () => START_US + at.settledS * SECOND_US,
    monotonicMs: () => at.readings * 60_000,
  };
  const settled = () => ({ throughUs: START_US + at.settledS * SECOND_US, longestDeadlineUs: 60 * SECOND_US });
  const metrics = new EdgeMetrics({ reader: tally.index.index.reader, clock }, settled);
  return async (atS: number): Promise<readonly ReadFamily[]> => {
    at.settledS = atS;
    at.readings += 1;
    return readOpenMetrics(await metrics.text());
  };
}

function valueOf(families: readonly ReadFamily[], name: string, labels: Readonly<Record<string, string>> = {}) {
  const samples = families
    .flatMap((family) => family.samples)
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value));
  expect(samples.length, name).toBeLessThanOrEqual(1);
  return samples[0]?.value;
}

const EDGE = { caller: "orders", callee: "payments" };

test("each edge has its requests, errors, durations and match ratio", async () => {
  open = await openTallyBench();
  await open.add(
    ...pair("a", 1, { duration_us: 10_000 }),
    ...pair("b", 2, { duration_us: 10_000, status: "error" }),
    ...pair("c", 3, { duration_us: 40_000_000 }),
    half("caller", "d", 4, { duration_us: 100 }),
    ...pair("e", 5, { duration_us: 10_000, status: "denied", target_id: 'le"dg\\er\n2' }),
  );
  await open.passTo(300);
  const families = await metricsOf(open)(300);
  const value = (name: string, labels = {}) => valueOf(families, name, { ...EDGE, ...labels });
  expect(value("tallystick_edge_requests_total")).toBe(4);
  expect(value("tallystick_edge_errors_total")).toBe(1);
  expect(value("tallystick_edge_denied_total")).toBe(0);
  expect(value("tallystick_edge_matched_total")).toBe(3);
  expect(value("tallystick_edge_unmatched_total")).toBe(1);
  expect(value("tallystick_edge_match_ratio")).toBe(0.75);
  expect(value("tallystick_edge_duration_seconds_count")).toBe(4);
  expect(value("tallystick_edge_duration_seconds_sum")).toBeCloseTo(40.0201, 6);
  const below = (le: string) => value("tallystick_edge_duration_seconds_bucket", { le });
  expect(["0.001024", "0.008192", "0.016384", "33.554432", "+Inf"].map(below)).toEqual([1, 1, 3, 3, 4]);
  expect(valueOf(families, "tallystick_edge_denied_total", { callee: 'le"dg\\er\n2' })).toBe(1);
  expect(valueOf(families, "tallystick_edge_requests_total", { caller: OTHER_EDGES })).toBeUndefined();
  expect(valueOf(families, "tallystick_edges")).toBe(2);
  expect(valueOf(families, "tallystick_tally_settled_timestamp_seconds")).toBe(
    (START_US + 300 * SECOND_US) / 1_000_000,
  );
});

test("counters go on over hours that are closed, and none goes back when a late half changes one", async () => {
  open = await openTallyBench();
  const read = metricsOf(open);
  await open.add(...pair("a", 1), half("caller", "b", 2));
  await open.passTo(300);
  const figures = async (atS: number) => {
    const families = await read(atS);
    return ["requests", "matched", "unmatched"].map((name) => valueOf(families, `tallystick_edge_${name}_total`, EDGE));
  };
  expect(await figures(300)).toEqual([2, 1, 1]);
  await open.add(half("callee", "b", 400, { timestamp: "2026-11-25T08:00:02Z" }), ...pair("c", 7_300));
  await open.passTo(7_400);
  expect(await figures(7_400)).toEqual([3, 3, 1]);
  await open.add(...pair("d", 15_000));
  await open.passTo(15_100);
  for (let reading = 0; reading < 15; reading += 1) expect(await figures(15_100)).toEqual([4, 4, 1]);
  expect(valueOf(await read(15_100), "tallystick_edge_match_ratio", EDGE)).toBe(1);
});

test("the newest thousand edges have series of their own, and the rest is summed", async () => {
  open = await openTallyBench();
  const call = (caller: string, atS: number) => half("caller", `${caller}-${atS}`, atS, { service_id: caller });
  await open.add(...["old-1", "old-2", "old-3"].map((name) => call(name, 1)), call("old-1", 2));
  await open.add(...Array.from({ length: 1_000 }, (_, n) => call(`service-${n}`, 3_700 + n / 100)));
  await open.passTo(4_000);
  const families = await metricsOf(open)(4_000);
  const requests = families.find(({ name }) => name === "tallystick_edge_requests")!.samples;
  expect(requests).toHaveLength(1_001);
  expect(new Set(requests.map(({ labels }) => labels["caller"])).size).toBe(1_001);
  expect(requests.filter(({ labels }) => labels["caller"]!.startsWith("old-"))).toEqual([]);
  const others = { caller: OTHER_EDGES, callee: OTHER_EDGES };
  expect(OTHER_EDGES).toBe("(other edges)");
  expect(valueOf(families, "tallystick_edge_requests_total", others)).toBe(4);
  expect(valueOf(families, "tallystick_edge_duration_seconds_count", others)).toBe(4);
  expect(valueOf(families, "tallystick_edges")).toBe(1_003);
});

test("scrapes that come together share one reading", async () => {
  open = await openTallyBench();
  await open.passTo(300);
  let readings = 0;
  const { reader } = open.index.index;
  const counting = {
    ...reader,
    select: (...args: Parameters<typeof reader.select>) => {
      readings += 1;
      return reader.select(...args);
    },
  };
  const settled = { throughUs: START_US + 10_000 * SECOND_US, longestDeadlineUs: 60 * SECOND_US };
  const metrics = new EdgeMetrics({ reader: counting as typeof reader, clock: realClock() }, () => settled);
  const [one, other] = await Promise.all([metrics.text(), metrics.text()]);
  expect(one).toBe(other);
  expect(readings).toBe(2);
});

test("what a strict reader reads is what was written", () => {
  const labels = { name: 'a\\b"c\nd\u{1F980}é\r{}=,', other: "" };
  const samples = [{ suffix: "_total", labels: labelled(labels), value: 1e21 }];
  const text = openMetricsText([{ name: "x_calls", type: "counter", help: 'says "so"\\\nand so', samples }]);
  const [family] = readOpenMetrics(text);
  expect(family).toMatchObject({ name: "x_calls", type: "counter", help: 'says "so"\\\nand so' });
  expect(family!.samples).toEqual([{ name: "x_calls_total", labels, value: 1e21 }]);
});
