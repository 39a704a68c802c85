/**
 * The tally: a follower of the index that settles calls when they come due (DESIGN §8, §9).
 *
 * Guarantees, whatever is killed and whenever: every call is judged in the end by the halves that arrived by its
 * deadline, and again when one comes later; each verdict is one record of the log; the tables hold what the last
 * whole step left, and the next one goes on from there. Nothing is kept in this process that a restart could lose.
 * It is behind intake in priority: while the index is far behind, it waits.
 */
import type { AuditRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import type { Control } from "../control/control.ts";
import { TallystickError } from "../errors.ts";
import type { Deriver } from "../index/derived-tables.ts";
import type { IndexFollower } from "../index/index-seam.ts";
import { Pauses } from "../index/pauses.ts";
import { SaidOnce } from "../index/said-once.ts";
import type { Journal } from "../journal/journal.ts";
import type { CallNames } from "../search/call-names.ts";
import { callNames } from "./call-names.ts";
import { EdgeMinutes } from "./edge-minutes.ts";
import type { Declared } from "./judge.ts";
import { Experience } from "./experience.ts";
import { Findings } from "./findings.ts";
import { candidateCount, nextHalf } from "./halves.ts";
import type { DueWindow } from "./halves.ts";
import { Horizon } from "./horizon.ts";
import {
  BUSY_TICK_MS,
  BUSY_TURN_MS,
  KEEP_POSITION_MS,
  MAX_INSERT_WAIT_MS,
  MIN_PAUSE_MS,
  RETRY_MS,
  STEP_FEW_ROWS,
  STEP_LIMITS,
  STEP_MAX_ROWS,
  STEP_MAX_US,
  STEP_MIN_US,
  STEP_START_US,
  STEP_UNCOUNTED_US,
  TICK_MS,
  UNTOLD_US,
} from "./limits.ts";
import { aliasesOf, isInForce } from "./names.ts";
import type { Alias } from "./names.ts";
import type { Declarations } from "./names-view.ts";
import { keepPosition, recoverPosition } from "./position.ts";
import type { Position } from "./position.ts";
import type { TallySettings } from "./settings.ts";
import { Step } from "./step.ts";
import { Summaries } from "./summaries.ts";
import type { AppendVerdicts } from "./summaries.ts";

export interface TallyParts {
  readonly deriver: Deriver;
  readonly index: IndexFollower;
  readonly journal: Pick<Journal, "trees" | "receivedBeforeUs" | "appendOwn">;
  readonly clock: Clock;
  readonly settings: TallySettings;
  /** What people declared by a record; in force from the next step on. */
  readonly control: Pick<Control, "aliases" | "parties">;
  /** Told about failures that are being retried. Never holds content. */
  readonly onTrouble: (message: string) => void;
  /** Pause between two looks. */
  readonly tickMs?: number;
  /** The map is counted again after so many times as long as it took. */
  readonly countPause?: number;
}

export interface TallyFigures {
  /** Every call due before then is settled; 0 before the first step. Microseconds. */
  readonly settledUs: number;
  readonly calls: number;
  readonly verdicts: number;
}

const MINUTE_US = 60_000_000;

export class Tally {
  readonly #parts: TallyParts;
  readonly #horizon: Horizon;
  readonly #edges: EdgeMinutes;
  readonly #summaries: Summaries;
  readonly #findings: Findings;
  readonly #pauses: Pauses;
  readonly #ended: Promise<void>;
  #position: Position | null = null;
  /** The engine that the tables were looked at in. */
  #generation = -1;
  /** Up to which position everything was said that is said by the minute. */
  #reportedUs = -1;
  #widthUs = STEP_START_US;
  /** How far windows may have been settled, and their verdicts told, by who was killed before. */
  #untoldUs = 0;
  /** Nothing comes due before. */
  #quietUntilUs = 0;
  /** The last step had calls and settled all that was due. */
  #keepsUp = false;
  readonly #experience: Experience;
  /** What was written down last, and when. */
  #keptStep = 0;
  #keptMs = 0;
  #calls = 0;
  #verdicts = 0;
  readonly #unsubscribe: () => void;
  #idle = false;
  #workedAtUs = 0;
  readonly #trouble: SaidOnce;
  #closing = false;

  constructor(parts: TallyParts) {
    this.#parts = parts;
    this.#trouble = new SaidOnce(parts.onTrouble);
    this.#horizon = new Horizon(parts.journal, parts.index, parts.clock);
    this.#edges = new EdgeMinutes(parts.deriver, parts.clock, parts.countPause);
    const append: AppendVerdicts = (log, records) => this.#append(log, records);
    this.#experience = new Experience(parts.deriver);
    this.#summaries = new Summaries(parts.deriver, append);
    this.#findings = new Findings(parts.deriver, append, parts.settings.tolerances.unknownSkewUs);
    this.#pauses = new Pauses(parts.clock);
    this.#unsubscribe = parts.index.onIndexed(() => this.#pauses.wake());
    this.#ended = this.#follow();
  }

  /** False until its tables are there. */
  isReady(): boolean {
    return this.#position !== null;
  }

  figures(): TallyFigures {
    return { settledUs: this.#position?.settledUs ?? 0, calls: this.#calls, verdicts: this.#verdicts };
  }

  /** What is declared as of a time in microseconds, and the names that pairs taught. */
  declared(atUs: number): Declared {
    const { settings, control } = this.#parts;
    // A learned name was chosen by the time that the step is of.
    const aliases = this.#aliases().filter((alias) => alias.source === "learned" || isInForce(alias, atUs));
    return {
      tolerances: settings.tolerances,
      aliasNames: aliases.map(({ name }) => name),
      aliasServices: aliases.map(({ service }) => service),
      declaredNames: aliases.filter(({ source }) => source !== "learned").map(({ name }) => name),
      oneSided: [...settings.oneSided, ...control.parties().map(({ name }) => name)],
    };
  }

  get experience(): Experience {
    return this.#experience;
  }

  #aliases(): readonly Alias[] {
    return aliasesOf(this.#parts.control.aliases(), this.#parts.settings.aliases, this.#experience.aliases);
  }

  /** Who `caller` and `callee` are, as search asks. */
  names(): CallNames {
    return callNames(this.isReady(), this.#aliases());
  }

  get declarations(): Declarations {
    return this.#parts;
  }

  get settings(): TallySettings {
    return this.#parts.settings;
  }

  /** When it last got on, or had nothing to do; microseconds, 0: never. */
  workedAtUs(): number {
    return this.#workedAtUs;
  }

  /** The last look found nothing to settle, nothing to count and nothing to report. */
  isIdle(): boolean {
    return this.#idle && this.#edges.isCounted() && this.#reportedUs === this.#position?.settledUs;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#unsubscribe();
    this.#horizon.close();
    this.#pauses.close();
    await this.#ended;
    // What is not written down is settled again at the next start.
    if (this.#generation === this.#parts.deriver.generation()) await this.#keep().catch(() => {});
  }

  async #follow(): Promise<void> {
    while (!this.#closing) {
      try {
        const beganMs = this.#parts.clock.monotonicMs();
        this.#idle = !(await this.#turn());
        this.#workedAtUs = this.#parts.clock.nowUs();
        this.#trouble.over();
        const tookMs = this.#parts.clock.monotonicMs() - beganMs;
        if (this.#idle) await this.#rest(tookMs);
      } catch (error) {
        if (this.#closing) return;
        this.#generation = -1;
        const { message } = error instanceof Error ? error : { message: String(error) };
        this.#trouble.say(`the tally tries again: ${message.slice(0, 300)}`);
        await this.#pauses.pause(RETRY_MS);
      }
    }
  }

  /** While the index lags behind, an insert is waited for: right after it, most of what has come due can be settled. */
  async #rest(tookMs: number): Promise<void> {
    const tickMs = this.#parts.tickMs ?? (tookMs < BUSY_TURN_MS ? TICK_MS : BUSY_TICK_MS);
    await this.#pauses.pause(Math.max(MIN_PAUSE_MS, tickMs - tookMs));
    const horizonUs = this.#horizon.look();
    if (!this.#horizon.isBehind) return;
    await this.#pauses.pause(MAX_INSERT_WAIT_MS, () => this.#horizon.look() > horizonUs);
  }

  /** Settles what has come due; false when there is nothing to do at the moment. */
  async #turn(): Promise<boolean> {
    const { deriver, index } = this.#parts;
    const horizonUs = this.#horizon.look();
    if (!deriver.isUp() || index.state() !== "ready") return false;
    if (this.#generation !== deriver.generation()) await this.#recover();
    if (horizonUs === 0) return false;
    const window = await this.#nextWindow(horizonUs);
    if (window !== null) {
      const calls = await this.#settle(window);
      this.#keepsUp = calls > 0 && this.#position!.settledUs === horizonUs;
    }
    await this.#edges.count();
    const isReported = await this.#report();
    return !isReported || (window !== null && this.#position!.settledUs < horizonUs);
  }

  async #recover(): Promise<void> {
    const { deriver } = this.#parts;
    const generation = deriver.generation();
    this.#position = await recoverPosition(deriver);
    this.#keptStep = this.#position.step;
    await this.#experience.recover(this.#position.settledUs);
    await this.#edges.recover(this.#position.step);
    await this.#summaries.recover();
    this.#findings.recover();
    this.#untoldUs = Math.max(this.#parts.journal.receivedBeforeUs(), this.#position.settledUs + UNTOLD_US);
    this.#reportedUs = -1;
    this.#quietUntilUs = 0;
    this.#keepsUp = false;
    this.#generation = generation;
  }

  /** What is due and not too much at once; times in which nothing comes due are passed over. */
  async #nextWindow(horizonUs: number): Promise<DueWindow | null> {
    const { deadlines } = this.#parts.settings;
    const fromUs = this.#position!.settledUs;
    for (;;) {
      const dueUs = Math.max(fromUs, this.#quietUntilUs);
      if (dueUs >= horizonUs) {
        this.#position = { ...this.#position!, settledUs: Math.max(fromUs, horizonUs) };
        return null;
      }
      const toUs = Math.min(horizonUs, dueUs + this.#widthUs);
      // Much like the one before, which was not too much.
      if (this.#keepsUp && toUs === horizonUs && toUs - dueUs <= STEP_UNCOUNTED_US) return { fromUs, toUs };
      const count = await this.#count({ fromUs, toUs });
      if (count > STEP_MAX_ROWS && toUs - dueUs > STEP_MIN_US) {
        this.#widthUs = Math.max(STEP_MIN_US, Math.floor((this.#widthUs * STEP_MAX_ROWS) / (2 * count)));
        continue;
      }
      if (count > 0) {
        if (count < STEP_FEW_ROWS) this.#widthUs = Math.min(STEP_MAX_US, this.#widthUs * 2);
        return { fromUs, toUs };
      }
      const [next] = await this.#parts.deriver.select<{ next: number }>(
        nextHalf(fromUs - deadlines.longestUs),
        STEP_LIMITS,
      );
      // What is not searchable yet was received at the horizon or later.
      const firstUs = next === undefined || next.next === 0 ? horizonUs : Math.min(next.next, horizonUs);
      this.#quietUntilUs = firstUs + deadlines.shortestUs;
    }
  }

  async #count(window: DueWindow): Promise<number> {
    const statement = candidateCount(window, this.#parts.settings.deadlines);
    const [row] = await this.#parts.deriver.select<{ count: number }>(statement, STEP_LIMITS);
    return row?.count ?? 0;
  }

  /** Returns how many calls were in it. */
  async #settle(window: DueWindow): Promise<number> {
    const { deriver, settings } = this.#parts;
    const number = this.#position!.step + 1;
    const learns = await this.#experience.take(window);
    const outcome = await new Step(deriver, {
      number,
      window,
      deadlines: settings.deadlines,
      knowledge: this.declared(window.fromUs),
      experience: this.#experience,
      learns,
      untoldUs: this.#untoldUs,
      append: (log, records) => this.#append(log, records),
    }).run();
    this.#edges.touched(outcome.minutes);
    this.#position = { step: number, settledUs: outcome.settledUs };
    this.#calls += outcome.calls;
    this.#verdicts += outcome.verdicts;
    if (this.#parts.clock.monotonicMs() - this.#keptMs >= KEEP_POSITION_MS) await this.#keep();
    return outcome.calls;
  }

  async #keep(): Promise<void> {
    const position = this.#position;
    if (position === null || position.step === this.#keptStep) return;
    await keepPosition(this.#parts.deriver, position);
    this.#keptStep = position.step;
    this.#keptMs = this.#parts.clock.monotonicMs();
  }

  /** What is said by the minute, of minutes of which every call is settled; false when there is more to say. */
  async #report(): Promise<boolean> {
    const { settledUs } = this.#position!;
    if (settledUs === this.#reportedUs) return true;
    const wholeS = Math.floor((settledUs - this.#parts.settings.deadlines.longestUs) / MINUTE_US) * 60;
    if (!(await this.#summaries.write(wholeS)) || !(await this.#findings.look(wholeS))) return false;
    this.#reportedUs = settledUs;
    return true;
  }

  async #append(log: string, records: readonly AuditRecord[]): Promise<void> {
    const outcome = await this.#parts.journal.appendOwn(log, records);
    if (outcome.kind === "pushback")
      throw new TallystickError("journal_unavailable", "verdicts could not be recorded", {
        hint: "They are recorded as soon as the journal takes records again.",
        retryAfterS: outcome.retryAfterS,
      });
  }
}
