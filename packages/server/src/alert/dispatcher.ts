/**
 * Looks, whenever something changed or a time has come, which alerts are suppressed and what is to be told to whom.
 *
 * Guarantees: what it decides follows from the log alone, so a restart neither forgets nor repeats a notification; a
 * suppressed alert is listed and recorded with what suppresses it; looks run one after another, and rest for four times
 * as long as they took, so that thousands of alerts hold up nothing else.
 */
import type { Alert } from "./alert.ts";
import type { Alerts } from "./alerts.ts";
import { dueNotices } from "./groups.ts";
import type { ChannelTraits } from "./groups.ts";
import { Inhibitors } from "./inhibit.ts";
import type { InhibitRule } from "./inhibit.ts";
import {
  EXPIRE_EVERY_US,
  LOOK_DELAY_MS,
  LOOK_REST_TIMES,
  MAX_LOOK_REST_MS,
  MAX_LOOK_WAIT_MS,
  TROUBLE_DELAY_MS,
} from "./limits.ts";
import type { AlertLog } from "./log.ts";
import { labelsOf } from "./matchers.ts";
import type { Notices } from "./notices.ts";
import type { Routing } from "./routing.ts";
import type { Silences } from "./silences.ts";
import { Wake } from "./wake.ts";

export interface DispatcherParts {
  readonly log: AlertLog;
  readonly alerts: Alerts;
  readonly silences: Silences;
  readonly notices: Notices;
  readonly routing: Routing;
  readonly inhibit: readonly InhibitRule[];
  readonly channels: ReadonlyMap<string, ChannelTraits>;
  /** An event that was not seen again for so long is over; 0: never. */
  readonly resolveAfterUs: number;
  readonly onTrouble: (message: string) => void;
}

export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #wake: Wake;
  readonly #unlisten: () => void;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;
  #expiredUs = 0;
  #lookedAtUs = 0;
  #restUntilMs = 0;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#wake = new Wake(parts.log.parts.clock, () => {
      this.#looking = this.#looking.then(() => this.#guarded());
    });
    this.#unlisten = parts.log.onChange(() => this.#wake.in(this.#delayMs()));
    this.#wake.in(LOOK_DELAY_MS);
  }

  /** When the last look ended that had no trouble, in microseconds; 0: none yet. */
  lookedAtUs(): number {
    return this.#lookedAtUs;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unlisten();
    this.#wake.close();
    await this.#looking;
  }

  async #guarded(): Promise<void> {
    if (this.#isClosed) return;
    const { clock } = this.#parts.log.parts;
    const beganMs = clock.monotonicMs();
    try {
      const waitMs = await this.#look();
      this.#lookedAtUs = this.#parts.log.nowUs();
      const tookMs = clock.monotonicMs() - beganMs;
      this.#restUntilMs = clock.monotonicMs() + Math.min(MAX_LOOK_REST_MS, LOOK_REST_TIMES * tookMs);
      this.#wake.in(Math.max(waitMs, this.#delayMs()));
    } catch (error) {
      this.#parts.onTrouble(error instanceof Error ? error.message : String(error));
      this.#wake.in(TROUBLE_DELAY_MS);
    }
  }

  #delayMs(): number {
    return Math.max(LOOK_DELAY_MS, this.#restUntilMs - this.#parts.log.parts.clock.monotonicMs());
  }

  /** Milliseconds until there is something to do without a change. */
  async #look(): Promise<number> {
    const { log, alerts, silences, notices, routing, channels } = this.#parts;
    await this.#expire();
    const open = alerts.list().filter(({ state }) => state !== "resolved");
    const loud = await this.#unsuppressed(open);
    const nowUs = log.nowUs();
    const due = dueNotices(routing, channels, loud, notices.told(alerts), nowUs);
    await notices.queue(due.notices);
    const times = [due.nextUs, silences.nextChangeUs()].filter((at) => at !== null);
    return Math.min(MAX_LOOK_WAIT_MS, ...times.map((at) => Math.max(1, Math.ceil((at - nowUs) / 1_000))));
  }

  async #unsuppressed(open: readonly Alert[]): Promise<readonly Alert[]> {
    const { alerts, silences, inhibit } = this.#parts;
    const told = open.filter(({ finding }) => !finding.quiet);
    const inhibitors = new Inhibitors(inhibit, told);
    const by = new Map(told.map((alert) => [alert.id, silences.of(labelsOf(alert)) ?? inhibitors.of(alert)]));
    await alerts.suppress(
      open.flatMap(({ id, suppressedBy }) => {
        const now = by.get(id) ?? null;
        return now === suppressedBy ? [] : [{ id, by: now }];
      }),
    );
    return told.filter(({ id }) => (by.get(id) ?? null) === null);
  }

  async #expire(): Promise<void> {
    const { log, alerts, resolveAfterUs } = this.#parts;
    const nowUs = log.nowUs();
    if (resolveAfterUs === 0 || nowUs - this.#expiredUs < EXPIRE_EVERY_US) return;
    this.#expiredUs = nowUs;
    await alerts.expire(nowUs - resolveAfterUs);
  }
}
