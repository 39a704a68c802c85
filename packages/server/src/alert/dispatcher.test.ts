import { afterEach, expect, it } from "vitest";

import type { Finding } from "../detect/finding.ts";
import { memoryJournal, seededBytes } from "../journal/memory-journal.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import { manualClock } from "../manual-clock.ts";
import type { ManualClock } from "../manual-clock.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { InhibitRule } from "./inhibit.ts";
import { MAX_NOTICE_ALERTS, MAX_QUEUED_A_CHANNEL } from "./limits.ts";
import { parseMatchers } from "./matchers.ts";
import type { Channel, SendOutcome } from "./notify/channel.ts";
import { messageText } from "./notify/message.ts";
import type { Message } from "./notify/message.ts";
import { Outbox } from "./notify/outbox.ts";
import { openAlerting } from "./open-alerting.ts";
import type { Alerting } from "./open-alerting.ts";
import type { Route } from "./routing.ts";
import { sampleFinding } from "./sample-finding.contract.ts";

const SECOND = 1_000_000;
const ROUTE: Route = {
  name: "default",
  match: [],
  channels: ["ops"],
  groupBy: ["rule_id"],
  groupWaitUs: SECOND,
  groupIntervalUs: 60 * SECOND,
  repeatIntervalUs: 3_600 * SECOND,
  goesOn: false,
};

interface Bench {
  readonly clock: ManualClock;
  readonly journal: LocalJournal;
  readonly alerting: Alerting;
  readonly sent: Message[];
  /** What the channel answers from now on. */
  answer: SendOutcome;
  /** Lets time pass in small steps, and everything that is due happen. */
  pass(seconds: number): Promise<void>;
  find(fields?: Partial<Finding>): Promise<void>;
  close(): Promise<void>;
}

interface Wanted {
  readonly journal?: LocalJournal;
  readonly clock?: ManualClock;
  readonly routes?: readonly Route[];
  readonly inhibit?: readonly InhibitRule[];
  readonly perMinute?: number;
  readonly runbookUrl?: string;
}

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.close();
});

async function opened(wanted: Wanted = {}): Promise<Bench> {
  const clock = wanted.clock ?? manualClock();
  const journal = wanted.journal ?? (await memoryJournal({ clock }));
  const random = seededBytes(`dispatcher ${clock.nowUs()}`);
  const { runbookUrl = "" } = wanted;
  const alerting = await openAlerting({ journal, clock, random, runbookUrl });
  const sent: Message[] = [];
  const channel: Channel = {
    name: "ops",
    kind: "test",
    perMinute: wanted.perMinute ?? 6_000,
    sendsResolved: true,
    keepsFiring: false,
    send: async (message) => {
      sent.push(message);
      return bench.answer;
    },
  };
  const onTrouble = (): void => {};
  const message = {
    publicUrl: "https://audit.example.com",
    find: alerting.alerts.find.bind(alerting.alerts),
    response: () => null,
  };
  const outbox = new Outbox({ ...alerting, channels: [channel], message, random: seededBytes("o"), onTrouble });
  const dispatcher = new Dispatcher({
    ...alerting,
    routing: { routes: wanted.routes ?? [ROUTE], notifyFrom: "medium" },
    inhibit: wanted.inhibit ?? [],
    channels: new Map([["ops", channel]]),
    resolveAfterUs: 86_400 * SECOND,
    onTrouble,
  });
  const bench: Bench = {
    clock,
    journal,
    alerting,
    sent,
    answer: { kind: "delivered", answer: "It answered 200." },
    pass: (seconds) => passing(clock, seconds),
    find: async (fields) => {
      const nowUs = clock.nowUs();
      await alerting.alerts.sink([sampleFinding({ startsAtUs: nowUs, seenAtUs: nowUs, ...fields })]);
    },
    close: async () => {
      await dispatcher.close();
      await outbox.close();
    },
  };
  benches.push(bench);
  return bench;
}

/** Records are written by real turns of the event loop; time is by hand. */
async function passing(clock: ManualClock, seconds: number): Promise<void> {
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const steps = Math.min(40, Math.max(4, seconds));
  for (let step = 0; step < steps; step++) {
    clock.advance((seconds * 1_000) / steps);
    await settle();
  }
}

const titles = ({ sent }: Bench): readonly string[] =>
  sent.map(({ title }) => title.replace(/:.*\]/, "]").split(":")[0]!);
const told = ({ sent }: Bench): readonly string[] =>
  sent.map(({ status, alerts }) => `${status} ${alerts.map(({ alert }) => alert.finding.labels["service"]).join(",")}`);

