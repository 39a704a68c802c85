/**
 * What earlier calls taught: who records, under which names, whose clock is off, how much of an edge is seen from both
 * sides. It lies in tables and is held here too, so that a step with few calls asks for little: who records is asked
 * at every step, the rest changes slowly and is read once a minute.
 */
import type { Deriver } from "../index/derived-tables.ts";
import type { Statement } from "../index/index-seam.ts";
import { learnedHalves, sumOf } from "./coverage.ts";
import type { EdgeHalves } from "./coverage.ts";
import type { DueWindow } from "./halves.ts";
import { heardRecorders, knownRecorders, knownSkews, learnRecorders } from "./learn.ts";
import type { RecorderRow, SkewRow } from "./learn.ts";
import { edgeName } from "./deadlines.ts";
import { ALIAS_HOURS, MAX_EDGES, RECORDERS_WRITTEN_US, REPORTS_DAYS, SKEW_AHEAD_PAIRS, STEP_LIMITS } from "./limits.ts";
import { learnedAliases } from "./names.ts";
import type { AliasRow } from "./names.ts";

interface Heard {
  lastUs: number;
  /** As the table has it. */
  writtenUs: number;
}

const MINUTE_US = 60_000_000;
const DAY_US = 86_400_000_000;

interface WaitingPairs {
  /** `edgeName` */
  readonly pairs: readonly string[];
  readonly sinceUs: number;
}

const NOBODY: WaitingPairs = { pairs: [], sinceUs: Number.POSITIVE_INFINITY };

export class Experience {
  readonly #deriver: Deriver;
  /** By recorder and kind. */
  readonly #heard = new Map<string, Map<string, Heard>>();
  /** Names and services (`edgeName`), callers and credentials that steps of the minute have told. */
  readonly #told = new Set<string>();
  #heardUs = 0;
  /** When a proxy that takes part in traces was last heard, as far as is known. */
  #hopUs = 0;
  #minute = -1;
  edges: readonly EdgeHalves[] = [];
  aliases: readonly AliasRow[] = [];
  skews: ReadonlyMap<string, number> = new Map();
  /** What was looked for ahead of a step within the minute, found or not. */
  readonly tried = new Set<string>();
  /** Pairs of clocks that were met again within the minute in which they were tried, and since when. */
  readonly #met = new Set<string>();
  #metSinceUs = Number.POSITIVE_INFINITY;
  #waiting: WaitingPairs = NOBODY;
  /** Edges by the steps of the minute, which `edges` does not know of yet. */
  readonly #recent = new Map<string, EdgeHalves>();

  constructor(deriver: Deriver) {
    this.#deriver = deriver;
  }

