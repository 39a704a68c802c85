/** What the control log knows of retention: over its epochs, over restarts, and with a second person. */
import { describe, expect, it } from "vitest";
import { openControl } from "../control/control-log.ts";
import type { ApprovalRules } from "../control/approval.ts";
import type { Control } from "../control/control.ts";
import { parseEpochPolicy } from "../journal/epochs.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { RetentionBench } from "./retention-bench.contract.ts";
import { retentionOf } from "./retention.ts";
import { carryOut, proposeRelease, RetentionInForce } from "./second-person.ts";

const ALWAYS: ApprovalRules = { mode: "always", actions: ["erase", "release_hold", "shorten_retention"] };
const NEVER: ApprovalRules = { ...ALWAYS, mode: "never" };

async function control(bench: RetentionBench, rules: ApprovalRules = NEVER): Promise<Control> {
  const { journal, clock } = bench.folder;
  return openControl({ journal, clock, random: (size) => bench.folder.randomBytes(size) }, rules);
}

async function opened(): Promise<RetentionBench> {
  const bench = new RetentionBench();
  await bench.start();
  return bench;
}

const HOLD = {
  scope: WHOLE_SCOPE,
  name: "case-4",
  query: "service_id:orders",
  logs: null,
  owner: "legal",
  reason: "a lawsuit",
};

/** All that may be asked of it. */
function told(log: Control): unknown {
  return {
    keys: log.keys(),
    aliases: log.aliases(),
    parties: log.parties(),
    approvals: log.approvals.approvals(),
    holds: log.holds.list(),
    keep: log.kept.keep("default"),
    wanted: log.kept.wantedUntil("default/2026-11"),
  };
}

async function somethingOfEach(log: Control): Promise<void> {
  const key = { role: "viewer", service: null, relay: null, log: "default" } as const;
  const { key: first } = await log.createKey("admin", { ...key, name: "a-key" });
  await log.createKey("admin", { ...key, name: "böser \u{1f600}".replaceAll(/[^a-z]/g, "") });
  await log.revokeKey("admin", first.id);
  await log.setAlias("admin", { name: "address:10.0.0.7", service: "orders \u{1f600} ü", from: null, to: null });
  await log.setAlias("admin", { name: "address:10.0.0.8", service: "gone", from: null, to: null });
  await log.removeAlias("admin", "address:10.0.0.8");
  await log.setParty("admin", { name: "stripe", reason: "x".repeat(1_000) });
  const hold = await log.holds.place("admin", HOLD);
  await log.holds.place("admin", { ...HOLD, name: "case-5", logs: ["default"] });
  await log.holds.release("admin", hold.id);
  await log.kept.setKeep("admin", "default", "2 years");
  await log.kept.want("admin", "default/2026-11", "2030-01-01T00:00:00Z");
  await log.approvals.propose("admin", { action: "erase", target: "t", reason: "r", details: { selection: "{}" } });
}

describe("the control log", () => {
  it("carries all that it says into each new epoch, so that the old ones may go, and is read the same after it", async () => {
    const bench = await opened();
    const log = await control(bench);
    bench.hasSnapshot = async (tree) => (await log.snapshotAfter(tree)) > tree;
    await somethingOfEach(log);
    const before = told(log);
    for (let epoch = 0; epoch < 6; epoch += 1) {
      await bench.folder.publish();
      bench.folder.clock.advance(10_000);
      await log.setAlias("admin", { name: "address:10.0.0.9", service: `orders-${epoch}`, from: null, to: null });
    }
    await bench.folder.publish();
    await bench.pass();
    expect(bench.deleted.filter((tree) => tree.startsWith("control/")).length).toBeGreaterThan(1);
    await log.removeAlias("admin", "address:10.0.0.9");
    const after = told(log);
    expect(after).toEqual(before);
    await bench.stop();
    expect((await bench.folder.verify()).faults).toEqual([]);
    await bench.start();
    expect(told(await control(bench))).toEqual(before);
    await bench.stop();
  });

  it("is read the same when a snapshot stands between changes, whole or in pieces", async () => {
    const bench = await opened();
    const log = await control(bench);
    await somethingOfEach(log);
    for (let party = 0; party < 60; party += 1)
      await log.setParty("admin", { name: `p-${party}`, reason: "y".repeat(900) });
    const tree = bench.trees().find((name) => name.startsWith("control/"))!;
    const size = (): number => bench.folder.journal.trees().find((one) => one.tree === tree)!.size;
    const before = [told(log), size()] as const;
    bench.folder.clock.advance(10_000);
    expect(await log.snapshotAfter(tree)).not.toBe(tree);
    expect(told(log)).toEqual(before[0]);
    expect(told(await control(bench))).toEqual(before[0]);
    expect(size()).toBe(before[1]);
    const newest = bench.folder.journal.trees().findLast(({ log: name }) => name === "control")!;
    expect(newest.size).toBeGreaterThan(4);
    await bench.stop();
  });
});