it("a notification carries the rule's runbook, else the one that the setting says", async () => {
  const bench = await opened({ runbookUrl: "https://runbooks.example.com/{rule}?of={rule}" });
  const runbookUrl = "https://wiki.example.com/orders";
  await bench.find({ ruleId: "a", labels: { service: "a" }, runbookUrl });
  await bench.find({ ruleId: "builtin/replay", labels: { service: "b" } });
  await bench.find({ ruleId: "$& ü", labels: { service: "c" } });
  await bench.pass(30);
  const runbooks = bench.sent.flatMap(({ alerts }) => alerts.map(({ alert }) => alert.finding.runbookUrl));
  expect(new Set(runbooks)).toEqual(
    new Set([
      "https://runbooks.example.com/%24%26%20%C3%BC?of=%24%26%20%C3%BC",
      "https://runbooks.example.com/builtin/replay?of=builtin/replay",
      runbookUrl,
    ]),
  );
  expect(messageText(bench.sent.find(({ alerts }) => alerts[0]!.alert.finding.ruleId === "a")!)).toContain(
    `Runbook: ${runbookUrl}`,
  );
});

it("what fires together is one notification, what comes later waits for the group's time, and the end is told", async () => {
  const bench = await opened();
  await bench.find();
  await bench.find({ labels: { service: "billing" } });
  await bench.pass(3);
  expect(told(bench)).toEqual(["firing billing,orders"]);
  await bench.find({ labels: { service: "payments" } });
  await bench.pass(10);
  expect(told(bench)).toHaveLength(1);
  await bench.pass(60);
  expect(told(bench)[1]).toBe("firing payments,billing,orders");
  for (const { id } of bench.alerting.alerts.list()) await bench.alerting.alerts.act("user:ada", id, "resolve");
  await bench.pass(120);
  expect(told(bench)[2]).toMatch(/^resolved /);
  expect(titles(bench)).toEqual(["[FIRING] high", "[FIRING] high", "[RESOLVED] high"]);
  await bench.pass(7_200);
  expect(bench.sent).toHaveLength(3);
});

it("what nobody takes on is told again, what somebody took on is not, also after a restart", async () => {
  const bench = await opened();
  await bench.find();
  await bench.pass(3);
  await bench.close();
  const again = await opened(bench);
  await again.pass(1_800);
  expect(again.sent).toHaveLength(0);
  await again.pass(1_900);
  expect(told(again)).toEqual(["firing orders"]);
  await again.alerting.alerts.act("user:ada", again.alerting.alerts.list()[0]!.id, "acknowledge");
  await again.pass(7_300);
  expect(again.sent).toHaveLength(1);
});

it("what is silenced, quiet or of a low level is listed and told to nobody, until the silence ends", async () => {
  const bench = await opened();
  const { clock, alerting } = bench;
  const hour = { startsAtUs: clock.nowUs(), endsAtUs: clock.nowUs() + 600 * SECOND, comment: "known" };
  const { id } = await alerting.silences.place("user:ada", { ...hour, matchers: ["service=orders"] });
  await bench.find();
  await bench.find({ labels: { service: "learning" }, quiet: true });
  await bench.find({ labels: { service: "minor" }, level: "low" });
  await bench.pass(5);
  expect(bench.sent).toHaveLength(0);
  const orders = alerting.alerts.list().find(({ finding }) => finding.labels["service"] === "orders")!;
  expect(orders).toMatchObject({ state: "firing", suppressedBy: id });
  expect(orders.steps.at(-1)).toMatchObject({ kind: "suppressed", text: id });
  await bench.pass(700);
  expect(told(bench)).toEqual(["firing orders"]);
  expect(alerting.alerts.find(orders.id)?.suppressedBy).toBeNull();
});

it("an alert is inhibited while one that says more fires with the same labels, and by nothing that it says itself", async () => {
  const [source, target] = [parseMatchers(["level=critical"]), parseMatchers(["level=~high|critical"])];
  const bench = await opened({ inhibit: [{ source, target, equal: ["service"] }] });
  await bench.find({ ruleId: "builtin/more", level: "critical", labels: { service: "orders" } });
  await bench.find({ labels: { service: "orders" } });
  await bench.find({ labels: { service: "billing" } });
  await bench.pass(5);
  expect(told(bench).toSorted()).toEqual(["firing billing", "firing orders"]);
  const more = bench.alerting.alerts.list().find(({ finding }) => finding.level === "critical")!;
  const less = bench.alerting.alerts.list().filter(({ suppressedBy }) => suppressedBy !== null);
  expect(less.map(({ suppressedBy }) => suppressedBy)).toEqual([more.id]);
  await bench.alerting.alerts.act("user:ada", more.id, "resolve");
  await bench.pass(120);
  expect(told(bench)).toContain("firing orders,billing");
});

it("the first route that matches counts, further ones where it goes on, and each has its own groups", async () => {
  const routes = [
    { ...ROUTE, name: "a", match: parseMatchers(["service=orders"]), groupBy: ["..."], goesOn: true },
    { ...ROUTE, name: "b", match: parseMatchers(["service=~orders|billing"]) },
    { ...ROUTE, name: "c", match: [] },
  ];
  const bench = await opened({ routes });
  await bench.find({ labels: { service: "orders" } });
  await bench.find({ labels: { service: "billing" } });
  await bench.find({ labels: { service: "other" } });
  await bench.pass(5);
  expect(told(bench).toSorted()).toEqual(["firing billing,orders", "firing orders", "firing other"]);
});