  async recover(settledUs: number): Promise<void> {
    this.#heard.clear();
    this.#minute = -1;
    for (const row of await this.#ask<RecorderRow>(knownRecorders(settledUs - REPORTS_DAYS * DAY_US)))
      this.#note(row).writtenUs = row.last_us;
    // Whoever was heard after the last time that was written is heard again.
    this.#heardUs = Math.max(0, settledUs - RECORDERS_WRITTEN_US);
    this.#hopUs = settledUs;
  }

  /** Takes in who recorded until the window's end; true once a minute, when there is more to learn. */
  async take({ fromUs, toUs }: DueWindow): Promise<boolean> {
    await this.#hear(toUs);
    const minute = Math.floor(fromUs / MINUTE_US);
    if (this.#minute === minute) return false;
    this.edges = await this.#ask<EdgeHalves>(learnedHalves(minute * 60));
    await this.readAliases(fromUs);
    this.#told.clear();
    await this.readSkews(fromUs);
    this.tried.clear();
    this.#waiting = { pairs: [...this.#met].filter((pair) => !this.skews.has(pair)), sinceUs: this.#metSinceUs };
    this.#met.clear();
    this.#metSinceUs = Number.POSITIVE_INFINITY;
    this.#recent.clear();
    this.#minute = minute;
    return true;
  }

  /** Takes in the edges of a step, and gives them back with what the minute's steps before told of them. */
  withRecent(now: readonly EdgeHalves[]): readonly EdgeHalves[] {
    return now.map((edge) => {
      const name = edgeName(edge.caller, edge.callee);
      const before = this.#recent.get(name);
      const sum = before === undefined ? edge : sumOf(before, edge);
      if (before !== undefined || this.#recent.size < MAX_EDGES) this.#recent.set(name, sum);
      return sum;
    });
  }

  /** Of the minute before: tried with too few calls, they are tried again with those that came after. Once. */
  takeWaiting(): WaitingPairs {
    const waiting = this.#waiting;
    this.#waiting = NOBODY;
    return waiting;
  }

  /** Pairs of a step; those whose skew is still not known when the minute is over are tried again. */
  waitForSkews(pairs: readonly string[], fromUs: number): void {
    for (const pair of pairs) {
      if (this.skews.has(pair) || this.#met.size >= SKEW_AHEAD_PAIRS) continue;
      this.#met.add(pair);
      this.#metSinceUs = Math.min(this.#metSinceUs, fromUs);
    }
  }

  async readAliases(atUs: number): Promise<void> {
    this.aliases = await this.#ask<AliasRow>(learnedAliases(atUs - ALIAS_HOURS * 3_600_000_000));
  }

  /** True when one of these was not told within the minute. */
  isNews(pairs: readonly string[]): boolean {
    const before = this.#told.size;
    for (const pair of pairs) this.#told.add(pair);
    return this.#told.size > before;
  }

  async readSkews(atUs: number): Promise<void> {
    const rows = await this.#ask<SkewRow>(knownSkews(atUs));
    this.skews = new Map(rows.map(({ caller, callee, skew_us: skewUs }) => [edgeName(caller, callee), skewUs]));
  }

  /** Of these names, those that have recorded from that side within the days that count. */
  recording(names: readonly string[], side: "caller" | "callee" | "either", atUs: number): readonly string[] {
    const sinceUs = atUs - REPORTS_DAYS * DAY_US;
    return names.filter((name) =>
      [...(this.#heard.get(name) ?? [])].some(
        ([kind, { lastUs }]) => (side === "either" || kind === side || kind === "heartbeat") && lastUs >= sinceUs,
      ),
    );
  }

  /** False when no proxy between two spans was heard since then. */
  mayBeBridged(sinceUs: number): boolean {
    return this.#hopUs >= sinceUs;
  }

  async #hear(toUs: number): Promise<void> {
    const heard = await this.#ask<RecorderRow>(heardRecorders(this.#heardUs, toUs));
    for (const { kind, last_us: lastUs } of heard) if (kind === "observer") this.#hopUs = Math.max(this.#hopUs, lastUs);
    const rows = heard.filter(({ kind }) => kind !== "observer");
    const stale = rows.some((row) => row.last_us - this.#note(row).writtenUs > RECORDERS_WRITTEN_US);
    if (stale) {
      await this.#deriver.derive(learnRecorders(this.#heardUs, toUs), STEP_LIMITS);
      for (const row of rows) this.#note(row).writtenUs = row.last_us;
    }
    this.#heardUs = toUs;
  }

  #note({ name, kind, last_us: lastUs }: RecorderRow): Heard {
    const kinds = this.#heard.get(name) ?? new Map<string, Heard>();
    this.#heard.set(name, kinds);
    const heard = kinds.get(kind) ?? { lastUs: 0, writtenUs: 0 };
    kinds.set(kind, heard);
    heard.lastUs = Math.max(heard.lastUs, lastUs);
    return heard;
  }

  #ask<Row>(statement: Statement): Promise<readonly Row[]> {
    return this.#deriver.select<Row>(statement, STEP_LIMITS);
  }
}
