import { expect, it } from "vitest";

import type { Journal } from "../journal/journal.ts";
import { memoryJournal, seededBytes } from "../journal/memory-journal.ts";
import { manualClock } from "../manual-clock.ts";
import { openAlerting } from "./open-alerting.ts";
import type { Alerts } from "./alerts.ts";
import { AGAIN_EVERY_US, MAX_OPEN_ALERTS_A_RULE } from "./limits.ts";
import { sampleFinding } from "./sample-finding.contract.ts";

const clock = manualClock();
const open = (journal: Journal): Promise<Alerts> =>
  openAlerting({ journal, clock, random: seededBytes("alerts") }).then(({ alerts }) => alerts);
const recordsIn = (journal: Journal): number =>
  journal.trees().reduce((sum, { log, size }) => sum + (log === "alerts" ? size : 0), 0);

it("the same finding again is the same alert and writes nothing, also after a restart", async () => {
  const journal = await memoryJournal();
  const alerts = await open(journal);
  await alerts.sink([sampleFinding(), sampleFinding(), sampleFinding({ labels: { service: "billing" } })]);
  expect(alerts.list().map(({ state, finding }) => [state, finding.labels["service"]])).toEqual([
    ["firing", "billing"],
    ["firing", "orders"],
  ]);
  const size = recordsIn(journal);
  const again = await open(journal);
  await again.sink([sampleFinding()]);
  expect(recordsIn(journal)).toBe(size);
  expect(again.list()).toEqual(alerts.list());
});

it("a condition that ended resolves its alert, and what comes again from before does not raise it anew", async () => {
  const alerts = await open(await memoryJournal());
  await alerts.sink([sampleFinding(), sampleFinding({ state: "resolved", seenAtUs: 2_000_000 }), sampleFinding()]);
  expect(alerts.list()).toMatchObject([{ state: "resolved", resolvedBy: "condition" }]);
  await alerts.sink([sampleFinding({ startsAtUs: 3_000_000, seenAtUs: 3_000_000 })]);
  expect(alerts.list().map(({ state }) => state)).toEqual(["firing", "resolved"]);
});

it("what goes on is told now and then, what becomes worse at once", async () => {
  const journal = await memoryJournal();
  const alerts = await open(journal);
  await alerts.sink([sampleFinding({ level: "medium" })]);
  const size = recordsIn(journal);
  await alerts.sink([sampleFinding({ level: "medium", seenAtUs: 2_000_000, count: 2 })]);
  expect(recordsIn(journal)).toBe(size);
  await alerts.sink([sampleFinding({ level: "high", startsAtUs: 3_000_000, seenAtUs: 3_000_000, count: 3 })]);
  await alerts.sink([sampleFinding({ seenAtUs: 3_000_000 + AGAIN_EVERY_US, count: 9 })]);
  expect(recordsIn(journal)).toBe(size + 2);
  expect(alerts.list()).toMatchObject([{ finding: { level: "high", startsAtUs: 1_000_000, count: 9 } }]);
});

it("what was listed notifies once it is certain, and what somebody was told of stays told", async () => {
  const alerts = await open(await memoryJournal());
  const found = () => alerts.list().map(({ finding: { level, quiet } }) => [level, quiet]);
  await alerts.sink([sampleFinding({ level: "low", quiet: true })]);
  expect(found()).toEqual([["low", true]]);
  await alerts.sink([sampleFinding({ level: "medium", seenAtUs: 2_000_000 })]);
  expect(found()).toEqual([["medium", false]]);
  await alerts.sink([sampleFinding({ level: "low", quiet: true, seenAtUs: 2_000_000 + AGAIN_EVERY_US })]);
  expect(found()).toEqual([["medium", false]]);
});

it("what showed it first stays the first record of an alert that goes on", async () => {
  const alerts = await open(await memoryJournal());
  const records = [8, 7, 9].map((leafIndex) => ({ tree: "default/2026-11", leafIndex, callId: "a/b" }));
  await alerts.sink([sampleFinding(), sampleFinding({ seenAtUs: 2_000_000 + AGAIN_EVERY_US, records })]);
  expect(alerts.list()[0]!.finding.records.map(({ leafIndex }) => leafIndex)).toEqual([7, 8, 9]);
});

it("a rule that finds without end has a bounded number of alerts, and none of its findings is lost", async () => {
  const alerts = await open(await memoryJournal());
  const flood = Array.from({ length: MAX_OPEN_ALERTS_A_RULE + 50 }, (_, n) =>
    sampleFinding({ labels: { service: `s${n}` } }),
  );
  await alerts.sink(flood);
  expect(alerts.list()).toHaveLength(MAX_OPEN_ALERTS_A_RULE + 1);
  expect(alerts.list()[0]!.finding.labels).toEqual({ overflow: "true" });
});

it.each(["é\u{1f600}", '"', "\\", "\u0001", "\ud800", "\u2028"])(
  "a finding of any size fits its record: %j",
  async (part) => {
    const alerts = await open(await memoryJournal());
    const long = part.repeat(40_000);
    const labels = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`l${n}${long}`, long]));
    const records = Array.from({ length: 90 }, () => ({ tree: "default/2026-11", leafIndex: 1, callId: long }));
    await alerts.sink([
      sampleFinding({ title: long, summary: long, expected: long, seen: long, labels, records, tags: [long] }),
    ]);
    expect(alerts.list()).toHaveLength(1);
  },
);

