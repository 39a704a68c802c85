import { expect, test } from "vitest";
import { formatTimestamp } from "@tallystick/record";

import { PublishingTrouble } from "../../ledger/checkpoint-trouble.ts";
import type { CheckpointTrouble } from "../../ledger/checkpoint-trouble.ts";
import type { LedgerPosition } from "../../ledger/ledger.ts";
import { manualClock } from "../../manual-clock.ts";
import type { ManualClock } from "../../manual-clock.ts";
import type { Gap } from "../../tally/producer-gaps.ts";
import type { ProducerRun, ProducersRequest } from "../../tally/producer-list.ts";
import type { Finding } from "../finding.ts";
import { Conditions } from "./conditions.ts";

/** Conditions over producers and trees that the test sets; what they find stands until it is over, as alerts do. */
function watched() {
  const clock = manualClock();
  const state: {
    runs: readonly ProducerRun[];
    trees: readonly LedgerPosition[];
    trouble: readonly CheckpointTrouble[];
    sleptUs: number;
  } = { runs: [], trees: [], trouble: [], sleptUs: 0 };
  const open = new Map<string, Finding>();
  const told: string[] = [];
  const make = () =>
    new Conditions({
      clock: { ...clock, nowUs: () => clock.nowUs() + state.sleptUs },
      producers: {
        list: async (_scope, { state: wanted }: ProducersRequest) => ({
          producers: state.runs.filter((run) => (wanted === "silent" ? run.silent : run.missing > 0)),
          next: null,
          as_of: formatTimestamp(clock.nowUs()),
          elapsed_ms: 0,
          scanned_rows: 0,
          partial: false,
        }),
      },
      ledger: { positions: () => state.trees },
      checkpointTrouble: () => state.trouble,
      open: () => [...open.values()],
      sink: async (findings) => {
        for (const finding of findings) {
          const key = `${finding.ruleId} ${JSON.stringify(finding.labels)}`;
          if (finding.state === "resolved") open.delete(key);
          else if (!open.has(key)) open.set(key, finding);
          else continue;
          told.push(`${finding.ruleId.slice(8)} ${finding.state}`);
        }
      },
      onTrouble: (message) => told.push(message),
    });
  let conditions = make();
  const look = async (afterMinutes: number): Promise<readonly string[]> => {
    clock.advance(afterMinutes * 60_000);
    await conditions.look();
    return told.splice(0);
  };
  const restart = async () => {
    await conditions.close();
    conditions = make();
  };
  return { clock, state, open, look, restart, close: () => conditions.close() };
}

function run(clock: ManualClock, gaps: readonly Gap[], rest: Partial<ProducerRun> = {}): ProducerRun {
  const now = formatTimestamp(clock.nowUs());
  return {
    log: "default",
    producer_id: "orders-1",
    producer_epoch: "e1",
    principal: "orders",
    recorder_id: "orders",
    state: gaps.length > 0 ? "gap" : "complete",
    silent: false,
    superseded: false,
    first_seq: 1,
    last_seq: 100,
    claimed_last_seq: null,
    count: 90,
    duplicates: 0,
    unnumbered: 0,
    missing: gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0),
    gaps,
    more_gaps: false,
    restarts: 0,
    first_seen: now,
    last_seen: now,
    last_heartbeat: null,
    closed_at: null,
    silent_after_s: 60,
    silent_after_source: "default",
    usual_pause_s: null,
    ...rest,
  };
}

test("a gap of a producer that goes on is told once its numbers did not come, and not what is only under way", async () => {
  const { clock, state, open, look, restart, close } = watched();
  state.runs = [run(clock, [{ from: 90, to: 95 }])];
  expect(await look(1)).toEqual([]);
  // The first numbers came, later ones are under way.
  state.runs = [run(clock, [{ from: 120, to: 121 }])];
  expect(await look(1)).toEqual([]);
  const lost = { from: 121, to: 121 };
  state.runs = [run(clock, [lost, { from: 150, to: 152 }])];
  expect(await look(1)).toEqual([]);
  state.runs = [run(clock, [lost, { from: 170, to: 171 }])];
  expect(await look(1)).toEqual(["producer-gap firing"]);
  expect([...open.values()][0]).toMatchObject({ labels: { producer_id: "orders-1" }, count: 3, quiet: false });
  await restart();
  state.runs = [run(clock, [lost])];
  expect(await look(1)).toEqual([]);
  state.runs = [run(clock, [])];
  expect(await look(1)).toEqual(["producer-gap resolved"]);
  await close();
});

