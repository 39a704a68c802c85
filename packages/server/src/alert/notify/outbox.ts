/**
 * Sends what is queued, one at a time to each channel, the gravest first.
 *
 * Guarantees: a notification is sent until it arrived or was given up, whatever is killed in between; it may arrive
 * twice and has the same id then. A channel gets at most so many a minute, and nothing before the time that it named by
 * Retry-After; what fails waits longer each time, and what is given up is recorded, listed and can be sent again.
 */
import type { Random } from "../../control/secret.ts";
import {
  LOOK_DELAY_MS,
  MAX_LOOK_WAIT_MS,
  MAX_RETRY_AFTER_S,
  NOTICE_RETRY_DELAYS_S,
  TROUBLE_DELAY_MS,
} from "../limits.ts";
import type { AlertLog } from "../log.ts";
import type { Notice } from "../notice.ts";
import type { Notices } from "../notices.ts";
import { urgencyOf } from "../urgency.ts";
import { Wake } from "../wake.ts";
import type { Channel, SendOutcome } from "./channel.ts";
import { messageOf } from "./message.ts";
import type { MessageParts } from "./message.ts";

export interface OutboxParts {
  readonly log: AlertLog;
  readonly notices: Notices;
  readonly channels: readonly Channel[];
  readonly message: MessageParts;
  readonly random: Random;
  readonly onTrouble: (message: string) => void;
}

export interface ChannelFigures {
  readonly channel: string;
  readonly delivered: number;
  readonly failed: number;
  readonly dead: number;
}

interface Lane {
  readonly channel: Channel;
  isBusy: boolean;
  /** When the next may go, by the monotonic clock. */
  freeAtMs: number;
  delivered: number;
  failed: number;
  dead: number;
}

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #lanes: readonly Lane[];
  readonly #wake: Wake;
  readonly #unlisten: () => void;
  readonly #sending = new Set<Promise<void>>();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#lanes = parts.channels.map((channel) => ({
      channel,
      isBusy: false,
      freeAtMs: 0,
      delivered: 0,
      failed: 0,
      dead: 0,
    }));
    this.#wake = new Wake(parts.log.parts.clock, () => this.#look());
    this.#unlisten = parts.log.onChange(() => this.#wake.in(LOOK_DELAY_MS));
    this.#wake.in(LOOK_DELAY_MS);
  }

  channels(): readonly Channel[] {
    return this.#lanes.map(({ channel }) => channel);
  }

  channel(name: string): Channel | null {
    return this.#lanes.find(({ channel }) => channel.name === name)?.channel ?? null;
  }

  /** Since the server's start. */
  figures(): readonly ChannelFigures[] {
    return this.#lanes.map(({ channel, delivered, failed, dead }) => ({
      channel: channel.name,
      delivered,
      failed,
      dead,
    }));
  }

  /** What is on its way may still arrive. */
  async close(): Promise<void> {
    this.#unlisten();
    this.#wake.close();
    await Promise.all(this.#sending);
  }

  #look(): void {
    const { clock } = this.#parts.log.parts;
    const [nowUs, nowMs] = [clock.nowUs(), clock.monotonicMs()];
    const queued = this.#parts.notices.queued();
    let waitMs = MAX_LOOK_WAIT_MS;
    for (const lane of this.#lanes) {
      const own = queued.filter(({ channel }) => channel === lane.channel.name);
      const next = this.#nextOf(own, nowUs);
      if (next === null || lane.isBusy) continue;
      const delayMs = Math.max(lane.freeAtMs - nowMs, (next.nextAtUs - nowUs) / 1_000);
      if (delayMs <= 0) this.#begin(lane, next);
      else waitMs = Math.min(waitMs, Math.ceil(delayMs));
    }
    this.#wake.in(waitMs);
  }

  /** Of those whose time has come the gravest, and of those the oldest; else the one whose time comes first. */
  #nextOf(own: readonly Notice[], nowUs: number): Notice | null {
    const isDue = ({ nextAtUs }: Notice) => nextAtUs <= nowUs;
    const { find } = this.#parts.message;
    const ranked = own.map((notice) => ({ notice, level: isDue(notice) ? urgencyOf(notice, find) : -1 }));
    const first = ranked.reduce<(typeof ranked)[number] | null>((a, b) => {
      if (a === null || b.level > a.level) return b;
      return b.level === a.level && b.notice.nextAtUs < a.notice.nextAtUs ? b : a;
    }, null);
    return first?.notice ?? null;
  }

  #begin(lane: Lane, notice: Notice): void {
    lane.isBusy = true;
    lane.freeAtMs = this.#parts.log.parts.clock.monotonicMs() + 60_000 / lane.channel.perMinute;
    const sending = this.#send(lane, notice)
      .catch((error: unknown) => {
        // It could not be recorded that it arrived, so it goes again; not at once.
        lane.freeAtMs = this.#parts.log.parts.clock.monotonicMs() + TROUBLE_DELAY_MS;
        this.#parts.onTrouble(error instanceof Error ? error.message : String(error));
      })
      .finally(() => {
        lane.isBusy = false;
        this.#sending.delete(sending);
        this.#wake.in(LOOK_DELAY_MS);
      });
    this.#sending.add(sending);
  }

  async #send(lane: Lane, notice: Notice): Promise<void> {
    const { notices } = this.#parts;
    const outcome = await lane.channel.send(messageOf(notice, this.#parts.message));
    if (outcome.kind === "delivered") {
      lane.delivered += 1;
      return notices.step(notice, { kind: "delivered", by: "tallystick", answer: outcome.answer });
    }
    lane.failed += 1;
    // It is the channel that has too much, not this one notification.
    const restMs = Math.min(outcome.retryAfterS ?? 0, MAX_RETRY_AFTER_S) * 1_000;
    lane.freeAtMs = Math.max(lane.freeAtMs, this.#parts.log.parts.clock.monotonicMs() + restMs);
    const nextAtUs = this.#nextTryUs(notice, outcome);
    if (nextAtUs !== null) return notices.step(notice, { kind: "failed", error: outcome.message, nextAtUs });
    lane.dead += 1;
    this.#parts.onTrouble(`A notification to ${notice.channel} was given up: ${outcome.message}`);
    return notices.step(notice, { kind: "dead", error: outcome.message });
  }

  /** Null: it is given up. Delays vary by a fifth, so that what failed together does not come back together. */
  #nextTryUs({ attempts }: Notice, { isPermanent, retryAfterS }: SendOutcome & { kind: "failed" }): number | null {
    const delayS = NOTICE_RETRY_DELAYS_S[attempts];
    if (isPermanent || delayS === undefined) return null;
    const [byte = 0] = this.#parts.random(1);
    const jittered = delayS * (0.8 + (0.4 * byte) / 255);
    const waitS = Math.max(jittered, Math.min(retryAfterS ?? 0, MAX_RETRY_AFTER_S));
    return this.#parts.log.nowUs() + Math.round(waitS * 1_000_000);
  }
}