it("what fails is tried again later each time, given up at last, listed, and sent again by hand; also over restarts", async () => {
  const bench = await opened();
  bench.answer = { kind: "failed", isPermanent: false, message: "It answered 503.", retryAfterS: null };
  await bench.find();
  await bench.pass(30);
  expect(bench.sent.length).toBeGreaterThan(2);
  expect(new Set(bench.sent.map(({ id }) => id)).size).toBe(1);
  expect(bench.alerting.notices.list()[0]).toMatchObject({ state: "queued", error: "It answered 503." });
  await bench.close();
  const again = await opened(bench);
  again.answer = { kind: "failed", isPermanent: true, message: "It answered 410.", retryAfterS: null };
  await again.pass(120);
  expect(again.sent.map(({ id }) => id)).toEqual([bench.sent[0]!.id]);
  const [dead] = again.alerting.notices.list();
  expect(dead).toMatchObject({ state: "dead", error: "It answered 410." });
  again.answer = { kind: "delivered", answer: "It answered 202." };
  await again.alerting.notices.retry("user:ada", dead!.id);
  await again.pass(5);
  expect(again.alerting.notices.find(dead!.id)).toMatchObject({ state: "delivered", answer: "It answered 202." });
  await expect(again.alerting.notices.retry("user:ada", dead!.id)).rejects.toMatchObject({ code: "not_pending" });
});

it("an event that is not seen again is over after its time, a condition is not", async () => {
  const bench = await opened();
  await bench.find();
  await bench.find({ kind: "measure", labels: { service: "slow" } });
  await bench.pass(90_000);
  expect(
    bench.alerting.alerts.list().map(({ finding, state, resolvedBy }) => [finding.kind, state, resolvedBy]),
  ).toEqual([
    ["measure", "firing", null],
    ["detector", "resolved", "expired"],
  ]);
});

it("when thousands fire within a minute few wait for a channel, the gravest first, and none is told twice", async () => {
  const groupBy = ["service"];
  const bench = await opened({ routes: [{ ...ROUTE, groupBy, repeatIntervalUs: 86_400 * SECOND }], perMinute: 60 });
  const { alerting, clock, sent } = bench;
  let most = 0;
  const watched = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 5) {
      await bench.pass(5);
      most = Math.max(most, alerting.notices.queued().length);
    }
  };
  const storm = (from: number, level: Finding["level"]) => {
    const nowUs = clock.nowUs();
    return Array.from({ length: 300 }, (_, at) =>
      sampleFinding({
        ruleId: `builtin/storm-${from}`,
        level,
        labels: { service: `service-${from}-${at}` },
        startsAtUs: nowUs,
        seenAtUs: nowUs,
      }),
    );
  };
  for (let wave = 0; wave < 2; wave += 1) await alerting.alerts.sink(storm(wave, "medium"));
  await watched(10);
  const before = sent.length;
  await bench.find({ ruleId: "builtin/worst", level: "critical", labels: { service: "crown" } });
  await alerting.alerts.sink(storm(2, "high"));
  await watched(20);
  const levels = sent.slice(before).map(({ level }) => level);
  expect(levels.slice(0, 4)).toContain("critical");
  expect(levels.slice(4).every((level) => level === "high")).toBe(true);
  expect(most).toBeLessThanOrEqual(2 * MAX_QUEUED_A_CHANNEL + 1);
  expect(new Set(told(bench)).size).toBe(sent.length);
  // What is due beyond those waits as alerts: nothing is written of it.
  expect(alerting.notices.list().length).toBeLessThanOrEqual(sent.length + 2 * MAX_QUEUED_A_CHANNEL + 1);
});

it("a group of more than one notification names is told once, and says how many there are", async () => {
  const bench = await opened();
  const nowUs = bench.clock.nowUs();
  await bench.alerting.alerts.sink(
    Array.from({ length: MAX_NOTICE_ALERTS + 100 }, (_, at) =>
      sampleFinding({
        labels: { service: `service-${at}` },
        level: at === 450 ? "critical" : "medium",
        startsAtUs: nowUs,
        seenAtUs: nowUs,
      }),
    ),
  );
  await bench.pass(5);
  await bench.pass(600);
  expect(titles(bench)).toEqual(["[FIRING] critical"]);
  expect(bench.sent[0]).toMatchObject({
    title: expect.stringContaining(`FIRING:${MAX_NOTICE_ALERTS + 100}`),
    more: 100,
  });
  expect(bench.sent[0]!.alerts[0]!.alert.finding.level).toBe("critical");
  await bench.find({ labels: { service: "later" } });
  await bench.pass(120);
  expect(bench.sent).toHaveLength(2);
});