test("who was heard briefly, once, and promised nothing is listed when he is silent, and nobody is told", async () => {
  const { clock, state, open, look, close } = watched();
  const silent = { silent: true, last_seen: formatTimestamp(clock.nowUs()) };
  const first_seen = formatTimestamp(clock.nowUs() - 61_000_000);
  state.runs = [
    run(clock, [], { ...silent, producer_id: "job" }),
    run(clock, [], { ...silent, producer_id: "longer", first_seen }),
    run(clock, [], { ...silent, producer_id: "promised", last_heartbeat: silent.last_seen }),
    run(clock, [], { ...silent, producer_id: "declared", silent_after_source: "declared" }),
    run(clock, [], { ...silent, producer_id: "again", restarts: 1 }),
  ];
  await look(1);
  const told = [...open.values()].map(({ labels, quiet, level }) => [labels["producer_id"], quiet, level]);
  expect(told).toEqual([
    ["job", true, "low"],
    ...["longer", "promised", "declared", "again"].map((id) => [id, false, "high"]),
  ]);
  await close();
});

test("a gap of a producer that rests, silence, and a tree without a checkpoint are told and told to be over", async () => {
  const { clock, state, look, close } = watched();
  state.runs = [run(clock, [{ from: 3, to: 3 }]), run(clock, [], { producer_id: "stock-1", silent: true })];
  // A log that was quiet for a day, with a record of this moment.
  const publishedAtMs = clock.nowUs() / 1_000 - 86_400_000;
  state.trees = [{ tree: "default/2026-11", integrated: 4, published: 3, publishedAtMs }];
  expect(await look(1)).toEqual(["producer-silent firing"]);
  state.trees = [{ tree: "default/2026-11", integrated: 9, published: 4, publishedAtMs }];
  expect(await look(1)).toEqual([]);
  // The machine slept for an hour: the ledger had no time to do anything.
  state.sleptUs = 3_600_000_000;
  expect(await look(0)).toEqual(["producer-gap firing"]);
  expect(await look(1)).toEqual([]);
  expect(await look(1)).toEqual(["checkpoint-late firing"]);
  state.runs = [];
  state.trees = [];
  const over = ["checkpoint-late resolved", "producer-gap resolved", "producer-silent resolved"];
  expect((await look(1)).toSorted()).toEqual(over);
  await close();
});

test("checkpoints that cannot be signed, published or copied are told with the reason, and an attempt that failed once is not", async () => {
  const { clock, state, open, look, close } = watched();
  const trouble = new PublishingTrouble(clock);
  const disk = { kind: "retry", error: new Error("the disk is full"), delayMs: 100 } as const;
  const copy = {
    name: "webhook https://copies.example/",
    sent: 0,
    failed: 9,
    skipped: 0,
    waiting: 1,
    lastSentAtMs: null,
  };
  const failing = { ...copy, failingSinceMs: clock.nowUs() / 1_000, lastError: "it answered 500" };
  trouble.take(disk);
  trouble.take({ kind: "recovered" });
  clock.advance(59_000);
  trouble.take(disk);
  clock.advance(1_000);
  state.trouble = trouble.now([]);
  expect(await look(0), "for a second only").toEqual([]);
  trouble.take({ ...disk, error: new Error("the key is locked") });
  state.trouble = trouble.now([failing]);
  expect(await look(1)).toEqual(["checkpoint-failed firing", "checkpoint-failed firing"]);
  expect([...open.values()]).toMatchObject([
    { labels: { step: "publish" }, level: "critical", seen: expect.stringContaining("the key is locked") },
    { labels: { step: copy.name }, level: "high", seen: expect.stringContaining("it answered 500") },
  ]);
  trouble.take({ kind: "recovered" });
  state.trouble = trouble.now([{ ...failing, failingSinceMs: null }]);
  expect(await look(1)).toEqual(["checkpoint-failed resolved", "checkpoint-failed resolved"]);
  await close();
});
