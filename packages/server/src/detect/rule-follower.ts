/**
 * Runs the rules that are switched on over what becomes searchable, and hands on what they find. Guarantees:
 * - every record is looked at by every rule that was switched on when its turn came, whatever is killed and whenever;
 *   after a crash the same may be found again, which the sink takes for the same;
 * - a rule that the engine does not take is set aside with its reason and holds up no other;
 * - rules of single records never wait for correlations, which read more the longer their timespan is.
 * Left out on purpose: the past, which backtests are for; records of the log of alerts, which would find themselves.
 */
import type { Clock } from "../clock.ts";
import { ALERTS_LOG } from "../control/own-logs.ts";
import { isTallystickError } from "../errors.ts";
import type { IndexFollower, IndexReader, QueryLimits, Statement } from "../index/index-seam.ts";
import { firstTable, isWhole } from "../index/newest.ts";
import type { AskRows, LeafRange, ReadRange } from "../index/newest.ts";
import { Pauses } from "../index/pauses.ts";
import { RECORDS } from "../index/schema/records.ts";
import type { Journal } from "../journal/journal.ts";
import { logOf } from "../search/scope.ts";
import { withCallIds } from "./call-ids.ts";
import type { CallRow } from "./call-ids.ts";
import type { DetectionState, Progress } from "./detection-state.ts";
import type { Finding, FindingSink } from "./finding.ts";
import { HeldValues } from "./held-values.ts";
import type { HeldRow } from "./held-values.ts";
import {
  CORRELATION_LEAVES,
  CORRELATION_REST,
  DETECT_RETRY_MS,
  FEW_RULES,
  MAX_HELD_LOGS,
  MAX_FINDINGS_PER_RULE,
  MUCH_LEAVES,
  PASS_LEAVES,
  PASS_MEMORY_BYTES,
  PASS_REST,
  PASS_TIMEOUT_MS,
} from "./limits.ts";
import { passStatement, promisingStatement } from "./pass-sql.ts";
import type { PassRow } from "./pass-sql.ts";
import type { Rule, RuleBook } from "./rule-book.ts";
import type { LinkedRule } from "./sigma/link.ts";
import { passesOf } from "./sigma/passes.ts";
import { askedAtOnce, isAskedTogether } from "./sigma/promising.ts";
import { findingOf } from "./sigma-finding.ts";

export interface RuleFollowerOptions {
  readonly book: Pick<RuleBook, "list">;
  readonly reader: IndexReader;
  /** For rules of single records, which tell within seconds. */
  readonly prompt: IndexReader;
  readonly index: Pick<IndexFollower, "positions" | "onIndexed">;
  readonly journal: Pick<Journal, "trees">;
  readonly state: DetectionState;
  readonly sink: FindingSink;
  readonly clock: Clock;
  /** Told about failures that are being retried, and rules that are set aside. Never holds content. */
  readonly onTrouble: (message: string) => void;
}

type Lane = keyof Progress;

const LIMITS: QueryLimits = {
  timeoutMs: PASS_TIMEOUT_MS,
  maxRows: 64 * (MAX_FINDINGS_PER_RULE + 1),
  maxMemoryBytes: PASS_MEMORY_BYTES,
};

/** What is wrong with a rule, not with the engine. */
const OF_THE_RULE = ["internal", "query_limit", "query_timeout"] as const;

export class RuleFollower {
  readonly #options: RuleFollowerOptions;
  readonly #unsubscribe: () => void;
  readonly #ended: Promise<unknown>;
  readonly #closing = new AbortController();
  /** Rules that the engine does not take, by id and version, with the reason. */
  readonly #setAside = new Map<string, string>();
  readonly #pauses: Pauses;
  /** By lane and log: what one log holds says little of another. */
  readonly #held = new Map<string, HeldValues>();
  readonly #workedAtUs: Record<Lane, number> = { single: 0, together: 0 };

  constructor(options: RuleFollowerOptions) {
    this.#options = options;
    const { state, journal } = options;
    if (!state.isKnown)
      for (const { tree, size } of journal.trees()) state.trees.set(tree, { single: size, together: size });
    this.#pauses = new Pauses(options.clock);
    this.#unsubscribe = options.index.onIndexed(() => this.#pauses.wake());
    this.#ended = Promise.all([this.#follow("single"), this.#follow("together")]);
  }

  /** Why a rule that is switched on does not run; null: it does. */
  setAside({ id, version }: Pick<Rule, "id" | "version">): string | null {
    return this.#setAside.get(`${id} ${version}`) ?? null;
  }

