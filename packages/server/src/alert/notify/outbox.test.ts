/** When a channel is asked, how often, and what becomes of what it does not take. */
import { afterEach, expect, it } from "vitest";

import { memoryJournal, seededBytes } from "../../journal/memory-journal.ts";
import { manualClock } from "../../manual-clock.ts";
import { MAX_RETRY_AFTER_S, NOTICE_RETRY_DELAYS_S } from "../limits.ts";
import type { Notice } from "../notice.ts";
import { openAlerting } from "../open-alerting.ts";
import type { Channel, SendOutcome } from "./channel.ts";
import { Outbox } from "./outbox.ts";

const DELIVERED: SendOutcome = { kind: "delivered", answer: "It answered 202." };
const busy = (retryAfterS: number | null): SendOutcome => ({
  kind: "failed",
  isPermanent: false,
  message: "It answered 429.",
  retryAfterS,
});

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function opened(perMinute: number) {
  const clock = manualClock();
  const startUs = clock.nowUs();
  const journal = await memoryJournal({ clock });
  const alerting = await openAlerting({ journal, clock, random: seededBytes("outbox") });
  const sent: { readonly channel: string; readonly id: string; readonly atMs: number }[] = [];
  const bench = {
    alerting,
    sent,
    /** What the channel `ops` answers; `other` takes all. */
    answer: DELIVERED,
    async queue(channel: string, count = 1): Promise<readonly string[]> {
      const about = { purpose: "test", groupLabels: {}, firing: [], resolved: [], more: 0 } as const;
      const wanted = Array.from({ length: count }, (_, at) => ({ ...about, channel, groupKey: `${channel}/${at}` }));
      return alerting.notices.queue(wanted);
    },
    /** Lets time pass by `stepMs`, and everything that is due happen. */
    async pass(seconds: number, stepMs = 100): Promise<void> {
      for (let passed = 0; passed < seconds * 1_000; passed += stepMs) {
        clock.advance(stepMs);
        for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    timesOf: (channel: string) => sent.filter((one) => one.channel === channel).map(({ atMs }) => atMs),
    figures: () => outbox.figures().find(({ channel }) => channel === "ops"),
  };
  const channelOf = (name: string): Channel => ({
    name,
    kind: "test",
    perMinute,
    sendsResolved: true,
    keepsFiring: false,
    send: async ({ id }) => {
      sent.push({ channel: name, id, atMs: (clock.nowUs() - startUs) / 1_000 });
      return name === "ops" ? bench.answer : DELIVERED;
    },
  });
  const message = { publicUrl: "", find: alerting.alerts.find.bind(alerting.alerts), response: () => null };
  const channels = [channelOf("ops"), channelOf("other")];
  const outbox = new Outbox({ ...alerting, channels, message, random: seededBytes("o"), onTrouble: () => {} });
  ends.push(() => outbox.close());
  return bench;
}

it("a channel is asked so many times a minute and no more, each channel by itself", async () => {
  const bench = await opened(30);
  await bench.queue("ops", 5);
  await bench.queue("other", 2);
  await bench.pass(20);
  const times = bench.timesOf("ops");
  expect(times).toHaveLength(5);
  for (const [at, time] of times.slice(1).entries()) {
    expect(time - times[at]!).toBeGreaterThanOrEqual(2_000);
    expect(time - times[at]!).toBeLessThan(2_500);
  }
  expect(bench.timesOf("other")[0]).toBeLessThan(1_000);
});

it("a channel that says when to come again is asked nothing before, and others are", async () => {
  const bench = await opened(6_000);
  bench.answer = busy(120);
  const [first, second] = await bench.queue("ops", 2);
  await bench.pass(1);
  bench.answer = DELIVERED;
  await bench.queue("other");
  await bench.pass(110);
  expect(bench.timesOf("ops")).toHaveLength(1);
  expect(bench.timesOf("other")).toHaveLength(1);
  await bench.pass(15);
  expect(bench.sent.map(({ id }) => id).toSorted()).toEqual(expect.arrayContaining([first, second]));
  expect(bench.alerting.notices.queued()).toEqual([]);
  const [asked = 0, again = 0] = bench.timesOf("ops");
  expect(again - asked).toBeGreaterThanOrEqual(120_000);
});

it("nobody is waited for longer than an hour, whatever it asks for", async () => {
  const bench = await opened(6_000);
  bench.answer = busy(10 * MAX_RETRY_AFTER_S);
  await bench.queue("ops");
  await bench.pass(1);
  await bench.pass(MAX_RETRY_AFTER_S + 60, 10_000);
  expect(bench.timesOf("ops")).toHaveLength(2);
});

it("what was tried for the last time is given up, counted and listed, and sent again from the beginning", async () => {
  const bench = await opened(6_000);
  bench.answer = busy(null);
  const [id = ""] = await bench.queue("ops");
  const found = (): Notice | null => bench.alerting.notices.find(id);
  for (let passed = 0; found()?.state === "queued" && passed < 150_000; passed += 600) await bench.pass(600, 30_000);
  const tries = NOTICE_RETRY_DELAYS_S.length + 1;
  expect(found()).toMatchObject({ state: "dead", attempts: tries, error: "It answered 429." });
  expect(bench.figures()).toMatchObject({ delivered: 0, failed: tries, dead: 1 });
  const times = bench.timesOf("ops");
  const waited = times.slice(1).map((time, at) => (time - times[at]!) / 1_000);
  // Delays vary by a fifth, and time passes in steps of half a minute here.
  for (const [at, delayS] of NOTICE_RETRY_DELAYS_S.entries()) {
    expect(waited[at]).toBeGreaterThanOrEqual(0.8 * delayS);
    expect(waited[at]).toBeLessThanOrEqual(1.2 * delayS + 60);
  }
  await bench.pass(90_000, 30_000);
  expect(bench.timesOf("ops")).toHaveLength(tries);
  await bench.alerting.notices.retry("user:ada", id);
  await bench.pass(3);
  expect(found()).toMatchObject({ state: "queued", attempts: 2 });
  bench.answer = DELIVERED;
  await bench.pass(10);
  expect(found()).toMatchObject({ state: "delivered", attempts: 3, error: null });
});