describe("a hold", () => {
  it("has a name that nobody else has, a query, an owner and a reason, and holds its logs until it is released", async () => {
    const bench = await opened();
    const log = await control(bench);
    for (const wrong of [{ name: "" }, { name: "a b" }, { query: " " }, { owner: "" }, { reason: "" }, { logs: [] }])
      await expect(log.holds.place("admin", { ...HOLD, ...wrong })).rejects.toMatchObject({ code: "bad_request" });
    const hold = await log.holds.place("admin", { ...HOLD, logs: ["default"] });
    await expect(log.holds.place("admin", HOLD)).rejects.toMatchObject({ code: "name_taken" });
    expect([log.holds.on("default").length, log.holds.on("other").length]).toEqual([1, 0]);
    expect(await proposeRelease(log, "admin", hold.id, "it is over")).toMatchObject({ state: "done" });
    expect(log.holds.on("default")).toEqual([]);
    expect(await proposeRelease(log, "admin", hold.id, "again")).toBeNull();
    await log.holds.place("admin", HOLD);
    await bench.stop();
  });

  it("is released when a second person agrees, and not before", async () => {
    const bench = await opened();
    const log = await control(bench, ALWAYS);
    const hold = await log.holds.place("admin", HOLD);
    await log.createKey("admin", { name: "second", role: "admin", service: null, relay: null, log: "default" });
    const approval = await proposeRelease(log, "admin", hold.id, "it is over");
    expect(approval).toMatchObject({ state: "pending" });
    expect(log.holds.on("default")).toHaveLength(1);
    await log.approvals.decide("key:second", approval!.id, "approved");
    await carryOut(log);
    expect(log.holds.on("default")).toEqual([]);
    expect(log.approvals.approval(approval!.id)).toMatchObject({ state: "done" });
    await bench.stop();
  });
});

describe("the retention in force", () => {
  const configured = (keep: string) => () =>
    retentionOf(
      "retention",
      { keep, maximum: "", index_keep: "", preset: "" },
      { count: 13, unit: "months" },
      parseEpochPolicy("month")!,
    );

  it("becomes longer at once, and shorter when a second person agrees", async () => {
    const bench = await opened();
    const log = await control(bench, ALWAYS);
    await log.createKey("admin", { name: "second", role: "admin", service: null, relay: null, log: "default" });
    const longer = new RetentionInForce(log, configured("2 years"));
    await longer.refresh(["default"]);
    expect(longer.of("default").keep).toEqual({ count: 2, unit: "years" });
    const shorter = new RetentionInForce(log, configured("30 days"));
    await shorter.refresh(["default"]);
    await shorter.refresh(["default"]);
    expect(shorter.of("default")).toMatchObject({
      keep: { count: 2, unit: "years" },
      askedKeep: { count: 30, unit: "days" },
    });
    const [proposal, ...others] = log.approvals.approvals();
    expect(others).toEqual([]);
    expect(proposal).toMatchObject({ action: "shorten_retention", proposedBy: "configuration", state: "pending" });
    await log.approvals.decide("key:second", proposal!.id, "approved");
    await shorter.refresh(["default"]);
    expect(shorter.of("default").keep).toEqual({ count: 30, unit: "days" });
    expect(shorter.of("default").askedKeep).toBeUndefined();
    const again = await control(bench, ALWAYS);
    expect(new RetentionInForce(again, configured("30 days")).of("default").keep).toEqual({ count: 30, unit: "days" });
    await bench.stop();
  });

  it("is what is configured from the first on where nothing was kept before", async () => {
    const bench = await opened();
    const log = await control(bench, ALWAYS);
    await log.createKey("admin", { name: "second", role: "admin", service: null, relay: null, log: "default" });
    const fresh = new RetentionInForce(log, configured("1 month"), true);
    await fresh.refresh(["default"]);
    expect(log.approvals.approvals()).toEqual([]);
    expect(fresh.of("default").keep).toEqual({ count: 1, unit: "months" });
    await new RetentionInForce(log, configured("10 days"), true).refresh(["default"]);
    expect(log.approvals.approvals()).toHaveLength(1);
    await bench.stop();
  });

  it("records nothing while it is the default, and is not asked for again when somebody said no", async () => {
    const bench = await opened();
    const log = await control(bench, ALWAYS);
    await log.createKey("admin", { name: "second", role: "admin", service: null, relay: null, log: "default" });
    await new RetentionInForce(log, configured("13 months")).refresh(["default", "control"]);
    expect(log.approvals.approvals()).toEqual([]);
    const shorter = new RetentionInForce(log, configured("1 month"));
    await shorter.refresh(["default"]);
    await log.approvals.decide("key:second", log.approvals.approvals()[0]!.id, "rejected");
    await shorter.refresh(["default"]);
    expect(log.approvals.approvals()).toHaveLength(1);
    expect(shorter.of("default").keep).toEqual({ count: 13, unit: "months" });
    await bench.stop();
  });
});