  /** Leaves that are searchable and that rules have not looked at. */
  lagLeaves(): number {
    return this.#trees().reduce((sum, { tree, indexed }) => sum + Math.max(0, indexed - this.#at(tree).single), 0);
  }

  /** When it last got on, or had nothing to do; microseconds, 0: never. */
  workedAtUs(): number {
    const lanes = ["single", "together"] as const;
    const nowUs = this.#options.clock.nowUs();
    return Math.min(...lanes.map((lane) => (this.#hasNew(lane) ? this.#workedAtUs[lane] : nowUs)));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#unsubscribe();
    this.#pauses.close();
    await this.#ended;
  }

  #trees() {
    return this.#options.index.positions().filter(({ tree }) => !tree.startsWith(`${ALERTS_LOG}/`));
  }

  #at(tree: string): Progress {
    return this.#options.state.trees.get(tree) ?? { single: 0, together: 0 };
  }

  async #follow(lane: Lane): Promise<void> {
    const { clock, onTrouble } = this.#options;
    while (!this.#closing.signal.aborted) {
      const startedMs = clock.monotonicMs();
      try {
        await this.#round(lane);
        this.#workedAtUs[lane] = clock.nowUs();
        const tookMs = clock.monotonicMs() - startedMs;
        const { leastMs, times, mostMs } = lane === "single" ? PASS_REST : CORRELATION_REST;
        const isMuch = (): boolean => lane === "single" && this.#hasMuch();
        if (!isMuch()) await this.#pauses.pause(Math.min(mostMs, Math.max(leastMs, times * tookMs)), isMuch);
        if (!this.#hasNew(lane)) await this.#pauses.pause(null);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (!isTallystickError(error, "index_unavailable")) {
          const reason = error instanceof Error ? error.message.slice(0, 300) : String(error);
          onTrouble(`running rules failed and is tried again: ${reason}`);
        }
        await this.#pauses.pause(DETECT_RETRY_MS);
      }
    }
  }

