/**
 * What is usual of each edge and operation, and what is out of the ordinary. Learned inside the engine from what the
 * detectors group of each range; here are only positions. Guarantees: a range counts once, however often it is taken
 * in; an hour and its baselines are computed again when it was not certain that they were; findings are durable before
 * their five minutes count as judged, and the same minutes judged again give the same findings.
 */
import type { Deriver } from "../../index/derived-tables.ts";
import type { LeafRange } from "../../index/newest.ts";
import { STEP_LIMITS } from "../detectors/detector-limits.ts";
import { TRAFFIC_US } from "../detectors/range-table.ts";
import type { Finding, FindingSink } from "../finding.ts";
import { dropOld } from "../forget.ts";
import { BUCKET_GRACE_US, BUCKETS_AT_ONCE, OVER_AFTER_US } from "./baseline-limits.ts";
import { withExamples } from "./examples.ts";
import { BASELINE_KINDS, baselineFindings, baselineRule, deviations, EDGE_NAMES, isCertain } from "./judge.ts";
import type { Deviation } from "./judge.ts";
import {
  BASELINE_TABLES,
  BASELINES,
  candidates,
  HOUR_US,
  HOURS,
  keepBaselines,
  keepHour,
  keepTraffic,
  firstNeeded,
  TRAFFIC,
} from "./traffic.ts";
import type { Judged } from "./traffic.ts";

export interface BaselineParts {
  readonly deriver: Deriver;
  readonly sink: FindingSink;
  readonly learningUntilUs: (log: string) => number;
  /** Findings of baselines that are told of and have not ended. */
  readonly open: () => readonly Finding[];
}

const RULES: ReadonlySet<string> = new Set(BASELINE_KINDS.map(baselineRule));
const FORGET_EVERY_HOURS = 24;
const CATCH_UP_US = 3 * TRAFFIC_US;

export class Baselines {
  readonly #parts: BaselineParts;
  /** Ends of the five minutes that were judged last and of the hour that has baselines; 0: not known. */
  #judgedUs = 0;
  #hourUs = 0;
  #edges = new Map<string, number>();
  /** What deviated at the look before, and since when. */
  #before = new Map<string, number>();

  constructor(parts: BaselineParts) {
    this.#parts = parts;
  }

  /** Reads how far the tables are, which are there. */
  async recover(): Promise<void> {
    const { deriver } = this.#parts;
    const one = async (sql: string) =>
      (await deriver.select<{ at: number }>({ sql, params: {} }, STEP_LIMITS))[0]?.at ?? 0;
    const learned = await one(`SELECT max(hour_us) AS at FROM ${BASELINES.name}`);
    const first = await one(`SELECT if(count() = 0, 0, min(bucket_us)) AS at FROM ${TRAFFIC.name}`);
    // Nothing learned yet: the first hour of which there is anything is the first to be added up.
    this.#hourUs = learned === 0 ? Math.floor(first / HOUR_US) * HOUR_US : learned;
    this.#judgedUs = Math.max(first, learned);
    await this.#countEdges();
  }

