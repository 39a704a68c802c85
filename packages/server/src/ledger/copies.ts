/**
 * Copies of checkpoints outside the data folder (`ledger.copies`): what a rollback of the whole disk is found by.
 *
 * Best effort, but counted: a target that is away gets the newest checkpoint of each tree when it is back; the ones
 * between are counted as skipped. Nothing here ever holds up the ledger. At close the newest ones are sent once more,
 * whatever the interval.
 */
import type { Clock } from "../clock.ts";
import type { PublishedCheckpoint } from "./local-ledger.ts";
import { MAX_COPIES_WAITING, RETRY_FIRST_MS, RETRY_LONGEST_MS } from "./limits.ts";

/**
 * Sends one checkpoint to one place; resolves when it was taken there, as far as the protocol says. Bounded in time.
 */
export type CopySender = (checkpoint: PublishedCheckpoint) => Promise<void>;

export interface CopyTarget {
  /** For people: `webhook https://…`. */
  readonly name: string;
  readonly every: "checkpoint" | "hour";
  readonly send: CopySender;
}

export interface CopyStats {
  readonly name: string;
  readonly sent: number;
  readonly failed: number;
  /** Checkpoints that a newer one replaced before they were sent; with `hour` that is the rule. */
  readonly skipped: number;
  readonly waiting: number;
  /** Milliseconds since the Unix epoch, or null. */
  readonly lastSentAtMs: number | null;
  /** Of the first of the attempts since then that failed; null: the latest one succeeded, or there was none. */
  readonly failingSinceMs: number | null;
  readonly lastError: string | null;
}

export interface CheckpointCopies {
  /** Takes a checkpoint for every target; returns at once. */
  offer(checkpoint: PublishedCheckpoint): void;
  stats(): readonly CopyStats[];
  /** Sends what waits, one attempt each. */
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/** Told when a target begins to refuse, with the reason, and when it takes checkpoints again, with null. */
export type CopyNotice = (name: string, reason: string | null) => void;

export function checkpointCopies(
  targets: readonly CopyTarget[],
  clock: Clock,
  onChange: CopyNotice = () => {},
): CheckpointCopies {
  const lanes = targets.map((target) => new Lane(target, clock, onChange));
  return {
    offer: (checkpoint) => lanes.forEach((lane) => lane.offer(checkpoint)),
    stats: () => lanes.map((lane) => lane.stats()),
    close: async () => void (await Promise.all(lanes.map((lane) => lane.close()))),
  };
}

/** One target; at most one send at a time. */
class Lane {
  readonly #target: CopyTarget;
  readonly #clock: Clock;
  readonly #onChange: CopyNotice;
  readonly #waiting = new Map<string, PublishedCheckpoint>();
  readonly #sentAt = new Map<string, number>();
  #sending: Promise<void> | null = null;
  #cancelTimer: () => void = () => {};
  #retryMs = 0;
  #closing = false;
  #sent = 0;
  #failed = 0;
  #skipped = 0;
  #lastSentAtMs: number | null = null;
  #failingSinceMs: number | null = null;
  #lastError: string | null = null;

  constructor(target: CopyTarget, clock: Clock, onChange: CopyNotice) {
    this.#target = target;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  offer(checkpoint: PublishedCheckpoint): void {
    if (this.#closing) return;
    if (this.#waiting.delete(checkpoint.tree)) this.#skipped += 1;
    this.#waiting.set(checkpoint.tree, checkpoint);
    if (this.#waiting.size > MAX_COPIES_WAITING) this.#dropOldest();
    if (this.#retryMs === 0) this.#run();
  }

  stats(): CopyStats {
    return {
      name: this.#target.name,
      sent: this.#sent,
      failed: this.#failed,
      skipped: this.#skipped,
      waiting: this.#waiting.size,
      lastSentAtMs: this.#lastSentAtMs,
      failingSinceMs: this.#failingSinceMs,
      lastError: this.#lastError,
    };
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#cancelTimer();
    await this.#sending;
    const left = [...this.#waiting.values()];
    for (const checkpoint of left) await this.#send(checkpoint);
  }

  #run(): void {
    if (this.#sending !== null || this.#closing) return;
    this.#cancelTimer();
    this.#sending = this.#sendDue().finally(() => {
      this.#sending = null;
      this.#sleep();
    });
  }

  async #sendDue(): Promise<void> {
    const waiting = [...this.#waiting.values()];
    for (const checkpoint of waiting) {
      if (this.#closing || this.#waitMs(checkpoint.tree) > 0) continue;
      const isTaken = await this.#send(checkpoint);
      this.#retryMs = isTaken ? 0 : Math.min(RETRY_LONGEST_MS, Math.max(RETRY_FIRST_MS, this.#retryMs * 2));
      if (!isTaken) return;
    }
  }

  /** Until the next send that is due or worth another attempt. */
  #sleep(): void {
    if (this.#closing || this.#waiting.size === 0) return;
    const dueMs = Math.min(...[...this.#waiting.keys()].map((tree) => this.#waitMs(tree)));
    this.#cancelTimer = this.#clock.after(Math.max(dueMs, this.#retryMs), () => this.#run());
  }

  #waitMs(tree: string): number {
    const sentAt = this.#sentAt.get(tree);
    if (this.#target.every === "checkpoint" || sentAt === undefined) return 0;
    return Math.max(0, sentAt + HOUR_MS - this.#clock.monotonicMs());
  }

  async #send(checkpoint: PublishedCheckpoint): Promise<boolean> {
    const { tree } = checkpoint;
    try {
      await this.#target.send(checkpoint);
    } catch (cause) {
      this.#failed += 1;
      this.#lastError = cause instanceof Error ? cause.message : String(cause);
      if (this.#failingSinceMs === null) this.#onChange(this.#target.name, this.#lastError);
      this.#failingSinceMs ??= Math.floor(this.#clock.nowUs() / 1_000);
      return false;
    }
    this.#sent += 1;
    if (this.#failingSinceMs !== null) this.#onChange(this.#target.name, null);
    this.#lastError = null;
    this.#failingSinceMs = null;
    this.#lastSentAtMs = Math.floor(this.#clock.nowUs() / 1_000);
    this.#remember(tree);
    if (this.#waiting.get(tree) === checkpoint) this.#waiting.delete(tree);
    return true;
  }

  #remember(tree: string): void {
    this.#sentAt.delete(tree);
    this.#sentAt.set(tree, this.#clock.monotonicMs());
    if (this.#sentAt.size > MAX_COPIES_WAITING) this.#sentAt.delete([...this.#sentAt.keys()][0]!);
  }

  #dropOldest(): void {
    this.#waiting.delete([...this.#waiting.keys()][0]!);
    this.#skipped += 1;
  }
}
