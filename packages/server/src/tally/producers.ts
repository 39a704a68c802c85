/** Completeness of producers: the follower that keeps the table, and what is read from it. */
import type { Clock } from "../clock.ts";
import type { Index } from "../index/open-index.ts";
import type { Journal } from "../journal/journal.ts";
import type { Scope } from "../search/scope.ts";
import { countProducers } from "./producer-figures.ts";
import type { ProducerFigures } from "./producer-figures.ts";
import { ProducerFollower } from "./producer-follower.ts";
import { FIGURES_AGE_MS, FIGURES_REST, FIGURES_WAIT_MS } from "./producer-limits.ts";
import { listProducers } from "./producer-list.ts";
import type { ProducersAnswer, ProducersRequest } from "./producer-list.ts";
import { inOrderOfCloseness } from "./producer-runs.ts";
import type { SilenceRules } from "./producer-runs.ts";

export interface ProducersOptions {
  readonly index: Pick<Index, "reader" | "follower" | "deriverOf">;
  readonly journal: Pick<Journal, "trees">;
  readonly clock: Clock;
  readonly rules: SilenceRules;
  readonly onTrouble: (message: string) => void;
}

export interface ProducerReadings {
  /** Null while they cannot be counted. */
  readonly figures: ProducerFigures | null;
  /** Leaves that are searchable and not in the table yet. */
  readonly lagLeaves: number;
}

export class Producers {
  private readonly options: ProducersOptions;
  private readonly rules: SilenceRules;
  private readonly follower: ProducerFollower;
  private latest: ProducerFigures | null = null;
  private counting: Promise<void> | null = null;
  private countAgainMs = Number.NEGATIVE_INFINITY;

  constructor(options: ProducersOptions) {
    const { index, journal, clock, onTrouble, rules } = options;
    this.options = options;
    this.rules = { ...rules, declared: inOrderOfCloseness(rules.declared) };
    this.follower = new ProducerFollower({
      deriver: index.deriverOf("producers"),
      index: index.follower,
      journal,
      clock,
      onTrouble,
    });
  }

  list(scope: Scope, request: ProducersRequest, signal?: AbortSignal): Promise<ProducersAnswer> {
    const { index, clock } = this.options;
    const sources = { reader: index.reader, follower: this.follower, clock, rules: this.rules };
    return listProducers(sources, scope, request, signal);
  }

  /** Never fails and never waits long: what takes longer to count is there the next time. */
  async readings(): Promise<ProducerReadings> {
    const { clock } = this.options;
    if (clock.monotonicMs() >= this.countAgainMs) this.counting ??= this.count();
    if (this.counting !== null) {
      let cancel = (): void => {};
      const tooLong = new Promise<void>((resolve) => {
        cancel = clock.after(FIGURES_WAIT_MS, resolve);
      });
      await Promise.race([this.counting, tooLong]);
      cancel();
    }
    return { figures: this.latest, lagLeaves: this.follower.lagLeaves() };
  }

  /** What took long is not done again soon, so that scrapes never keep a reader of the index busy. */
  private async count(): Promise<void> {
    const { clock, index } = this.options;
    const beganMs = clock.monotonicMs();
    const now = { asOfUs: this.follower.asOfUs(), listeningSinceUs: this.follower.listeningSinceUs };
    this.latest = this.follower.isReady()
      ? await countProducers(index.reader, this.rules, now).catch(() => null)
      : null;
    const endedMs = clock.monotonicMs();
    this.countAgainMs = endedMs + Math.max(FIGURES_AGE_MS, FIGURES_REST * (endedMs - beganMs));
    this.counting = null;
  }

  /** Empties the table; what is searchable is taken in again. */
  rebuild(): void {
    this.follower.rebuild();
  }

  close(): Promise<void> {
    return this.follower.close();
  }
}
