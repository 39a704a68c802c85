/** What the tally says of clocks and of coverage, from both sides' records to the alert that somebody reads. */
import { afterEach, expect, test } from "vitest";

import { DetectorFollower } from "../detect/detectors/detector-follower.ts";
import { until } from "../index/sample.contract.ts";
import { memoryJournal, seededBytes } from "../journal/memory-journal.ts";
import { realClock } from "../real-clock.ts";
import { half, openTallyBench, pair } from "../tally/tally-bench.contract.ts";
import type { Half, TallyBench } from "../tally/tally-bench.contract.ts";
import type { Alert } from "./alert.ts";
import { openAlerting } from "./open-alerting.ts";

const HOUR_S = 3_600;
const DAY_US = 24 * HOUR_S * 1_000_000;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Watched {
  readonly tally: TallyBench;
  /** Alerts of the detector, when all that is there was looked at. */
  alertsOf(detector: string): Promise<readonly Alert[]>;
}

async function watched(): Promise<Watched> {
  const tally = await openTallyBench();
  ends.push(() => tally.close());
  const clock = realClock();
  const journal = await memoryJournal({ clock });
  const { alerts } = await openAlerting({ journal, clock, random: seededBytes("tally alerts") });
  const troubles: string[] = [];
  const follower = new DetectorFollower({
    deriver: tally.index.index.deriver,
    index: tally.index.index.follower,
    clock: {
      ...clock,
      monotonicMs: () => clock.monotonicMs() * 1_000,
      after: (ms, call) => clock.after(ms / 1_000, call),
    },
    settings: { learnUs: 7 * DAY_US, dormantUs: 30 * DAY_US, deployUs: 0, sensitiveOperations: [], networks: {} },
    sink: alerts.sink,
    baselines: null,
    open: () => [],
    journaled: () => [],
    onTrouble: (message) => troubles.push(message),
  });
  ends.push(() => follower.close());
  return {
    tally,
    async alertsOf(detector) {
      const isThrough = () =>
        tally.index.journal
          .trees()
          .every(({ tree, size }) =>
            tally.index.index.follower.positions().some((one) => one.tree === tree && one.indexed === size),
          );
      await until(() => isThrough() && follower.isReady() && follower.lagLeaves() === 0);
      expect([...troubles, ...tally.troubles]).toEqual([]);
      return alerts.list().filter(({ finding }) => finding.ruleId === `builtin/${detector}`);
    },
  };
}

/** Six calls an hour whose callee's clock is so much ahead of its caller's; less than nothing: behind. */
const skewed = (hour: number, caller: string, callee: string, bySeconds: number): readonly Half[] =>
  Array.from({ length: 6 }, (_, place) => {
    const atMs = Date.UTC(2026, 10, 25, 8 + hour) + place * 1_000;
    const fields = (ms: number) => ({ service_id: caller, target_id: callee, timestamp: new Date(ms).toISOString() });
    return pair(`${caller}-${hour}-${place}`, hour * HOUR_S + place, fields(atMs), fields(atMs + bySeconds * 1_000));
  }).flat();

test("two clocks further apart than the limit are one alert that says which is ahead, by how much, and what to do", async () => {
  const { tally, alertsOf } = await watched();
  await tally.add(
    ...skewed(0, "orders", "payments", 300),
    ...skewed(0, "web", "stock", -90),
    ...skewed(0, "cart", "mail", 59),
  );
  await tally.passTo(200);
  await tally.add(...skewed(17, "orders", "payments", 300));
  await tally.passTo(17 * HOUR_S + 200);
  expect(tally.verdicts.filter(({ operation }) => operation === "clock_skew")).toHaveLength(3);
  const found = await alertsOf("clock-skew");
  expect(found.map(({ finding }) => finding.labels).toSorted((a, b) => (a["caller"]! < b["caller"]! ? -1 : 1))).toEqual(
    [
      { caller: "orders", callee: "payments" },
      { caller: "web", callee: "stock" },
    ],
  );
  const of = (caller: string) => found.find(({ finding }) => finding.labels["caller"] === caller)!.finding;
  expect(of("orders")).toMatchObject({
    level: "medium",
    quiet: false,
    summary: "The clocks of orders and payments are far apart",
    expected: "clocks that are at most 60 s apart",
    seen: "payments's clock is ahead of orders's by 300 s by the median of the calls that both recorded",
    check: expect.stringContaining("time synchronisation"),
    silence: expect.stringContaining("tally.clock_limit"),
  });
  expect(of("web").seen).toContain("stock's clock is behind web's by 90 s");
});

/** `count` calls within a minute, of which the callee recorded the first `paired`. */
const calls = (minute: number, count: number, paired: number): readonly Half[] =>
  Array.from({ length: count }, (_, place) => {
    const atS = minute * 60 + (place * 60) / count;
    const name = `m${minute}-${place}`;
    return place < paired ? pair(name, atS) : [half("caller", name, atS)];
  }).flat();

test("an edge that one side stopped recording is one alert, which says who records how much and how much it was", async () => {
  const { tally, alertsOf } = await watched();
  await tally.add(...calls(0, 100, 80));
  await tally.passTo(121);
  expect(await alertsOf("coverage")).toEqual([]);
  await tally.add(...calls(55, 60, 12));
  await tally.passTo(3_700);
  // Told once an hour by the tally, and by one alert while it goes on.
  expect(tally.verdicts.filter(({ operation }) => operation === "coverage")).toHaveLength(2);
  const [alert, ...others] = await alertsOf("coverage");
  expect(others).toEqual([]);
  expect(alert).toMatchObject({
    state: "firing",
    finding: {
      level: "medium",
      labels: { caller: "orders", callee: "payments" },
      summary: "orders and payments record far fewer calls together than they used to",
      expected: "half of the 80.0% of 100 calls that both sides recorded before",
      seen: "orders (caller): recorded 100.0% of 60 calls in 10 minutes; payments (callee): recorded 20.0% of 60 calls in 10 minutes",
      check: expect.stringContaining("Which side stopped recording?"),
      silence: expect.stringContaining("tallystick parties set"),
    },
  });
  // It shows the verdict, which is a record that can be proven.
  const [shown] = alert!.finding.records;
  expect(shown).toMatchObject({ tree: "default/2026-11" });
});
