/**
 * What it costs to know what is usual of many edges: all of them call in every five minutes of some weeks, which are
 * made inside an engine; then one range is counted, one hour learned, one look taken, and a few edges' own history
 * read, by the statements of the server and within its limits. Of each: seconds and the statement's peak memory.
 * `npm run bench -- baselines [--edges 100000] [--weeks 4]`
 */
import { parseArgs } from "node:util";

import { HISTORY_LIMITS, MAX_WATCHED } from "../packages/server/src/detect/baseline/baseline-limits.ts";
import { deviations } from "../packages/server/src/detect/baseline/judge.ts";
import type { Deviation } from "../packages/server/src/detect/baseline/judge.ts";
import { inHistory } from "../packages/server/src/detect/baseline/own-history.ts";
import { keepBaselines, keepDay, keepHour, partsOf } from "../packages/server/src/detect/baseline/learn.ts";
import {
  BASELINES,
  candidates,
  DAY_US,
  DAYS,
  HOUR_COLUMNS,
  HOUR_US,
  HOURS,
  keepTraffic,
  TRAFFIC,
  TRAFFIC_COLUMNS,
} from "../packages/server/src/detect/baseline/traffic.ts";
import type { Judged } from "../packages/server/src/detect/baseline/traffic.ts";
import { DETECTOR_TABLES } from "../packages/server/src/detect/detectors/detector-follower.ts";
import { STEP_LIMITS } from "../packages/server/src/detect/detectors/detector-limits.ts";
import { RANGE_TABLE, TRAFFIC_US } from "../packages/server/src/detect/detectors/range-table.ts";
import type { Deriver } from "../packages/server/src/index/derived-tables.ts";
import type { Statement } from "../packages/server/src/index/index-seam.ts";
import { openTemporaryIndex } from "../packages/server/src/index/engine/temporary-index.ts";
import { rounded } from "./measure.ts";

const { values: options } = parseArgs({
  options: { edges: { type: "string", default: "100000" }, weeks: { type: "string", default: "4" } },
});
const EDGES = Number(options.edges);
const NOW_US = Date.UTC(2026, 10, 2) * 1_000;
const HOURS_BACK = Number(options.weeks) * 168;
const FILL_LIMITS = { timeoutMs: 600_000, maxMemoryBytes: 800 * 1024 * 1024 };
const HOURS_AT_ONCE = 12;
const SAMPLE_MS = 20;

const NAMES =
  "'default' AS log, concat('service-', toString(edge % 5000)) AS caller, " +
  "concat('service-', toString(edge % 200)) AS callee, concat('GET /', toString(intDiv(edge, 5000))) AS operation";
const RANGE = "log, side, caller, callee, operation, credential_id, bucket_us, records, timed, log_duration, bytes";
/** Between 20 and 100 calls an hour, by day and night. */
const CALLS = "toUInt64(20 + cityHash64(edge, us) % 30 + 50 * (intDiv(us, 3600000000) % 24 BETWEEN 8 AND 17))";

const moments = (fromUs: number, toUs: number, stepUs: number): string =>
  `(SELECT number % ${EDGES} AS edge, ${fromUs} + intDiv(number, ${EDGES}) * ${stepUs} AS us
  FROM numbers(${((toUs - fromUs) / stepUs) * EDGES}))`;

const fill = (deriver: Deriver, sql: string) => deriver.derive({ sql, params: {} }, FILL_LIMITS);

async function fillHours(deriver: Deriver): Promise<void> {
  for (let back = HOURS_BACK; back > 1; back -= HOURS_AT_ONCE) {
    const to = NOW_US - Math.max(1, back - HOURS_AT_ONCE) * HOUR_US;
    await fill(
      deriver,
      `INSERT INTO ${HOURS.name} (${HOUR_COLUMNS}, moved, slowed)
SELECT us AS hour_us, ${NAMES}, ${CALLS} AS calls,
  intDiv(calls, 40) AS errors, calls AS timed, calls * 12.1 AS log_duration, calls * 900 AS bytes, 2 AS credentials,
  0.1 AS moved, 0.1 AS slowed
FROM ${moments(NOW_US - back * HOUR_US, to, HOUR_US)}`,
    );
  }
}

/** The last hour by five minutes, as both ends tell it. */
async function fillTraffic(deriver: Deriver): Promise<void> {
  for (const side of ["caller", "callee"])
    await fill(
      deriver,
      `INSERT INTO ${TRAFFIC.name} (${TRAFFIC_COLUMNS})
SELECT us AS bucket_us, ${NAMES}, '${side}' AS side,
  'default/2026-10' AS tree, 0 AS range_from, 1 AS range_to, intDiv(${CALLS}, 12) AS records, 0 AS errors,
  records AS timed, records * 12.1 AS log_duration, records * 900 * if(edge % 10007 = 0, 40, 1) AS bytes,
  [cityHash64(edge), 1] AS credentials
FROM ${moments(NOW_US - HOUR_US, NOW_US, TRAFFIC_US)}`,
    );
}

