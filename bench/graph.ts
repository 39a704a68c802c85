/**
 * The map of a fleet over a month: 30 days of edges are written straight into the tally's tables, by minute for the
 * newest six hours and by hour for all, the days are added up, and windows of the map are asked for, each as JSON.
 * Medians, warm; a cold one comes first.
 * `npm run bench -- graph [--services 300] [--edges 2000] [--days 30] [--runs 11]`
 */
import { parseArgs } from "node:util";

import { openTemporaryIndex } from "../packages/server/src/index/engine/temporary-index.ts";
import type { Deriver } from "../packages/server/src/index/derived-tables.ts";
import type { IndexReader } from "../packages/server/src/index/index-seam.ts";
import { realClock } from "../packages/server/src/real-clock.ts";
import { WHOLE_SCOPE } from "../packages/server/src/search/scope.ts";
import { EdgeDays } from "../packages/server/src/tally/edge-days.ts";
import { EdgeMetrics } from "../packages/server/src/tally/edge-metrics.ts";
import { readGraph } from "../packages/server/src/tally/graph.ts";
import type { GraphRequest } from "../packages/server/src/tally/graph.ts";
import { EDGE_COLUMNS, EDGES_1D, EDGES_1H, EDGES_1M, TALLY_TABLES } from "../packages/server/src/tally/schema.ts";
import type { EdgeTable } from "../packages/server/src/tally/schema.ts";
import { quantile, rounded } from "./measure.ts";

const { values: options } = parseArgs({
  options: {
    services: { type: "string", default: "300" },
    edges: { type: "string", default: "2000" },
    days: { type: "string", default: "30" },
    runs: { type: "string", default: "11" },
  },
});
const SERVICES = Number(options.services);
const EDGES = Number(options.edges);
const DAYS = Number(options.days);
const LIMITS = { timeoutMs: 600_000, maxMemoryBytes: 900_000_000 };
const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
/** Of an edge: operations, and statuses of each. */
const OPERATIONS = 2;
const NO_NAMES = { aliasNames: [], aliasServices: [] };
const STATUSES = ["success", "error"];

/** Rows of every edge, operation and status for `count` times from `fromS` on. */
async function fill(deriver: Deriver, { name, time }: EdgeTable, fromS: number, count: number, widthS: number) {
  const perTime = EDGES * OPERATIONS * STATUSES.length;
  const atOnce = Math.max(1, Math.floor(500_000 / perTime));
  for (let done = 0; done < count; done += atOnce) {
    const rows = Math.min(atOnce, count - done) * perTime;
    await deriver.derive(
      { sql: filling(name, time, fromS + done * widthS, rows, perTime, widthS), params: {} },
      LIMITS,
    );
    process.stderr.write(`\r${name}: ${Math.min(count, done + atOnce)} of ${count} ${time}s`);
  }
  process.stderr.write("\n");
}

function filling(name: string, time: string, fromS: number, rows: number, perTime: number, widthS: number): string {
  const [edge, operation, status] = [
    `number % ${EDGES}`,
    `intDiv(number, ${EDGES}) % 2`,
    `intDiv(number, ${EDGES * 2}) % 2`,
  ];
  const at = `${fromS} + intDiv(number, ${perTime}) * ${widthS}`;
  // A few edges carry most calls; a status other than success is rarer and not there every time.
  const calls = `toUInt64(1 + ${widthS} * 20 / (1 + ${edge}) / if(failed, 50, 1))`;
  return `INSERT INTO ${name} (${time}, version, ${EDGE_COLUMNS})
SELECT toDateTime(at, 'UTC') AS ${time}, 1 AS version, 'default' AS log, '' AS data_class,
  concat('service-', toString(edge % ${SERVICES})) AS caller,
  concat('service-', toString((edge + 1 + intDiv(edge, ${SERVICES}) * 37) % ${SERVICES})) AS callee,
  concat('POST /operations/', toString(operation)) AS operation, 'http' AS protocol,
  if(failed, 'error', 'success') AS status,
  n AS calls, n - intDiv(n, 100) AS matched, intDiv(n, 200) AS discrepant, 0 AS unpaired_caller, 0 AS unpaired_callee,
  intDiv(n, 100) - intDiv(n, 200) AS one_sided, 0 AS unknown_caller, intDiv(n, 200) AS caller_only, 0 AS callee_only,
  n * 20000 AS duration_sum_us, n * 500 AS network_sum_us,
  mapFromArrays(arrayMap(b -> toUInt16(b + 88 + edge % 40), range(least(24, toUInt64(1 + log2(n) * 2)))),
    arrayMap(b -> toUInt64(1 + n / 24), range(least(24, toUInt64(1 + log2(n) * 2))))) AS durations,
  toInt64(at) * 1000000 AS first_us, toInt64(at + ${widthS} - 1) * 1000000 AS last_us
FROM (
  SELECT ${edge} AS edge, ${operation} AS operation, ${status} = 1 AS failed, ${at} AS at, ${calls} AS n
  FROM numbers(${rows})
) WHERE NOT failed OR cityHash64(edge, operation, at) % 10 < 3`;
}

