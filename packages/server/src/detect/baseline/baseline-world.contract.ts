/**
 * Traffic for tests of the baselines, made inside a real engine: hours that were learned long ago, five minutes that
 * are yet to be, and looks at them one by one. Each number of calls and the like is an expression of `edge` (from 0),
 * `us`, `hour` (of the day) and `day` (of the week, Monday is 1).
 */
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { DETECTOR_TABLES } from "../detectors/detector-follower.ts";
import { STEP_LIMITS } from "../detectors/detector-limits.ts";
import { TRAFFIC_US } from "../detectors/range-table.ts";
import type { Finding } from "../finding.ts";
import { Baselines } from "./baselines.ts";
import { keepDay, partsOf } from "./learn.ts";
import { DAY_US, HOUR_COLUMNS, HOUR_US, HOURS, TRAFFIC, TRAFFIC_COLUMNS } from "./traffic.ts";

/** A Monday. */
export const START_US = Date.UTC(2026, 9, 5) * 1_000;

export interface Traffic {
  readonly fromUs: number;
  readonly toUs: number;
  readonly edges?: number;
  readonly only?: string;
  /** Of the hour, or of the five minutes. */
  readonly calls: string;
  readonly errors?: string;
  /** log2 of a call's microseconds. */
  readonly took?: string;
  readonly bytes?: string;
  readonly credentials?: number;
  /** Of whatever is added to what is there already. */
  readonly part?: number;
}

const NAMES = "'default' AS log, concat('s', toString(edge)) AS caller, 'payments' AS callee, 'GET' AS operation";

const moments = ({ fromUs, toUs, edges = 1, only = "1" }: Traffic, stepUs: number): string =>
  `(SELECT * FROM (SELECT number % ${edges} AS edge, ${fromUs} + intDiv(number, ${edges}) * ${stepUs} AS us,
    intDiv(us, ${HOUR_US}) % 24 AS hour, (intDiv(us, ${DAY_US}) + 3) % 7 + 1 AS day
  FROM numbers(${((toUs - fromUs) / stepUs) * edges})) WHERE ${only})`;

const counted = ({ calls, errors = "0", took = "12.", bytes = "calls * 1000" }: Traffic): string =>
  `toUInt64(${calls}) AS calls, toUInt64(${errors}) AS errors, toFloat64(calls * (${took})) AS log_duration,
  toUInt64(${bytes}) AS bytes`;

export class BaselineWorld {
  readonly found: Finding[] = [];
  #baselines: Baselines;
  readonly #temporary: TemporaryIndex;

  private constructor(temporary: TemporaryIndex) {
    this.#temporary = temporary;
    this.#baselines = this.#make();
  }

  /** With nothing learned. */
  static async open(temporary: TemporaryIndex): Promise<BaselineWorld> {
    await temporary.index.deriver.prepare(DETECTOR_TABLES);
    const world = new BaselineWorld(temporary);
    await world.#baselines.empty();
    return world;
  }

  #make(): Baselines {
    return new Baselines({
      deriver: this.#temporary.index.deriver,
      sink: async (all) => void this.found.push(...all),
      learningUntilUs: () => 0,
      open: () => this.open(),
    });
  }

  /** What was told last of each thing, and has not ended. */
  open(): readonly Finding[] {
    const newest = new Map(this.found.map((one) => [JSON.stringify([one.ruleId, one.labels]), one]));
    return [...newest.values()].filter(({ state }) => state === "firing");
  }

  async learned(traffic: Traffic): Promise<void> {
    const sql = `INSERT INTO ${HOURS.name} (${HOUR_COLUMNS})
SELECT us AS hour_us, ${NAMES}, calls, errors, calls AS timed, log_duration, bytes,
  ${traffic.credentials ?? 1} AS credentials
FROM (SELECT *, ${counted(traffic)} FROM ${moments(traffic, HOUR_US)}) WHERE calls > 0`;
    const { deriver } = this.#temporary.index;
    await deriver.derive({ sql, params: {} }, STEP_LIMITS);
    const firstDayUs = Math.floor(traffic.fromUs / DAY_US) * DAY_US;
    for (let us = firstDayUs; us + DAY_US <= traffic.toUs; us += DAY_US)
      for (const part of partsOf(1)) await deriver.derive(keepDay(us, part), STEP_LIMITS);
  }

  async comes(traffic: Traffic): Promise<void> {
    const sql = `INSERT INTO ${TRAFFIC.name} (${TRAFFIC_COLUMNS})
SELECT us AS bucket_us, ${NAMES}, 'caller' AS side, 'default/2026-10' AS tree, ${traffic.part ?? 0} AS range_from,
  1 AS range_to, calls AS records, errors, calls AS timed, log_duration, bytes,
  range(toUInt64(${traffic.credentials ?? 1})) AS credentials
FROM (SELECT *, ${counted(traffic)} FROM ${moments(traffic, TRAFFIC_US)}) WHERE calls > 0`;
    await this.#temporary.index.deriver.derive({ sql, params: {} }, STEP_LIMITS);
  }

  /** As a start of the server does. */
  async restart(): Promise<void> {
    this.#baselines = this.#make();
    await this.#baselines.recover();
  }

  /** Looks every five minutes up to and with `toUs`, and gives what was told meanwhile. */
  async look(fromUs: number, toUs = fromUs): Promise<readonly Finding[]> {
    const before = this.found.length;
    for (let us = fromUs; us <= toUs; us += TRAFFIC_US) await this.#baselines.judge(us + TRAFFIC_US - 1);
    return this.found.slice(before);
  }
}

/** As `rate s7`. */
export const shortly = ({ ruleId, labels, state }: Finding): string =>
  [
    ruleId.replace("builtin/baseline-", ""),
    labels["caller"] ?? labels["scope"],
    ...(state === "firing" ? [] : [state]),
  ].join(" ");
