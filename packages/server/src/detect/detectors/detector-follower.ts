/**
 * Runs the deterministic detectors over what becomes searchable. Guarantees, whatever is killed and whenever: every
 * leaf is looked at, in the order of its tree; findings are durable before their range counts as looked at, so that a
 * range that was broken off is looked at again and gives the same findings; what was learned is rows of the engine,
 * derived from `records` and made anew from them. Memory is bounded: the engine does the work over groups of a range.
 * It leaves intake the processor: one range at a time, and a pause in between while little waits. Every tree has its
 * turn however much comes into another, and what is usual is judged by the clock, not when nothing comes.
 */
import type { Clock } from "../../clock.ts";
import { isOwnLog } from "../../control/own-logs.ts";
import type { Deriver } from "../../index/derived-tables.ts";
import type { IndexFollower, Statement } from "../../index/index-seam.ts";
import { firstTable, isWhole } from "../../index/newest.ts";
import type { AskRows, LeafRange, ReadRange } from "../../index/newest.ts";
import { Pauses } from "../../index/pauses.ts";
import { RECORDS } from "../../index/schema/records.ts";
import type { Networks } from "../../search/compile/networked.ts";
import { logOf } from "../../search/scope.ts";
import type { Baselines } from "../baseline/baselines.ts";
import { BASELINE_TABLES } from "../baseline/traffic.ts";
import { withCallIds } from "../call-ids.ts";
import type { CallRow } from "../call-ids.ts";
import type { Finding, FindingSink } from "../finding.ts";
import { dropOld } from "../forget.ts";
import { fillReaderFacts, keepTaught } from "./access-facts.ts";
import { deploysOfEdges, widenedEdges } from "./deploys.ts";
import {
  DEPLOY_LIMITS,
  FORGET_EVERY_US,
  IDLE_MS,
  KEEP_POSITION_MS,
  MANY_GROUPS,
  MAX_FRESH_FACTS,
  MAX_GROUPS,
  RANGE_LEAVES,
  REPLAY_WINDOW_US,
  RETRY_MS,
  SHOWN_VALUES,
  STEP_GAP_MS,
  STEP_LIMITS,
  TOKEN_KEPT_US,
} from "./detector-limits.ts";
import { factFindings, mayBeTold, tokenNews } from "./fact-findings.ts";
import {
  FACTS,
  fillRangeFacts,
  freshFacts,
  keepFacts,
  keepPosition,
  knownValues,
  LOGS_SINCE,
  POSITIONS,
  RANGE_FACTS,
  RANGE_GROUPS,
  scopesShown,
  TOKEN_WEEK_US,
  tokensPresented,
} from "./facts.ts";
import type { FreshFact, KnownValues, Presented, ShownScope, Subject } from "./facts.ts";
import { countRanges, rangeFindings } from "./range-questions.ts";
import type { RangeCounts } from "./range-questions.ts";
import { fillRange, RANGE_TABLE } from "./range-table.ts";
import { NONCE_HOUR_US, NONCES } from "./replays.ts";
import { countRevoked, keepRevocations } from "./revoked-uses.ts";
import type { Revoked } from "./revoked-uses.ts";

export interface DetectorSettings {
  /** A log's first days, in which what is first seen is learned and not told. Microseconds. */
  readonly learnUs: number;
  readonly dormantUs: number;
  /** How long a new version of the caller explains a new edge; microseconds, 0: it never does. */
  readonly deployUs: number;
  readonly sensitiveOperations: readonly string[];
  readonly networks: Networks;
}

export interface DetectorParts {
  readonly deriver: Deriver;
  readonly index: Pick<IndexFollower, "positions" | "onIndexed" | "state">;
  readonly clock: Clock;
  readonly settings: DetectorSettings;
  readonly sink: FindingSink;
  /** Findings whose alerts are not resolved. */
  readonly open: () => readonly Finding[];
  /** Told about failures that are being retried. Never holds content. */
  readonly onTrouble: (message: string) => void;
  /** What is usual, learned from the same ranges; its tables are made and emptied with the detectors'. */
  readonly baselines: Pick<Baselines, "recover" | "empty" | "take" | "isDue" | "judge"> | null;
  /** How far each tree is journaled: what is judged by the clock waits till all of it was looked at. */
  readonly journaled: () => readonly { readonly tree: string; readonly size: number }[];
}

const isOwn = (tree: string): boolean => isOwnLog(logOf(tree));
/** Made anew together: all of them say how far the same ranges were taken in. */
export const DETECTOR_TABLES = [FACTS, NONCES, RANGE_TABLE, RANGE_FACTS, ...BASELINE_TABLES];

