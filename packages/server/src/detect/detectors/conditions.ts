/**
 * Conditions that last: producers whose records are missing or who are silent, trees without a checkpoint. Looked at
 * once a minute; what no longer holds is said to be over, also when it ended while the server was down.
 */
import { formatTimestamp, timestampUs } from "@tallystick/record";

import type { Clock } from "../../clock.ts";
import type { CheckpointTrouble } from "../../ledger/checkpoint-trouble.ts";
import type { LedgerPosition } from "../../ledger/ledger.ts";
import { WHOLE_SCOPE } from "../../search/scope.ts";
import type { Gap } from "../../tally/producer-gaps.ts";
import type { ProducerRun } from "../../tally/producer-list.ts";
import type { Producers } from "../../tally/producers.ts";
import type { Finding, FindingSink } from "../finding.ts";
import { findingOf } from "./detector.ts";
import type { Said } from "./detector.ts";
import {
  CHECKPOINT_FAILS_US,
  CHECKPOINT_LATE_MS,
  CONDITIONS_EVERY_MS,
  GAP_SETTLES_US,
  MAX_PRODUCER_FINDINGS,
} from "./detector-limits.ts";

/** What is told of and has not ended, as the alerts know it. */
export interface OpenCondition {
  readonly ruleId: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ConditionParts {
  readonly producers: Pick<Producers, "list">;
  readonly ledger: { positions(): readonly LedgerPosition[] };
  /** What keeps checkpoints from being signed, published or copied now. */
  readonly checkpointTrouble: () => readonly CheckpointTrouble[];
  readonly clock: Clock;
  readonly open: () => readonly OpenCondition[];
  readonly sink: FindingSink;
  readonly onTrouble: (message: string) => void;
}

const LASTING: ReadonlySet<string> = new Set(
  ["producer-gap", "producer-silent", "checkpoint-late", "checkpoint-failed"].map((name) => `builtin/${name}`),
);

export class Conditions {
  readonly #parts: ConditionParts;
  /** Gaps that were there at an earlier look: since when, and what is missing still. */
  #waiting = new Map<string, WaitingGap>();
  /** Trees with records that no checkpoint covered at a look. */
  #uncovered = new Map<string, Uncovered>();
  #cancel: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  #closing = false;

  constructor(parts: ConditionParts) {
    this.#parts = parts;
    this.#later();
  }

  /** Looks now; resolves when what was found is durable. */
  look(): Promise<void> {
    this.#running = this.#running
      .then(() => this.#look())
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message.slice(0, 300) : String(error);
        if (!this.#closing) this.#parts.onTrouble(`lasting conditions are looked at again later: ${reason}`);
      });
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#cancel();
    await this.#running;
  }

  #later(): void {
    if (this.#closing) return;
    this.#cancel = this.#parts.clock.after(CONDITIONS_EVERY_MS, () => void this.look().then(() => this.#later()));
  }

  async #look(): Promise<void> {
    const { clock, open, sink } = this.#parts;
    const nowUs = clock.nowUs();
    const producers = await this.#producers(nowUs);
    const firing = [...producers, ...this.#checkpoints(nowUs), ...this.#failures(nowUs)].map(findingOf);
    const still = new Set(firing.map(nameOf));
    const over = open().filter((one) => LASTING.has(one.ruleId) && !still.has(nameOf(one)));
    const resolved = over.map(({ ruleId, labels }) => endOf(ruleId, labels, nowUs));
    if (firing.length + resolved.length > 0) await sink([...firing, ...resolved]);
  }

  async #producers(nowUs: number): Promise<readonly Said[]> {
    const list = (state: "gap" | "silent") =>
      this.#parts.producers.list(WHOLE_SCOPE, { state, limit: MAX_PRODUCER_FINDINGS, gaps: 5 });
    const gaps = this.#settled((await list("gap")).producers, nowUs);
    const silent = (await list("silent")).producers.filter((run) => run.silent && !run.superseded);
    return [...gaps, ...silent.map((run) => silentSaid(run, nowUs))];
  }

  /**
   * Numbers that are missing for a while, and not merely on their way: of a producer that rests all of them, of one
   * that goes on those that were missing at a look before.
   */
  #settled(runs: readonly ProducerRun[], nowUs: number): readonly Said[] {
    const told = new Set(this.#parts.open().map(nameOf));
    const waiting = new Map<string, WaitingGap>();
    const settled: Said[] = [];
    for (const run of runs) {
      const name = nameOf({ ruleId: "builtin/producer-gap", labels: producerLabels(run) });
      const lastUs = timestampUs(run.last_seen);
      const before = this.#waiting.get(name);
      const still = before === undefined ? [] : both(before.gaps, run.gaps);
      const gap = still.length > 0 ? { sinceUs: before!.sinceUs, gaps: still } : { sinceUs: nowUs, gaps: run.gaps };
      waiting.set(name, gap);
      if (lastUs + GAP_SETTLES_US < nowUs) settled.push(gapSaid(run, Math.min(lastUs, gap.sinceUs), nowUs));
      else if (told.has(name) || gap.sinceUs + GAP_SETTLES_US <= nowUs) settled.push(gapSaid(run, gap.sinceUs, nowUs));
    }
    this.#waiting = waiting;
    return settled;
  }