const fillRange = (deriver: Deriver): Promise<void> =>
  fill(
    deriver,
    `INSERT INTO ${RANGE_TABLE.name} (${RANGE})
SELECT log, 'callee', caller, callee, operation, caller, us, 1, 1, 12.1, 900
FROM (SELECT ${NAMES}, us FROM ${moments(NOW_US, NOW_US + TRAFFIC_US, TRAFFIC_US)})`,
  );

interface Cost {
  readonly seconds: number;
  readonly peak_mb: number;
  readonly failed?: string;
}

/** What it took, and the most memory that a statement of the engine held meanwhile, sampled. */
async function measured(watcher: Deriver, work: () => Promise<unknown>): Promise<Cost> {
  const done = new AbortController();
  let peak = 0;
  const watching = (async () => {
    while (!done.signal.aborted) {
      const sql = "SELECT max(peak_memory_usage) AS peak FROM system.processes";
      const [row] = await watcher.select<{ peak: number }>({ sql, params: {} }, FILL_LIMITS);
      peak = Math.max(peak, row?.peak ?? 0);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  })();
  const began = performance.now();
  const failed = await work().then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message.slice(0, 200) : String(error)),
  );
  const seconds = rounded((performance.now() - began) / 1_000, 2);
  done.abort();
  await watching;
  return { seconds, peak_mb: rounded(peak / 1e6, 0), ...(failed === null ? {} : { failed }) };
}

async function sizes(deriver: Deriver): Promise<Record<string, { rows: number; bytes: number }>> {
  const sql = `SELECT table AS name, toFloat64(sum(rows)) AS rows, toFloat64(sum(bytes_on_disk)) AS bytes
    FROM system.parts
    WHERE active AND table IN ('${HOURS.name}', '${DAYS.name}', '${TRAFFIC.name}', '${BASELINES.name}')
    GROUP BY table ORDER BY table`;
  const rows = await deriver.select<{ name: string; rows: number; bytes: number }>({ sql, params: {} }, FILL_LIMITS);
  return Object.fromEntries(rows.map(({ name, rows: count, bytes }) => [name, { rows: count, bytes }]));
}

async function main(): Promise<void> {
  const temporary = await openTemporaryIndex();
  const deriver = temporary.index.deriverOf("detectors");
  const watcher = temporary.index.deriverOf("watcher");
  await deriver.prepare(DETECTOR_TABLES);
  await fillHours(deriver);
  await fillTraffic(deriver);
  await fillRange(deriver);
  const range = { tree: "default/2026-11", from: 0, to: EDGES };
  const costs: Record<string, Cost> = {};
  const measure = async (name: string, work: () => Promise<unknown>) => {
    costs[name] = await measured(watcher, work);
    process.stderr.write(`${name}: ${JSON.stringify(costs[name])}\n`);
  };
  await measure("count_a_range", () => deriver.derive(keepTraffic(range), STEP_LIMITS));
  await measure("add_up_an_hour", () => deriver.derive(keepHour(NOW_US - HOUR_US), STEP_LIMITS));
  const inParts = async (statement: (part: string) => Statement) => {
    for (const part of partsOf(EDGES)) await deriver.derive(statement(part), STEP_LIMITS);
  };
  for (let us = NOW_US - HOURS_BACK * HOUR_US; us + DAY_US < NOW_US; us += DAY_US)
    await inParts((part) => keepDay(us, part));
  await measure("add_up_a_day", () => inParts((part) => keepDay(NOW_US - DAY_US, part)));
  await measure("learn_the_last_hour", () => inParts((part) => keepBaselines(NOW_US - HOUR_US, part)));
  await measure("learn_an_hour", () => inParts((part) => keepBaselines(NOW_US, part)));
  let found: readonly Deviation[] = [];
  await measure("look", async () => {
    const rows = await deriver.select<Judged>(candidates(NOW_US - HOUR_US, NOW_US), STEP_LIMITS);
    found = rows.flatMap((edge) => deviations(edge, () => false));
  });
  const watched = found.slice(0, MAX_WATCHED).map((deviation) => ({ deviation, beforeUs: NOW_US - HOUR_US }));
  let known = 0;
  await measure("own_history", async () => {
    known = (await inHistory(deriver, watched, NOW_US)).size;
  });
  const tables = await sizes(deriver);
  await temporary.close();
  process.stdout.write(
    `${JSON.stringify({
      edges: EDGES,
      hours: HOURS_BACK,
      limits: {
        learn_mb: rounded(STEP_LIMITS.maxMemoryBytes / 1e6, 0),
        history_mb: rounded(HISTORY_LIMITS.maxMemoryBytes / 1e6, 0),
      },
      costs,
      deviations: found.length,
      histories: `${known} of ${watched.length}`,
      tables,
    })}\n`,
  );
}

await main();
