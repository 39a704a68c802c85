import type { AuditRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import { MAX_ALERT_TEXT_LENGTH, MAX_MATCHERS, MAX_PAST_SILENCES, MAX_SILENCE_US, MAX_SILENCES } from "./limits.ts";
import type { AlertLog, Slice } from "./log.ts";
import type { Labels } from "./matchers.ts";
import { parseMatchers } from "./matchers.ts";
import { applySilence, endedFields, placedFields, silences, silenceState } from "./silence.ts";
import type { Silence } from "./silence.ts";

export interface NewSilence {
  readonly matchers: readonly string[];
  readonly startsAtUs: number;
  readonly endsAtUs: number;
  readonly comment: string;
}

/** The silences of the fold over the `alerts` log. */
export class SilenceFold implements Slice {
  readonly silences = new Map<string, Silence>();
  readonly #nowUs: () => number;

  constructor(nowUs: () => number) {
    this.#nowUs = nowUs;
  }

  take(record: AuditRecord): void {
    applySilence(this.silences, record);
    if (this.silences.size <= MAX_SILENCES + MAX_PAST_SILENCES) return;
    const isOver = (silence: Silence) => silenceState(silence, this.#nowUs()) === "expired";
    const oldest = [...this.silences.values()].find(isOver);
    if (oldest !== undefined) this.silences.delete(oldest.id);
  }

  forget(resource: string): void {
    if (resource.startsWith("silence/")) this.silences.delete(resource.slice("silence/".length));
  }

  goesOn(resource: string): boolean {
    if (!resource.startsWith("silence/")) return false;
    const silence = this.silences.get(resource.slice("silence/".length));
    return silence !== undefined && silenceState(silence, this.#nowUs()) !== "expired";
  }
}

export class Silences {
  readonly #log: AlertLog;
  readonly #fold: SilenceFold;

  constructor(log: AlertLog, fold: SilenceFold) {
    this.#log = log;
    this.#fold = fold;
  }

  /** Newest first; ended ones too. */
  list(): readonly Silence[] {
    return [...this.#fold.silences.values()].toReversed();
  }

  find(id: string): Silence | null {
    return this.#fold.silences.get(id) ?? null;
  }

  stateOf(silence: Silence): ReturnType<typeof silenceState> {
    return silenceState(silence, this.#log.nowUs());
  }

  /** Id of a silence that is in force for these labels, or null. */
  of(labels: Labels): string | null {
    const nowUs = this.#log.nowUs();
    for (const silence of this.#fold.silences.values()) if (silences(silence, labels, nowUs)) return silence.id;
    return null;
  }

  /** The next time at which one begins or ends, in microseconds; null: none will. */
  nextChangeUs(): number | null {
    const nowUs = this.#log.nowUs();
    const times = this.list().flatMap(({ startsAtUs, endsAtUs }) => [startsAtUs, endsAtUs]);
    return times.filter((at) => at > nowUs).reduce<number | null>((a, b) => (a === null || b < a ? b : a), null);
  }

  /** In force when it returns. TallystickError `bad_request`. */
  place(by: string, request: NewSilence): Promise<Silence> {
    return this.#log.inTurn(async () => {
      const matchers = parseMatchers(request.matchers);
      this.#assertAcceptable(request);
      const id = this.#log.newId("silence");
      const { startsAtUs, endsAtUs, comment } = request;
      const fields = placedFields({ id, matchers, startsAtUs, endsAtUs, comment, createdBy: by });
      await this.#log.record([this.#log.own(fields)]);
      return this.find(id)!;
    });
  }

  /** Null when there is none of this id; one that is over stays as it is. */
  end(by: string, id: string): Promise<Silence | null> {
    return this.#log.inTurn(async () => {
      const silence = this.find(id);
      if (silence === null || this.stateOf(silence) === "expired") return silence;
      await this.#log.record([this.#log.own(endedFields(by, silence, this.#log.nowUs()))]);
      return this.find(id);
    });
  }

  #assertAcceptable({ matchers, startsAtUs, endsAtUs, comment }: NewSilence): void {
    const refuse = (message: string) => new TallystickError("bad_request", message);
    if (matchers.length === 0 || matchers.length > MAX_MATCHERS)
      throw refuse(`A silence has 1 to ${MAX_MATCHERS} matchers; one without any would silence everything.`);
    if (parseMatchers(matchers).every((matcher) => matcher.matches({})))
      throw refuse("At least one matcher must ask for something: these match alerts without any label.");
    const nowUs = this.#log.nowUs();
    if (!(endsAtUs > Math.max(startsAtUs, nowUs))) throw refuse("A silence ends after it begins, and after now.");
    if (endsAtUs - startsAtUs > MAX_SILENCE_US) throw refuse("A silence lasts at most 366 days.");
    if (comment.trim() === "" || comment.length > MAX_ALERT_TEXT_LENGTH)
      throw refuse(`A silence says why, in at most ${MAX_ALERT_TEXT_LENGTH} characters.`);
    const active = this.list().filter((silence) => this.stateOf(silence) !== "expired").length;
    if (active >= MAX_SILENCES) throw refuse(`There are ${MAX_SILENCES} silences; end some first.`);
  }
}