  /** One attempt that failed and then succeeded is nobody's affair. */
  #failures(nowUs: number): readonly Said[] {
    const told = new Set(this.#parts.open().map(nameOf));
    return this.#parts
      .checkpointTrouble()
      .filter(
        ({ step, sinceUs }) =>
          nowUs - sinceUs >= CHECKPOINT_FAILS_US ||
          told.has(nameOf({ ruleId: "builtin/checkpoint-failed", labels: { step } })),
      )
      .map((trouble) => failureSaid(trouble, nowUs));
  }

  /** What no checkpoint covers waits since it was first seen so, not since the last checkpoint: a log may be quiet. */
  #checkpoints(nowUs: number): readonly Said[] {
    const behind = this.#parts.ledger.positions().filter(({ integrated, published }) => integrated > published);
    const before = this.#uncovered;
    const nowMs = this.#parts.clock.monotonicMs();
    this.#uncovered = new Map(
      behind.map(({ tree, published }) => {
        const known = before.get(tree);
        return [tree, known?.published === published ? known : { published, sinceUs: nowUs, sinceMs: nowMs }];
      }),
    );
    const told = new Set(this.#parts.open().map(nameOf));
    return behind.flatMap(({ tree, integrated, published }) => {
      const { sinceUs, sinceMs } = this.#uncovered.get(tree)!;
      const isTold = told.has(nameOf({ ruleId: "builtin/checkpoint-late", labels: { tree } }));
      // A machine that slept, or whose clock was set, has not had that time.
      if (nowMs - sinceMs < CHECKPOINT_LATE_MS && !isTold) return [];
      return [
        {
          detector: "checkpoint-late",
          labels: { tree },
          startsAtUs: sinceUs,
          seenAtUs: nowUs,
          summary: `${tree} has records that no checkpoint covers`,
          expected: "a checkpoint each second while there is something new",
          seen: `${integrated - published} records since ${formatTimestamp(sinceUs)}`,
          records: [],
          count: integrated - published,
        },
      ];
    });
  }
}

interface Uncovered {
  readonly published: number;
  readonly sinceUs: number;
  readonly sinceMs: number;
}

function failureSaid({ step, sinceUs, reason }: CheckpointTrouble, nowUs: number): Said {
  const isOwn = step === "publish";
  return {
    detector: "checkpoint-failed",
    level: isOwn ? "critical" : "high",
    labels: { step },
    startsAtUs: sinceUs,
    seenAtUs: nowUs,
    summary: isOwn ? "Checkpoints cannot be signed or published" : `Checkpoints do not reach the copy ${step}`,
    expected: isOwn ? "each checkpoint is signed and published" : "each checkpoint is taken by the copy",
    seen: `failing since ${formatTimestamp(sinceUs)}: ${reason}`,
    records: [],
    count: 1,
  };
}

const nameOf = ({ ruleId, labels }: OpenCondition): string =>
  JSON.stringify([ruleId, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);

function producerLabels({ log, producer_id, principal, producer_epoch }: ProducerRun) {
  return { log, producer_id, principal, ...(producer_epoch === "" ? {} : { producer_epoch }) };
}

interface WaitingGap {
  readonly sinceUs: number;
  readonly gaps: readonly Gap[];
}

/** Numbers that are in both. */
function both(some: readonly Gap[], others: readonly Gap[]): readonly Gap[] {
  return some.flatMap((one) =>
    others
      .map(({ from, to }) => ({ from: Math.max(one.from, from), to: Math.min(one.to, to) }))
      .filter(({ from, to }) => from <= to),
  );
}

function gapSaid(run: ProducerRun, startsAtUs: number, nowUs: number): Said {
  const ranges = run.gaps.map(({ from, to }) => (from === to ? String(from) : `${from}–${to}`)).join(", ");
  return {
    detector: "producer-gap",
    labels: producerLabels(run),
    startsAtUs,
    seenAtUs: nowUs,
    summary: `${run.missing} records of ${run.producer_id} are missing`,
    expected: `every number from ${run.first_seq ?? 0} to ${run.claimed_last_seq ?? run.last_seq ?? 0}`,
    seen: `missing: ${ranges}${run.more_gaps ? ", …" : ""}`,
    records: [],
    count: run.missing,
  };
}

/**
 * One that was heard for less time than it may be silent, once, and promised no sign of life: a job that ran, a command
 * that somebody typed. Who would tell of each would be heard by nobody.
 */
function wasBrief(run: ProducerRun): boolean {
  const heardUs = timestampUs(run.last_seen) - timestampUs(run.first_seen);
  const promised = run.silent_after_source !== "default" || run.last_heartbeat !== null || run.restarts > 0;
  return !promised && heardUs < run.silent_after_s * 1_000_000;
}

function silentSaid(run: ProducerRun, nowUs: number): Said {
  return {
    detector: "producer-silent",
    ...(wasBrief(run) ? { level: "low" as const, quiet: true } : {}),
    labels: { log: run.log, producer_id: run.producer_id, principal: run.principal },
    startsAtUs: timestampUs(run.last_seen),
    seenAtUs: nowUs,
    summary: `${run.producer_id} of ${run.recorder_id} is silent since ${run.last_seen}`,
    expected: `a sign of life within ${run.silent_after_s} s (${run.silent_after_source})`,
    seen: `none since ${run.last_seen}`,
    records: [],
    count: 1,
  };
}

function endOf(ruleId: string, labels: Readonly<Record<string, string>>, nowUs: number): Finding {
  return findingOf({
    detector: ruleId.slice("builtin/".length),
    labels,
    startsAtUs: nowUs,
    seenAtUs: nowUs,
    summary: "The condition is over.",
    expected: "",
    seen: "",
    records: [],
    count: 0,
    state: "resolved",
  });
}