it("what people do is a step each, stands in the log, and is known after a restart and in a new tree", async () => {
  const own = manualClock();
  const journal = await memoryJournal({ clock: own, epochOf: () => ({ kind: "duration", seconds: 10 }) });
  const start = () => openAlerting({ journal, clock: own, random: seededBytes(String(own.nowUs())) });
  const { alerts, silences, log } = await start();
  await alerts.sink([sampleFinding(), sampleFinding({ labels: { service: "billing" } })]);
  const [billing, orders] = alerts.list();
  await alerts.act("user:ada", orders!.id, "acknowledge", "looking");
  await alerts.act("user:ada", orders!.id, "acknowledge");
  await alerts.act("user:ada", orders!.id, "assign", "bob");
  await alerts.act("user:ada", billing!.id, "resolve");
  const hour = { matchers: ["service=orders"], startsAtUs: own.nowUs(), endsAtUs: own.nowUs() + 3_600_000_000 };
  const silence = await silences.place("user:ada", { ...hour, comment: "known" });
  expect(alerts.find(orders!.id)?.steps.map(({ kind }) => kind)).toEqual(["fired", "acknowledged", "assigned"]);
  expect(alerts.find(billing!.id)).toMatchObject({ state: "resolved", resolvedBy: "person" });
  own.advance(60_000);
  await alerts.act("user:bob", orders!.id, "comment", "found it");
  const [old, newer] = journal.trees().filter((tree) => tree.log === "alerts");
  expect(await log.snapshotAfter(old!.tree)).toBe(newer!.tree);
  for (const left of [journal, { ...journal, trees: () => [newer!], read: journal.read.bind(journal) }]) {
    const again = await openAlerting({ journal: left, clock: own, random: seededBytes("again") });
    expect(again.alerts.find(orders!.id)).toEqual(alerts.find(orders!.id));
    expect(again.silences.find(silence.id)?.endsAtUs).toBe(hour.endsAtUs);
    expect(again.silences.of({ service: "orders" })).toBe(silence.id);
  }
});

it("a resolved alert is reopened, unless the same was raised again", async () => {
  const alerts = await open(await memoryJournal());
  await alerts.sink([sampleFinding()]);
  const { id } = alerts.list()[0]!;
  await alerts.act("user:ada", id, "resolve");
  expect(await alerts.act("user:ada", id, "reopen")).toMatchObject({ state: "firing", resolvedAtUs: null });
  await alerts.act("user:ada", id, "resolve");
  await alerts.sink([sampleFinding({ startsAtUs: 9_000_000, seenAtUs: 9_000_000 })]);
  await expect(alerts.act("user:ada", id, "reopen")).rejects.toMatchObject({ code: "bad_request" });
  await expect(alerts.act("user:ada", "none", "resolve")).rejects.toMatchObject({ code: "not_found" });
});

it.each([
  ["without matchers", { matchers: [] }],
  ["of everything", { matchers: ["service=~.*"] }],
  ["that ends before it begins", { endsAtUs: 1 }],
  ["without a reason", { comment: " " }],
  ["of a matcher that is none", { matchers: ["service"] }],
  ["of an expression that is none", { matchers: ['service=~"("'] }],
])("a silence %s is refused", async (_, fault) => {
  const { silences } = await openAlerting({ journal: await memoryJournal(), clock, random: seededBytes("s") });
  const good = { matchers: ["a=b"], startsAtUs: clock.nowUs(), endsAtUs: clock.nowUs() + 1e9, comment: "why" };
  await expect(silences.place("admin", { ...good, ...fault })).rejects.toMatchObject({ code: "bad_request" });
});

it("what is about to be erased is forgotten, stands in no new snapshot, and what the log says after it is known", async () => {
  const journal = await memoryJournal();
  const { alerts, log } = await openAlerting({ journal, clock, random: seededBytes("erased") });
  const labels = [{ service: "kept" }, { service: "named" }, { operation: "GET /slipped-in" }];
  await alerts.sink(labels.map((one) => sampleFinding({ labels: one })));
  const of = (name: string) => alerts.list().find(({ finding }) => Object.values(finding.labels).includes(name))!;
  await alerts.act("user:ada", of("kept").id, "acknowledge");
  const named = new Set([of("named"), of("kept")].map(({ id }) => `alert/${id}`));
  await log.forget(named, (text) => text.includes("slipped-in"), true);
  expect(alerts.list()).toEqual([]);
  const size = recordsIn(journal);
  const snapshot = await journal.read(journal.trees().find((tree) => tree.log === "alerts")!.tree, size - 1, 1 << 20);
  expect(Buffer.from(snapshot!.entries).toString()).toContain("control snapshot");
  expect(Buffer.from(snapshot!.entries).toString()).not.toMatch(/slipped-in|named/);
  // Nothing of it was overwritten here, so all that was named comes back.
  await log.recall(named);
  expect(alerts.list().map(({ state, finding }) => [state, finding.labels["service"]])).toEqual([
    ["firing", "named"],
    ["acknowledged", "kept"],
  ]);
});