async function main(): Promise<void> {
  const temporary = await openTemporaryIndex();
  try {
    const { deriver } = temporary.index;
    await deriver.prepare(TALLY_TABLES);
    const endS = Math.floor(Date.now() / 1_000 / HOUR_S) * HOUR_S;
    await fill(deriver, EDGES_1H, endS - DAYS * DAY_S, DAYS * 24, HOUR_S);
    await fill(deriver, EDGES_1M, endS - 6 * HOUR_S, 360, 60);
    const startDay = performance.now();
    await addDaysUp(deriver);
    const daysMs = performance.now() - startDay;
    const ask = (request: GraphRequest) => timed(temporary.index.reader, request);
    const month = { from: new Date((endS - DAYS * DAY_S) * 1_000).toISOString() };
    const result = {
      bench: "graph",
      services: SERVICES,
      edges: EDGES,
      days: DAYS,
      rows: await rowsOf(deriver),
      day_added_up_ms: rounded(daysMs / DAYS),
      whole_window: await ask(month),
      whole_window_with_operations: await ask({ ...month, operations: true }),
      whole_window_one_service: await ask({ ...month, service: "service-7" }),
      last_week: await ask({ from: "now-7d" }),
      last_six_hours_by_minute: await ask({ from: "now-6h/m" }),
      last_hour: await ask({}),
      metrics: await scraped(temporary.index.reader),
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await temporary.close();
  }
}

/** As the tally does when it has nothing else to do. */
async function addDaysUp(deriver: Deriver): Promise<void> {
  const days = new EdgeDays(deriver, realClock());
  for (let day = 0; day <= DAYS; day += 1) await days.count();
}

async function rowsOf(deriver: Deriver): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name } of [EDGES_1M, EDGES_1H, EDGES_1D]) {
    const rows = await deriver.select<{ count: number }>(
      { sql: `SELECT count() AS count FROM ${name}`, params: {} },
      LIMITS,
    );
    counts[name] = rows[0]?.count ?? 0;
  }
  return counts;
}

async function timed(reader: IndexReader, request: GraphRequest) {
  const clock = realClock();
  const settled = { throughUs: clock.nowUs(), longestDeadlineUs: 60_000_000 };
  const ms: number[] = [];
  let edges = 0;
  let kilobytes = 0;
  for (let run = 0; run <= Number(options.runs); run += 1) {
    const started = performance.now();
    const answer = await readGraph({ reader, clock }, WHOLE_SCOPE, request, { settled, names: NO_NAMES });
    kilobytes = Math.round(JSON.stringify(answer).length / 1_000);
    ms.push(performance.now() - started);
    edges = answer.edges.length;
  }
  const [cold = 0, ...warm] = ms;
  warm.sort((a, b) => a - b);
  return {
    median_ms: rounded(quantile(warm, 0.5)),
    max_ms: rounded(warm.at(-1) ?? 0),
    cold_ms: rounded(cold),
    edges,
    kilobytes,
  };
}

/** A scrape every fifteen seconds. */
async function scraped(reader: IndexReader) {
  const clock = realClock();
  let scrapes = 0;
  const slow = { ...clock, monotonicMs: () => scrapes * 15_000 };
  const settled = { throughUs: clock.nowUs(), longestDeadlineUs: 60_000_000 };
  const metrics = new EdgeMetrics({ reader, clock: slow }, () => settled);
  const ms: number[] = [];
  let kilobytes = 0;
  const before = process.cpuUsage();
  for (; scrapes <= Number(options.runs); scrapes += 1) {
    const started = performance.now();
    kilobytes = Math.round((await metrics.text()).length / 1_000);
    ms.push(performance.now() - started);
  }
  const { user, system } = process.cpuUsage(before);
  const [first = 0, ...later] = ms;
  later.sort((a, b) => a - b);
  const cpuMs = (user + system) / 1_000 / ms.length;
  return {
    first_ms: rounded(first),
    median_ms: rounded(quantile(later, 0.5)),
    cpu_without_engine_ms: rounded(cpuMs),
    kilobytes,
  };
}

await main();
