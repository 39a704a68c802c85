/** Producers over a real engine, for tests: a follower in a hurry, and records that have only what completeness needs. */
import type { AuditRecord } from "@tallystick/record";
import type { Clock } from "../clock.ts";
import type { Deriver } from "../index/derived-tables.ts";
import { asJournal } from "../index/engine/temporary-index.ts";
import type { LeafJournal } from "../index/engine/temporary-index.ts";
import type { Index } from "../index/open-index.ts";
import { SAMPLE_START_US, sampleEntry, until } from "../index/sample.contract.ts";
import type { SampleEntry } from "../index/sample.contract.ts";
import { realClock } from "../real-clock.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { ProducerFollower } from "./producer-follower.ts";
import { listProducers } from "./producer-list.ts";
import type { ProducerRun, ProducersRequest } from "./producer-list.ts";
import type { SilenceRules } from "./producer-runs.ts";

export const MINUTE_US = 60_000_000;
export const DAY_US = 1_440 * MINUTE_US;

export interface Said {
  readonly id?: string;
  readonly epoch?: string;
  readonly seq?: number;
  readonly principal?: string;
  readonly atUs?: number;
}

let made = 0;

function entry({ id = "p", epoch = "e", seq, principal = "key:orders", atUs }: Said, fields: Partial<AuditRecord>) {
  const run = { producer_id: id, ...(epoch === "" ? {} : { producer_epoch: epoch }) };
  const numbered = seq === undefined ? {} : { producer_seq: seq };
  const plain = sampleEntry(++made, { ...run, ...numbered, ...fields }, atUs ?? SAMPLE_START_US);
  return { ...plain, observed: { ...plain.observed, principal } };
}

export const member = (said: Said): SampleEntry => entry(said, {});

export const claim = (operation: "heartbeat" | "close", said: Said & { readonly count?: number }): SampleEntry =>
  entry(said, {
    event_type: "LOG_LIFECYCLE",
    operation,
    ...(said.count === undefined ? {} : { attributes: { count: String(said.count) } }),
  });

/** Timers a hundred times as fast; the wall clock stands where it is put. */
export function hurriedClock(): Clock & { set(us: number): void } {
  const real = realClock();
  let us = SAMPLE_START_US;
  return {
    nowUs: () => us,
    monotonicMs: () => real.monotonicMs() * 100,
    after: (delayMs, callback) => real.after(delayMs / 100, callback),
    set(to) {
      us = to;
    },
  };
}

export const RULES: SilenceRules = { declared: [], defaultUs: 15 * MINUTE_US, keepUs: 30 * DAY_US, sharedLogs: [] };

export interface Followed {
  readonly clock: ReturnType<typeof hurriedClock>;
  readonly troubles: readonly string[];
  readonly follower: ProducerFollower;
  list(request?: ProducersRequest, scope?: Scope): ReturnType<typeof listProducers>;
  /** All runs of a log, once everything is taken in. */
  runs(log: string): Promise<readonly ProducerRun[]>;
  /** Resolves when everything that is journaled is taken in. */
  whole(): Promise<void>;
  close(): Promise<void>;
}

export function follow(
  index: Index,
  journal: LeafJournal,
  deriver: Deriver = index.deriver,
  rules: SilenceRules = RULES,
): Followed {
  const clock = hurriedClock();
  const troubles: string[] = [];
  const follower = new ProducerFollower({
    deriver,
    index: index.follower,
    journal: asJournal(journal),
    clock,
    onTrouble: (message) => troubles.push(message),
  });
  const size = () => journal.trees().reduce((sum, tree) => sum + tree.size, 0);
  const indexed = () => index.follower.positions().reduce((sum, tree) => sum + tree.indexed, 0);
  const isWhole = () => follower.isReady() && indexed() === size() && follower.lagLeaves() === 0;
  const list: Followed["list"] = (request = {}, scope = WHOLE_SCOPE) =>
    listProducers({ reader: index.reader, follower, clock, rules }, scope, request);
  return {
    clock,
    troubles,
    follower,
    list,
    whole: () => until(isWhole),
    async runs(log) {
      await until(isWhole);
      return (await list({ log, history: true, limit: 100, gaps: 100 })).producers;
    },
    close: () => follower.close(),
  };
}
