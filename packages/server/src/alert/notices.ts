/** The notifications there are: queued, arrived, given up. */
import { TallystickError } from "../errors.ts";
import { Pauses } from "../index/pauses.ts";
import type { Alerts } from "./alerts.ts";
import type { Told } from "./groups.ts";
import { NOTICE_BATCH } from "./limits.ts";
import type { AlertLog } from "./log.ts";
import { queuedFields, stepFields } from "./notice.ts";
import type { NewNotice, Notice, NoticeFold, NoticeStep } from "./notice.ts";

export class Notices {
  readonly #log: AlertLog;
  readonly #fold: NoticeFold;

  constructor(log: AlertLog, fold: NoticeFold) {
    this.#log = log;
    this.#fold = fold;
  }

  /** Newest first. */
  list(): readonly Notice[] {
    return [...this.#fold.notices.values()].toReversed();
  }

  find(id: string): Notice | null {
    return this.#fold.notices.get(id) ?? null;
  }

  /** Oldest first. */
  queued(): readonly Notice[] {
    return [...this.#fold.notices.values()].filter(({ state }) => state === "queued");
  }

  told(alerts: Alerts): Told {
    const { newest, notices } = this.#fold;
    return {
      find: (id) => alerts.find(id),
      newest: (key) => notices.get(newest.get(key) ?? "") ?? null,
      queued: () => this.queued(),
      open: () => [...notices.values()].filter((notice) => notice.purpose === "alerts" && this.#fold.isNeeded(notice)),
    };
  }

  /** Durable when it returns; their ids. */
  queue(wanted: readonly NewNotice[]): Promise<readonly string[]> {
    return this.#log.inTurn(async () => {
      const made = wanted.map((notice) => ({ id: this.#log.newId("notification"), notice }));
      const records = made.map(({ id, notice }) => this.#log.own(queuedFields(id, notice)));
      for (let from = 0; from < records.length; from += NOTICE_BATCH)
        await this.#log.record(records.slice(from, from + NOTICE_BATCH));
      return made.map(({ id }) => id);
    });
  }

  /** The notification when it arrived or was given up, or as it is after so long or when the signal says so. */
  async outcome(id: string, waitMs: number, signal: AbortSignal): Promise<Notice> {
    const before = this.find(id);
    if (before === null) throw new TallystickError("not_found", "There is no notification of this id.");
    const now = () => this.find(id) ?? before;
    const pauses = new Pauses(this.#log.parts.clock);
    const unlisten = this.#log.onChange(() => pauses.wake());
    const stop = (): void => pauses.close();
    signal.addEventListener("abort", stop, { once: true });
    if (waitMs > 0 && !signal.aborted && now().state === "queued")
      await pauses.pause(waitMs, () => now().state !== "queued");
    signal.removeEventListener("abort", stop);
    unlisten();
    return now();
  }

  step(notice: Notice, step: NoticeStep): Promise<void> {
    return this.#log.inTurn(() => this.#log.record([this.#log.own(stepFields(notice, step))]));
  }

  /** What was given up is sent again. TallystickError `not_found`, `not_pending`. */
  async retry(by: string, id: string): Promise<Notice> {
    const notice = this.find(id);
    if (notice === null) throw new TallystickError("not_found", "There is no notification of this id.");
    if (notice.state !== "dead")
      throw new TallystickError("not_pending", `The notification is ${notice.state}; only one given up is sent again.`);
    await this.step(notice, { kind: "retried", by });
    return this.find(id)!;
  }
}