  async empty(): Promise<void> {
    for (const table of BASELINE_TABLES) await this.#parts.deriver.empty(table);
    [this.#judgedUs, this.#hourUs] = [0, 0];
    this.#before.clear();
  }

  /** Counts the range that the detectors have grouped. */
  async take(range: LeafRange): Promise<void> {
    await this.#parts.deriver.derive(keepTraffic(range), STEP_LIMITS);
  }

  /** Whether five minutes are over that were not judged. */
  isDue(nowUs: number): boolean {
    return endBefore(nowUs) > this.#judgedUs;
  }

  /** Judges what is over at a moment. All that was received till then is counted. */
  async judge(atUs: number): Promise<void> {
    if (this.#judgedUs === 0) await this.recover();
    if (this.#judgedUs === 0) return;
    const endUs = endBefore(atUs);
    // Each look is at a whole hour: what is caught up with needs fewer of them.
    const next = (us: number): number => us + (us + CATCH_UP_US <= endUs ? CATCH_UP_US : TRAFFIC_US);
    // Far behind, the hours are learned and only the last minutes judged.
    let toUs = Math.max(next(this.#judgedUs), endUs - BUCKETS_AT_ONCE * TRAFFIC_US);
    await this.#learnUntil(Math.floor((toUs - TRAFFIC_US) / HOUR_US) * HOUR_US);
    while (toUs <= endUs) {
      await this.#learnUntil(Math.floor((toUs - TRAFFIC_US) / HOUR_US) * HOUR_US);
      await this.#judgeAt(toUs);
      this.#judgedUs = toUs;
      toUs = next(toUs);
    }
  }

  /** Adds up hours up to `hourUs`, and learns what is usual at each from those before it. */
  async #learnUntil(hourUs: number): Promise<void> {
    const { deriver } = this.#parts;
    for (let us = this.#hourUs + HOUR_US; us <= hourUs; us += HOUR_US) {
      await deriver.derive(keepHour(us - HOUR_US), STEP_LIMITS);
      await deriver.derive(keepBaselines(us), STEP_LIMITS);
      this.#hourUs = us;
      if ((us / HOUR_US) % FORGET_EVERY_HOURS === 0) {
        await this.#countEdges();
        for (const [table, first] of firstNeeded(us)) await dropOld(deriver, table, first);
      }
    }
  }

  async #countEdges(): Promise<void> {
    const sql = `SELECT toString(log) AS log, uniq(caller, callee, operation) AS edges FROM ${HOURS.name} GROUP BY log`;
    const rows = await this.#parts.deriver.select<{ log: string; edges: number }>({ sql, params: {} }, STEP_LIMITS);
    this.#edges = new Map(rows.map(({ log, edges }) => [log, edges]));
  }

  async #judgeAt(toUs: number): Promise<void> {
    const { deriver, sink, learningUntilUs } = this.#parts;
    const hourUs = Math.floor((toUs - TRAFFIC_US) / HOUR_US) * HOUR_US;
    const rows = await deriver.select<Judged>(candidates(hourUs, toUs), STEP_LIMITS);
    const open = this.#parts.open();
    const openNames = new Set(open.map(({ ruleId, labels }) => toldName(ruleId, labels)));
    const found = rows.flatMap((edge) => deviations(edge, (kind) => openNames.has(toldName(baselineRule(kind), edge))));
    const since = new Map(found.map((one) => [nameOf(one), this.#before.get(nameOf(one)) ?? toUs]));
    const told = found.filter((one) => isCertain(one) || this.#before.has(nameOf(one)));
    this.#before = since;
    const at = { startsAtUs: toUs - TRAFFIC_US, seenAtUs: toUs };
    const bare = baselineFindings(told, (log) => this.#edges.get(log) ?? 0, at).map((finding) => ({
      ...finding,
      // In a log's first days they are listed and notify nobody.
      quiet: toUs < learningUntilUs(finding.labels["log"]!),
    }));
    const toldOf = ({ ruleId, labels }: Finding) =>
      open.find((one) => one.ruleId === ruleId && isSame(one.labels, labels))?.records ?? [];
    const firing = await withExamples(deriver, bare, toldOf, toUs);
    const over = open
      .filter(({ ruleId, seenAtUs }) => RULES.has(ruleId) && seenAtUs + OVER_AFTER_US < toUs)
      .filter((last) => !firing.some((one) => one.ruleId === last.ruleId && isSame(one.labels, last.labels)))
      .map((last): Finding => ({ ...last, state: "resolved", seenAtUs: toUs, records: [] }));
    if (firing.length + over.length > 0) await sink([...firing, ...over]);
  }
}

const endBefore = (us: number): number => Math.floor((us - BUCKET_GRACE_US) / TRAFFIC_US) * TRAFFIC_US;

const nameOf = ({ kind, edge: { log, caller, callee, operation } }: Deviation): string =>
  JSON.stringify([kind, log, caller, callee, operation]);

const toldName = (ruleId: string, of: Finding["labels"] | Judged): string =>
  JSON.stringify([ruleId, ...EDGE_NAMES.map((name) => of[name])]);

const isSame = (one: Finding["labels"], other: Finding["labels"]): boolean =>
  Object.keys(one).length === Object.keys(other).length &&
  Object.entries(one).every(([name, value]) => other[name] === value);
