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
import {
  BASELINE_KINDS,
  baselineRule,
  deviations,
  EDGE_NAMES,
  edgeFinding,
  fleetFinding,
  isCertain,
  nameOf,
  partFleets,
} from "./judge.ts";
import type { Deviation, Parted } from "./judge.ts";
import { inHistory, isRare, rarity } from "./own-history.ts";
import { keepBaselines, keepDay, keepHour, partsOf } from "./learn.ts";
import {
  BASELINE_TABLES,
  BASELINES,
  candidates,
  DAY_US,
  HOUR_US,
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
  /** What deviated at the look before, and what of it with the whole fleet. */
  #before: ReadonlySet<string> = new Set();
  #ofFleet: ReadonlySet<string> = new Set();

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
    // The newest hour was learned in parts, perhaps not in all of them: it is learned again.
    this.#hourUs = learned === 0 ? Math.floor(first / HOUR_US) * HOUR_US : learned - HOUR_US;
    this.#judgedUs = Math.max(first, learned);
    await this.#countEdges();
  }

  async empty(): Promise<void> {
    for (const table of BASELINE_TABLES) await this.#parts.deriver.empty(table);
    [this.#judgedUs, this.#hourUs] = [0, 0];
    this.#before = new Set();
    this.#ofFleet = new Set();
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
      const parts = partsOf([...this.#edges.values()].reduce((sum, edges) => sum + edges, 0));
      await deriver.derive(keepHour(us - HOUR_US), STEP_LIMITS);
      const isDayOver = us % DAY_US === 0;
      for (const part of isDayOver ? parts : []) await deriver.derive(keepDay(us - DAY_US, part), STEP_LIMITS);
      for (const part of parts) await deriver.derive(keepBaselines(us, part), STEP_LIMITS);
      this.#hourUs = us;
      if ((us / HOUR_US) % FORGET_EVERY_HOURS === 0) {
        await this.#countEdges();
        for (const [table, first] of firstNeeded(us)) await dropOld(deriver, table, first);
      }
    }
  }

  async #countEdges(): Promise<void> {
    const newest = `SELECT max(hour_us) FROM ${BASELINES.name}`;
    const sql = `SELECT toString(log) AS log, count() AS edges FROM ${BASELINES.name} FINAL
WHERE hour_us = (${newest}) GROUP BY log`;
    const rows = await this.#parts.deriver.select<{ log: string; edges: number }>({ sql, params: {} }, STEP_LIMITS);
    this.#edges = new Map(rows.map(({ log, edges }) => [log, edges]));
  }

  async #judgeAt(toUs: number): Promise<void> {
    const { deriver, sink, learningUntilUs } = this.#parts;
    const hourUs = Math.floor((toUs - TRAFFIC_US) / HOUR_US) * HOUR_US;
    const rows = await deriver.select<Judged>(candidates(hourUs, toUs), STEP_LIMITS);
    const open = this.#parts.open();
    const sinceUs = new Map(open.map(({ ruleId, labels, startsAtUs }) => [toldName(ruleId, labels), startsAtUs]));
    const found = rows.flatMap((edge) => deviations(edge, (kind) => sinceUs.has(toldName(baselineRule(kind), edge))));
    const parted = partFleets(
      found,
      (log) => this.#edges.get(log) ?? 0,
      (one) => this.#ofFleet.has(nameOf(one)),
    );
    const bare = (await this.#told(parted, sinceUs, toUs)).map((finding) => ({
      ...finding,
      // In a log's first days they are listed and notify nobody.
      quiet: toUs < learningUntilUs(finding.labels["log"]!),
    }));
    const toldOf = ({ ruleId, labels }: Finding) =>
      open.find((one) => one.ruleId === ruleId && isSame(one.labels, labels))?.records ?? null;
    const firing = await withExamples(deriver, bare, toldOf, toUs);
    const over = open
      .filter(({ ruleId, seenAtUs }) => RULES.has(ruleId) && seenAtUs + OVER_AFTER_US < toUs)
      .filter((last) => !firing.some((one) => one.ruleId === last.ruleId && isSame(one.labels, last.labels)))
      .map((last): Finding => ({ ...last, state: "resolved", seenAtUs: toUs, records: [] }));
    if (firing.length + over.length > 0) await sink([...firing, ...over]);
    this.#before = new Set(found.map(nameOf));
    this.#ofFleet = new Set(parted.fleets.flat().map(nameOf));
  }

  /** What is certain, was there at the look before, or is rare in the edge's own history. */
  async #told(
    { alone, fleets }: Parted,
    sinceUs: ReadonlyMap<string, number>,
    toUs: number,
  ): Promise<readonly Finding[]> {
    const isHeld = (one: Deviation): boolean => isCertain(one) || this.#before.has(nameOf(one));
    // Whose telling depends upon it is asked for first, of the others only for the words.
    const watched = alone
      .toSorted((a, b) => Number(isHeld(a)) - Number(isHeld(b)) || b.surprise - a.surprise)
      .map((deviation) => {
        const began = sinceUs.get(toldName(baselineRule(deviation.kind), deviation.edge)) ?? toUs;
        return { deviation, beforeUs: Math.min(began + TRAFFIC_US, toUs) - HOUR_US };
      });
    const histories = await inHistory(this.#parts.deriver, watched, toUs);
    const at = { startsAtUs: toUs - TRAFFIC_US, seenAtUs: toUs };
    const edges = alone.flatMap((one) => {
      const history = histories.get(nameOf(one));
      if (!isHeld(one) && !isRare(history)) return [];
      return [edgeFinding(history === undefined ? one : { ...one, rarity: rarity(history) }, at)];
    });
    return [...edges, ...fleets.filter((alike) => alike.some(isHeld)).map((alike) => fleetFinding(alike, at))];
  }
}

const endBefore = (us: number): number => Math.floor((us - BUCKET_GRACE_US) / TRAFFIC_US) * TRAFFIC_US;

const toldName = (ruleId: string, of: Finding["labels"] | Judged): string =>
  JSON.stringify([ruleId, ...EDGE_NAMES.map((name) => of[name])]);

const isSame = (one: Finding["labels"], other: Finding["labels"]): boolean =>
  Object.keys(one).length === Object.keys(other).length &&
  Object.entries(one).every(([name, value]) => other[name] === value);