  #hasNew(lane: Lane): boolean {
    return this.#trees().some(({ tree, indexed }) => indexed > this.#at(tree)[lane]);
  }

  /** Rules of single records have so much before them that waiting makes it no cheaper. */
  #hasMuch(): boolean {
    return this.#trees().some(({ tree, indexed }) => indexed >= this.#at(tree).single + MUCH_LEAVES);
  }

  /** A range of every tree that has something new. */
  async #round(lane: Lane): Promise<void> {
    for (const { tree, indexed } of this.#trees()) {
      const from = this.#at(tree)[lane];
      if (indexed <= from || this.#closing.signal.aborted) continue;
      const to = Math.min(indexed, from + (lane === "single" ? PASS_LEAVES : CORRELATION_LEAVES));
      await this.#run(lane, { tree, from, to });
      const { state } = this.#options;
      state.trees.set(tree, { ...this.#at(tree), [lane]: to });
      await state.save();
    }
  }

  async #run(lane: Lane, range: LeafRange): Promise<void> {
    const rules = this.#options.book
      .list()
      .filter((rule) => rule.on && rule.sigma !== null && (rule.sigma.kind === "rule") === (lane === "single"))
      .filter((rule) => this.setAside(rule) === null);
    if (rules.length === 0) return;
    const ask: AskRows = async (statement) =>
      (await this.#reader(lane).select<never>(statement, LIMITS, this.#closing.signal)).rows;
    const read = { ...range, table: firstTable([range]) };
    const found = await this.#findings(rules, lane, read);
    const findings = (await isWhole(ask, read))
      ? found
      : await this.#findings(rules, lane, { ...range, table: RECORDS });
    if (findings.length > 0) await this.#options.sink(findings);
  }

  async #findings(rules: readonly Rule[], lane: Lane, range: ReadRange): Promise<readonly Finding[]> {
    const able = await this.#ableToFind(rules, lane, range);
    if (able.length === 0) return [];
    const sinceUs = lane === "single" ? 0 : await this.#receivedSince(range);
    const promising = lane === "single" ? able : await this.#promising(able, range, sinceUs);
    const findings: Finding[] = [];
    for (const pass of passesOf(promising, ({ sigma }) => sigma!))
      findings.push(...(await this.#runPass(pass, lane, range, sinceUs)));
    return findings;
  }

  /** The others find nothing, by what the range holds. */
  async #ableToFind(rules: readonly Rule[], lane: Lane, range: ReadRange): Promise<readonly Rule[]> {
    if (rules.length < FEW_RULES) return rules;
    const held = this.#heldOf(lane, range);
    const { statement, ableIn } = held.ask(
      rules.map(({ sigma }) => sigma!),
      range,
    );
    const rows = await this.#asked<HeldRow>(statement, lane);
    if (rows === null) held.refused();
    const able = rows?.[0] === undefined ? null : ableIn(rows[0]);
    return able === null ? rules : rules.filter(({ sigma }) => able.has(sigma!));
  }

  #heldOf(lane: Lane, { tree }: LeafRange): HeldValues {
    const key = `${lane} ${logOf(tree)}`;
    const held = this.#held.get(key) ?? new HeldValues();
    if (this.#held.size >= MAX_HELD_LOGS) this.#held.clear();
    this.#held.set(key, held);
    return held;
  }

  /** The others find nothing, by what is within the times that they look back on. */
  async #promising(rules: readonly Rule[], range: LeafRange, sinceUs: number): Promise<readonly Rule[]> {
    const asked = rules.flatMap(({ sigma }) => (sigma !== null && isAskedTogether(sigma) ? [sigma] : []));
    if (asked.length < FEW_RULES) return rules;
    const idle = new Set<LinkedRule>();
    for (const some of askedAtOnce(asked)) {
      const statement = promisingStatement(some, range, sinceUs);
      const rows = await this.#asked<{ readonly rule: number }>(statement, "together");
      const found = new Set(rows?.map(({ rule }) => rule));
      if (rows !== null) some.forEach((linked, place) => found.has(place) || idle.add(linked));
    }
    return rules.filter(({ sigma }) => !idle.has(sigma!));
  }

  /** Null where the engine does not take it. */
  async #asked<Row>(statement: Statement, lane: Lane): Promise<readonly Row[] | null> {
    try {
      const { rows } = await this.#reader(lane).select<Row>(statement, LIMITS, this.#closing.signal);
      return rows;
    } catch (error) {
      if (!OF_THE_RULE.some((code) => isTallystickError(error, code))) throw error;
      return null;
    }
  }

  #reader(lane: Lane): IndexReader {
    return this.#options[lane === "single" ? "prompt" : "reader"];
  }

  async #receivedSince({ tree, from, to, table }: ReadRange): Promise<number> {
    const { rows } = await this.#options.reader.select<{ since: number }>(
      {
        sql: `SELECT toUnixTimestamp64Micro(min(observed_received_at)) AS since FROM ${table} WHERE tree = {tree:String} AND leaf_index >= {from:Int64} AND leaf_index < {to:Int64}`,
        params: { tree, from, to },
      },
      LIMITS,
      this.#closing.signal,
    );
    return rows[0]?.since ?? 0;
  }

  /** Where the engine does not take them together, each half by itself, down to the one that it does not take. */
  async #runPass(rules: readonly Rule[], lane: Lane, range: ReadRange, sinceUs: number): Promise<readonly Finding[]> {
    const { onTrouble } = this.#options;
    let rows: readonly PassRow[];
    try {
      const statement = passStatement(
        rules.map(({ sigma }) => sigma!),
        range,
        sinceUs,
      );
      ({ rows } = await this.#reader(lane).select<PassRow>(statement, LIMITS, this.#closing.signal));
    } catch (error) {
      if (!OF_THE_RULE.some((code) => isTallystickError(error, code))) throw error;
      if (rules.length > 1) {
        const middle = Math.ceil(rules.length / 2);
        const first = await this.#runPass(rules.slice(0, middle), lane, range, sinceUs);
        return [...first, ...(await this.#runPass(rules.slice(middle), lane, range, sinceUs))];
      }
      const [rule] = rules as readonly [Rule];
      const reason = error instanceof Error ? error.message : String(error);
      this.#setAside.set(`${rule.id} ${rule.version}`, reason);
      onTrouble(`the rule ${rule.id} is set aside: ${reason}`);
      return [];
    }
    if (rows.length === 0) return [];
    const callsOf = async (statement: Statement) => (await this.#asked<CallRow>(statement, lane)) ?? [];
    return withCallIds(foundOf(rules, rows), range, callsOf);
  }
}

/** Of what a rule found beyond the bound one finding says so, with the records of one of those. */
function foundOf(rules: readonly Rule[], rows: readonly PassRow[]): readonly Finding[] {
  const told = new Map<number, number>();
  return rows.map((row) => {
    const rule = rules[row.rule]!;
    const number = (told.get(row.rule) ?? 0) + 1;
    told.set(row.rule, number);
    const finding = findingOf(rule, rule.sigma!, row);
    if (number <= MAX_FINDINGS_PER_RULE) return finding;
    const summary = `${rule.heading.title}: found of more than ${MAX_FINDINGS_PER_RULE} at once; further ones are this one`;
    return { ...finding, labels: { overflow: "true" }, summary };
  });
}
