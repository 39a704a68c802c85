/** A measure over the past fires when it would have fired live: held against the live statement, moment by moment. */
import type { AuditRecord } from "@tallystick/record";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openTemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { SAMPLE_START_US, sampleEntry } from "../../index/sample.contract.ts";
import type { SampleEntry } from "../../index/sample.contract.ts";
import { WHOLE_SCOPE } from "../../search/scope.ts";
import { TALLY_TABLES } from "../../tally/schema.ts";
import { backtestMeasure } from "./measure-backtest.ts";
import { measureStatement } from "./measure-sql.ts";
import type { MeasuredRow } from "./measure-sql.ts";
import { holds } from "./measure-watch.ts";
import { stepsOf } from "./past-sql.ts";
import { readMeasure } from "./read-measure.ts";
import type { Measure } from "./read-measure.ts";

const MINUTE_US = 60_000_000;
const LOG = "past/2026-11";
const MINUTES = 120;
const LIMITS = { timeoutMs: 30_000, maxRows: 1_000, maxMemoryBytes: 400_000_000 };

let temporary: TemporaryIndex;
let made = 0;

function call(minute: number, fields: Partial<AuditRecord>): readonly SampleEntry[] {
  made += 1;
  const us = SAMPLE_START_US + Math.round(minute * MINUTE_US);
  const timestamp = new Date(us / 1_000).toISOString();
  const both = { timestamp, request_id: `r${made}`, duration_us: 1_000, ...fields };
  return (["caller", "callee"] as const).map((side) => {
    const recorder = side === "caller" ? both.service_id : both.target_id;
    return sampleEntry(made * 2 + Number(side === "callee"), { ...both, side, recorder_id: recorder ?? "x" }, us);
  });
}

/** Two edges for two hours: one falls silent after an hour, one fails and is slow for ten minutes. */
function traffic(): readonly SampleEntry[] {
  const entries: SampleEntry[] = [];
  for (let minute = 0; minute < MINUTES; minute += 1)
    for (let one = 0; one < 4; one += 1) {
      const at = minute + one / 4 + 0.01;
      const isBad = minute >= 70 && minute < 80;
      entries.push(
        ...call(at, {
          service_id: "web",
          target_id: "orders",
          status: isBad && one > 0 ? "error" : "success",
          duration_us: isBad ? 90_000 : 3_000,
        }),
      );
      if (minute < 60) entries.push(...call(at, { service_id: "jobs", target_id: "orders" }));
    }
  return entries;
}

beforeAll(async () => {
  temporary = await openTemporaryIndex();
  await temporary.index.deriver.prepare(TALLY_TABLES);
  await temporary.add(LOG, traffic());
});
afterAll(() => temporary.close());

const measure = (lines: readonly string[]): Measure =>
  readMeasure(
    ["title: A measure", "measure:", "  group-by: [caller, callee]", ...lines.map((one) => `  ${one}`)].join("\n"),
  );

/** By the live statement at steps of the time in which all happens: each stretch that was long enough, once. */
async function live(of: Measure): Promise<readonly string[]> {
  const { stepUs } = stepsOf(of);
  const fired: string[] = [];
  const since = new Map<string, { us: number; isTold: boolean }>();
  const [fromUs, toUs] = [SAMPLE_START_US + 58 * MINUTE_US, SAMPLE_START_US + 82 * MINUTE_US];
  for (let us = fromUs; us <= toUs; us += stepUs) {
    const { rows } = await temporary.index.reader.select<MeasuredRow>(measureStatement(of, us)!, LIMITS);
    const holding = new Set(
      rows.filter((row) => row.calls >= of.atLeast && holds(of, row)).map(({ labels }) => labels.join(">")),
    );
    for (const key of since.keys()) if (!holding.has(key)) since.delete(key);
    for (const key of holding) {
      const one = since.get(key) ?? { us, isTold: false };
      since.set(key, one);
      if (one.isTold || us - one.us < of.forS * 1_000_000) continue;
      one.isTold = true;
      fired.push(key);
    }
  }
  return fired;
}

const period = { fromUs: SAMPLE_START_US, toUs: SAMPLE_START_US + MINUTES * MINUTE_US };
const past = (of: Measure) => backtestMeasure(temporary.index.reader, WHOLE_SCOPE, of, period);

describe("a measure over the past", () => {
  it.each([
    ["errors", ["of: error_ratio", "window: 5m", "condition: {gt: 0.5}", "at-least: 10", "for: 2m"], ["web>orders"]],
    [
      "slow",
      ["of: p95", "window: 5m", "relative-to: 30m", "condition: {gt: 3}", "at-least: 20", "for: 1m"],
      ["web>orders"],
    ],
    [
      "traffic gone",
      ["of: rate", "window: 5m", "relative-to: 30m", "condition: {lt: 0.1}", "at-least: 20"],
      ["jobs>orders"],
    ],
    [
      "much",
      ["of: rate", "window: 5m", "condition: {gte: 0.05}", "at-least: 5", "for: 2m"],
      ["jobs>orders", "web>orders"],
    ],
    ["nothing", ["of: error_ratio", "window: 5m", "condition: {gt: 0.9}"], []],
  ])("%s: fires when it would have fired live", async (_, lines, expected) => {
    const of = measure(lines);
    const found = await past(of);
    const fired = (found.fired ?? []).map(({ labels }) => `${labels["caller"]}>${labels["callee"]}`);
    expect(fired.toSorted()).toEqual(expected);
    expect((await live(of)).toSorted()).toEqual(expected);
    expect(found).toMatchObject({ hits: expected.length, sample: expected.map(() => ({ callee: "orders" })) });
  });

  it("says who fell silent, since when, and up to which record", async () => {
    const found = await past(
      measure(["of: absent", "window: 15m", "condition: {gt: 1200}", "at-least: 100", "for: 5m"]),
    );
    expect(found).toMatchObject({ hits: 1, per_day: 12 });
    const at = (minute: number) => new Date((SAMPLE_START_US + minute * MINUTE_US) / 1_000).toISOString().slice(0, 16);
    const [fired] = found.fired!;
    expect(fired).toMatchObject({ labels: { caller: "jobs", callee: "orders" }, over_at: null, calls: 240 });
    // The last record came in the 60th minute, twenty minutes may pass, and five more.
    expect([fired!.since.slice(0, 16), fired!.fired_at.slice(0, 16)]).toEqual([at(79), at(84)]);
    expect(found.sample).toMatchObject([{ caller: "jobs", timestamp: expect.stringContaining(at(59).slice(11)) }]);
    const now = measureStatement(measure(["of: absent", "window: 15m", "condition: {gt: 1200}"]), period.toUs)!;
    const { rows } = await temporary.index.reader.select<MeasuredRow>(now, LIMITS);
    const jobs = rows.find(({ labels }) => labels[0] === "jobs")!;
    expect(jobs.records).toHaveLength(1);
    expect(jobs.calls).toBe(240);
  });

  it("is bounded by what the reader may see, and refuses what has no past", async () => {
    const of = measure(["of: error_ratio", "window: 5m", "condition: {gt: 0.5}", "at-least: 10"]);
    const scope = { ...WHOLE_SCOPE, services: ["jobs"] };
    expect(await backtestMeasure(temporary.index.reader, scope, of, period)).toMatchObject({ hits: 0, sample: [] });
    expect(await past(measure(["of: match_rate", "window: 15m", "condition: {lt: 0.9}"]))).toMatchObject({ hits: 0 });
    await expect(past(measure(["of: checkpoint_age", "window: 1m", "condition: {gt: 60}"]))).rejects.toMatchObject({
      code: "bad_request",
    });
  });
});
