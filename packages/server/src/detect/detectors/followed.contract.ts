/** The detectors beside an index of a test, and records of its days. */
import type { AuditRecord, Observed } from "@tallystick/record";
import { expect } from "vitest";

import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { SAMPLE_START_US, sampleEntry, until } from "../../index/sample.contract.ts";
import type { SampleEntry } from "../../index/sample.contract.ts";
import { realClock } from "../../real-clock.ts";
import type { Finding } from "../finding.ts";
import { DetectorFollower } from "./detector-follower.ts";

export const DAY_US = 86_400_000_000;
const LEARN_US = 7 * DAY_US;
const NETWORKS = { office: ["10.1.0.0/16"] };

let made = 0;
/** A record that is received so many days after the start; of the same day, later than those made before. */
export function entry(day: number, fields: Partial<AuditRecord>, observed: Partial<Observed> = {}): SampleEntry {
  made += 1;
  const us = SAMPLE_START_US + Math.round(day * DAY_US) + made * 1_000;
  const timestamp = new Date(us / 1_000).toISOString();
  const plain = sampleEntry(made, { timestamp, ...fields }, us);
  return { ...plain, observed: { ...plain.observed, ...observed } };
}

export interface Followed {
  readonly found: Finding[];
  readonly troubles: string[];
  whole(): Promise<void>;
  close(): Promise<void>;
}

export function follow(temporary: TemporaryIndex): Followed {
  const found: Finding[] = [];
  const troubles: string[] = [];
  const real = realClock();
  const follower = new DetectorFollower({
    deriver: temporary.index.deriver,
    index: temporary.index.follower,
    clock: {
      ...real,
      monotonicMs: () => real.monotonicMs() * 1_000,
      after: (ms, call) => real.after(ms / 1_000, call),
    },
    settings: {
      learnUs: LEARN_US,
      dormantUs: 30 * DAY_US,
      deployUs: DAY_US / 4,
      sensitiveOperations: ["payments DELETE *"],
      networks: NETWORKS,
    },
    sink: async (findings) => void found.push(...findings),
    open: () => found,
    baselines: null,
    journaled: () => [],
    onTrouble: (message) => troubles.push(message),
  });
  return {
    found,
    troubles,
    whole: () =>
      until(() => {
        expect(troubles).toEqual([]);
        return follower.isReady() && follower.lagLeaves() === 0;
      }),
    close: () => follower.close(),
  };
}