export class DetectorFollower {
  readonly #parts: DetectorParts;
  readonly #through = new Map<string, number>();
  /** When the position of a tree was written down that told no facts, by the monotonic clock. */
  readonly #keptMs = new Map<string, number>();
  readonly #logsSince = new Map<string, number>();
  #revoked: Revoked = { ids: 0, issuers: 0 };
  readonly #pauses: Pauses;
  readonly #unsubscribe: () => void;
  readonly #ended: Promise<void>;
  #generation = -1;
  /** Nothing is in the tables of the range under way. */
  #isRangeEmpty = false;
  #lastStepMs = Number.NEGATIVE_INFINITY;
  #forgetAtUs = 0;
  #workedAtUs = 0;
  #closing = false;
  #emptyWanted = false;
  #looking: Promise<void> = Promise.resolve();
  /** What is judged next, and how far the trees were by then. */
  #due: { readonly atUs: number; readonly sizes: ReadonlyMap<string, number> } | null = null;

  readonly #ask: AskRows = (statement) => this.#parts.deriver.select(statement, STEP_LIMITS);

  /** Nobody waits for these answers: without them a new edge is told. */
  readonly #askOfDeploys: AskRows = <Row>(statement: Statement) =>
    this.#parts.deriver.select<Row>(statement, DEPLOY_LIMITS).catch((error: unknown): readonly Row[] => {
      const reason = error instanceof Error ? error.message.slice(0, 300) : String(error);
      this.#parts.onTrouble(`whether a deploy explains new edges is not known, so they are told: ${reason}`);
      return [];
    });

  constructor(parts: DetectorParts) {
    this.#parts = parts;
    this.#pauses = new Pauses(parts.clock);
    this.#unsubscribe = parts.index.onIndexed(() => this.#pauses.wake());
    this.#ended = this.#follow();
  }

  isReady(): boolean {
    return this.#generation === this.#parts.deriver.generation();
  }

  /** Leaves that are searchable and not looked at yet. */
  lagLeaves(): number {
    return this.#parts.index
      .positions()
      .reduce((sum, { tree, indexed }) => sum + Math.max(0, indexed - (this.#through.get(tree) ?? 0)), 0);
  }

  /** When it last did all that there was, or a part of it; microseconds, 0: never. */
  workedAtUs(): number {
    return this.#workedAtUs;
  }

  /** Until when a log's first days last; of a log without records, for ever. Microseconds. */
  learningUntilUs(log: string): number {
    return (this.#logsSince.get(log) ?? Number.POSITIVE_INFINITY) + this.#parts.settings.learnUs;
  }

  learningLogs(): ReadonlyMap<string, number> {
    return new Map([...this.#logsSince.keys()].map((log) => [log, this.learningUntilUs(log)]));
  }

  /** Forgets all that was learned; what is searchable is looked at again, and the same is found again. */
  rebuild(): void {
    this.#emptyWanted = true;
    this.#pauses.wake();
  }

  /** When the range under way is in the tables, or given up. */
  settled(): Promise<void> {
    return this.#looking.catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#unsubscribe();
    this.#pauses.close();
    await this.#ended;
  }

  async #follow(): Promise<void> {
    while (!this.#closing) {
      try {
        await this.#step();
      } catch (error) {
        if (this.#closing) return;
        this.#generation = -1;
        const reason = error instanceof Error ? error.message.slice(0, 300) : String(error);
        if (this.#parts.deriver.isUp()) this.#parts.onTrouble(`the detectors try again: ${reason}`);
        await this.#pauses.pause(RETRY_MS);
      }
    }
  }

  async #step(): Promise<void> {
    const { deriver, index, clock } = this.#parts;
    if (!deriver.isUp() || index.state() !== "ready") return this.#pauses.pause(RETRY_MS);
    if (this.#generation !== deriver.generation()) await this.#recover();
    if (this.#emptyWanted) await this.#empty();
    const ranges = this.#nextRanges();
    const waitMs = this.#lastStepMs + STEP_GAP_MS - clock.monotonicMs();
    const isMuch = ranges.some(({ from, to }) => to - from === RANGE_LEAVES);
    if (ranges.length > 0 && waitMs > 0 && !isMuch) return this.#pauses.pause(waitMs);
    this.#lastStepMs = clock.monotonicMs();
    const table = firstTable(ranges);
    const counts: ReadonlyMap<string, RangeCounts> =
      ranges.length === 0 ? new Map() : await countRanges(deriver, ranges, table);
    for (const range of ranges) {
      if (this.#closing || this.#emptyWanted) return;
      this.#looking = this.#look({ ...range, table }, counts.get(range.tree) ?? null);
      await this.#looking;
    }
    await this.#judge();
    this.#workedAtUs = clock.nowUs();
    // What came meanwhile woke nobody.
    if (ranges.length === 0 && this.#nextRanges().length === 0) await this.#pauses.pause(IDLE_MS, () => true);
  }

  /** Judges as of a moment, once all that was journaled by then was looked at. */
  async #judge(): Promise<void> {
    const { baselines, clock, journaled } = this.#parts;
    if (baselines === null) return;
    const atUs = clock.nowUs();
    if (this.#due === null && baselines.isDue(atUs))
      this.#due = { atUs, sizes: new Map(journaled().map(({ tree, size }) => [tree, size])) };
    const due = this.#due;
    if (due === null || [...due.sizes].some(([tree, size]) => !isOwn(tree) && (this.#through.get(tree) ?? 0) < size))
      return;
    await baselines.judge(due.atUs);
    this.#due = null;
  }

  async #recover(): Promise<void> {
    const { deriver } = this.#parts;
    const generation = deriver.generation();
    this.#isRangeEmpty = false;
    await deriver.prepare(DETECTOR_TABLES);
    const positions = await deriver.select<{ tree: string; through: number }>(POSITIONS, STEP_LIMITS);
    this.#through.clear();
    this.#due = null;
    for (const { tree, through } of positions) this.#through.set(tree, through);
    await this.#readLogs();
    this.#revoked = await countRevoked(deriver);
    await this.#parts.baselines?.recover();
    this.#generation = generation;
  }

  async #readLogs(): Promise<void> {
    const rows = await this.#parts.deriver.select<{ log: string; since_us: number }>(LOGS_SINCE, STEP_LIMITS);
    for (const { log, since_us: since } of rows) this.#logsSince.set(log, since);
  }

  async #empty(): Promise<void> {
    this.#through.clear();
    this.#logsSince.clear();
    await this.#parts.deriver.empty(NONCES);
    await this.#parts.deriver.empty(FACTS);
    await this.#parts.baselines?.empty();
    this.#revoked = { ids: 0, issuers: 0 };
    this.#emptyWanted = false;
  }

  /** Of every tree that has something new; our own logs first, which say what is revoked and what is expected. */
  #nextRanges(): readonly LeafRange[] {
    return this.#parts.index
      .positions()
      .map(({ tree, indexed }) => {
        const from = this.#through.get(tree) ?? 0;
        return { tree, from, to: Math.min(indexed, from + RANGE_LEAVES) };
      })
      .filter(({ from, to }) => from < to)
      .toSorted((one, other) => Number(isOwn(other.tree)) - Number(isOwn(one.tree)));
  }

  /** `counts`: what is in it; null: nothing. */
  async #look(range: ReadRange, counts: RangeCounts | null): Promise<void> {
    const findings = counts === null ? [] : await this.#findings(range, counts);
    if (!(await isWhole(this.#ask, range))) {
      const all = { ...range, table: RECORDS };
      const again = await countRanges(this.#parts.deriver, [all], RECORDS);
      return this.#look(all, again.get(range.tree) ?? null);
    }
    if (findings.length > 0) await this.#parts.sink(findings);
    if (counts !== null) await this.#keep(range, counts);
    this.#through.set(range.tree, range.to);
    await this.#forget();
  }

  /** Fills the tables of the range. */
  async #findings(range: ReadRange, counts: RangeCounts): Promise<readonly Finding[]> {
    const { deriver, settings } = this.#parts;
    const derive = (statement: Statement) => deriver.derive(statement, STEP_LIMITS);
    const callsOf = (statement: Statement) => this.#ask<CallRow>(statement);
    await this.#emptyRange();
    if (counts.revocations > 0) {
      await derive(keepRevocations(range));
      this.#revoked = await countRevoked(deriver);
    }
    const { isTraffic, hasReads, hasFacts } = kindsOf(range, counts);
    this.#isRangeEmpty &&= !hasFacts;
    if (isOwn(range.tree) && counts.teachings > 0) await derive(keepTaught(range));
    if (hasReads) await derive(fillReaderFacts(range, settings.networks));
    if (isTraffic) {
      await derive(fillRange(range, settings.networks, settings.sensitiveOperations));
      await derive(fillRangeFacts(await this.#hasManyGroups(range)));
    }
    const fresh = hasFacts ? await this.#fresh() : [];
    const told = await rangeFindings(deriver, range, { counts, revoked: this.#revoked });
    const listed = isTraffic && settings.deployUs > 0 ? this.#parts.open() : [];
    const widened = await widenedEdges(this.#askOfDeploys, listed, settings.deployUs);
    return [...told, ...(await withCallIds([...(await this.#told(fresh)), ...widened], range, callsOf))];
  }

  /** What the range teaches, and that it was looked at. */
  async #keep(range: ReadRange, counts: RangeCounts): Promise<void> {
    const { deriver, settings, baselines } = this.#parts;
    const { isTraffic, hasFacts } = kindsOf(range, counts);
    if (isTraffic) await baselines?.take(range);
    const { tree, to } = range;
    if (hasFacts) await deriver.derive(keepFacts(tree, to, settings.dormantUs), STEP_LIMITS);
    else if (this.#isKeptLongAgo(tree)) await deriver.derive(keepPosition(tree, to), STEP_LIMITS);
  }

  /** Forgets what the range before said. */
  async #emptyRange(): Promise<void> {
    if (this.#isRangeEmpty) return;
    for (const table of [RANGE_TABLE, RANGE_FACTS]) await this.#parts.deriver.empty(table);
    this.#isRangeEmpty = true;
  }

  async #hasManyGroups({ from, to }: LeafRange): Promise<boolean> {
    if (to - from < MANY_GROUPS) return false;
    const [row] = await this.#parts.deriver.select<{ groups: number }>(RANGE_GROUPS, STEP_LIMITS);
    return row!.groups >= MANY_GROUPS;
  }

  /** What is not written down is looked at again after a restart, and the same is found again. */
  #isKeptLongAgo(tree: string): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs - (this.#keptMs.get(tree) ?? Number.NEGATIVE_INFINITY) < KEEP_POSITION_MS) return false;
    this.#keptMs.set(tree, nowMs);
    return true;
  }

  async #fresh(): Promise<readonly FreshFact[]> {
    const { deriver, settings } = this.#parts;
    const facts = await deriver.select<FreshFact>(freshFacts(settings.dormantUs, MAX_FRESH_FACTS), STEP_LIMITS);
    for (const { kind, value, first_us: firstUs } of facts)
      if (kind === "log") this.#logsSince.set(value, Math.min(firstUs, this.#logsSince.get(value) ?? firstUs));
    return facts;
  }

  async #told(fresh: readonly FreshFact[]): Promise<readonly Finding[]> {
    const learningUntilUs = (log: string) => this.learningUntilUs(log);
    if (!fresh.some((fact) => mayBeTold(fact, learningUntilUs))) return [];
    const { deriver, settings } = this.#parts;
    const subjects = [...fresh, ...servicesOf(fresh)];
    const known = await deriver.select<KnownValues>(knownValues(subjects, SHOWN_VALUES), STEP_LIMITS);
    const services = known.filter(({ kind }) => kind === "service");
    const servicesSince = new Map(services.map(({ log, subject, since_us: since }) => [`${log} ${subject}`, since]));
    const scopes = fresh.some(({ kind }) => kind === "edge") ? fresh.filter(({ kind }) => kind === "scope") : [];
    const shown = scopes.length === 0 ? [] : await deriver.select<ShownScope>(scopesShown(scopes), STEP_LIMITS);
    const tokens = tokenNews(fresh, known);
    const asked = tokens.length === 0 ? null : tokensPresented(tokens, MAX_GROUPS);
    const presented = asked === null ? [] : await deriver.select<Presented>(asked, STEP_LIMITS);
    const edges = fresh.filter((fact) => fact.kind === "edge" && mayBeTold(fact, learningUntilUs));
    const deploys = await deploysOfEdges(this.#askOfDeploys, edges, settings.deployUs);
    return factFindings(fresh, { learningUntilUs, known, servicesSince, scopesShown: shown, presented, deploys });
  }

  /** Now and then, what is too old to say anything. */
  async #forget(): Promise<void> {
    const { deriver, clock } = this.#parts;
    const nowUs = clock.nowUs();
    if (nowUs < this.#forgetAtUs) return;
    const isFirst = this.#forgetAtUs === 0;
    this.#forgetAtUs = nowUs + FORGET_EVERY_US;
    if (isFirst) return;
    await dropOld(deriver, NONCES, Math.floor((nowUs - REPLAY_WINDOW_US) / NONCE_HOUR_US));
    await dropOld(deriver, FACTS, Math.floor((nowUs - TOKEN_KEPT_US) / TOKEN_WEEK_US));
  }
}

/** What of a range is looked into. */
function kindsOf({ tree }: LeafRange, { sent, reads }: RangeCounts) {
  const isTraffic = !isOwn(tree) && sent > 0;
  const hasReads = isOwn(tree) && reads > 0;
  return { isTraffic, hasReads, hasFacts: isTraffic || hasReads };
}

/** The services that new edges and callers name. */
function servicesOf(fresh: readonly FreshFact[]): readonly Subject[] {
  const news = fresh.filter(({ kind }) => kind === "edge" || kind === "sensitive");
  return news.flatMap(({ log, subject, value }) =>
    [subject, value].map((name) => ({ kind: "service", log, subject: name })),
  );
}
