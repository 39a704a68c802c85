/**
 * What is said of every run of a producer, as SQL over the `producers` table: chunks → runs → producers → states.
 *
 * - A run's numbers go from its start to its end. The end is the highest number seen or claimed by a heartbeat or
 *   close; the start is what a heartbeat's count says, else 1, or the first number seen when that is lower.
 *   `missing` is what was not seen between them, both included.
 * - A run is superseded when another one of the same producer began after it was heard last. It is closed when its
 *   close names its end. Else it is silent when nothing was heard for longer than `silent_after_us`.
 * - What is usual is learned from the producer's newest LEARNED_MINUTES minutes in which it was heard: its usual pause
 *   is the longest it made at least twice.
 */
import type { Params } from "../search/compile/sql.ts";
import { LEARNED_MINUTES, MIN_LEARNED_MINUTES } from "./producer-limits.ts";
import { originOf, producerRows } from "./producer-rows.ts";
import type { SharedLogs } from "./producer-rows.ts";
import { HEARD_CHUNK, NO_CHUNK, NO_NUMBER } from "./producer-table.ts";

export const PRODUCER_STATES = ["complete", "gap", "silent", "closed", "unnumbered"] as const;
export type ProducerState = (typeof PRODUCER_STATES)[number];

/** After how long without a sign of life a producer is silent; a trailing `*` stands for any ending of its id. */
export interface DeclaredInterval {
  readonly pattern: string;
  readonly us: number;
}

export interface SilenceRules {
  readonly declared: readonly DeclaredInterval[];
  /** For a producer of which nothing is declared and not enough is learned. */
  readonly defaultUs: number;
  /** Producers not heard of for so long are left out unless somebody asks for all. */
  readonly keepUs: number;
  readonly sharedLogs: SharedLogs;
}

/** The moment that the answer is about. */
export interface Now {
  readonly asOfUs: number;
  readonly listeningSinceUs: number;
}

const MINUTE_US = 60_000_000;
const PRODUCER = "log, producer_id, principal";

/** The columns of a run beside its producer's, out of its chunks. */
const RUN_COLUMNS: Readonly<Record<string, string>> = {
  producer_epoch: "producer_epoch",
  recorder_id: "argMaxMerge(chunk_recorder)",
  first_seen_us: "min(chunk_first_seen_us)",
  last_seen_us: "max(chunk_last_seen_us)",
  count: "sum(if(chunk < 0, 0, toInt64(chunk_held)))",
  numbered: "sum(if(chunk < 0, 0, toInt64(chunk_records)))",
  unnumbered: "sum(if(chunk < 0, toInt64(chunk_records), 0))",
  first_number: "min(chunk_first_number)",
  last_number: "max(chunk_last_number)",
  last_heartbeat_us: "max(chunk_last_heartbeat_us)",
  claimed_last: "max(chunk_claimed_last)",
  claimed_first: "min(chunk_claimed_first)",
  closed_us: "max(chunk_closed_us)",
  closed_last: "max(chunk_closed_last)",
};

const ofChunk = (aggregate: string, ...columns: readonly string[]): readonly string[] =>
  columns.map((column) => `${aggregate}(${column}) AS chunk_${column}`);

const CHUNK_COLUMNS: readonly string[] = [
  "groupBitmapMerge(numbers) AS chunk_held",
  ...ofChunk("argMaxMergeState", "recorder"),
  ...ofChunk("sum", "records"),
  ...ofChunk("min", "first_number", "first_seen_us", "claimed_first"),
  ...ofChunk("max", "last_number", "last_seen_us", "last_heartbeat_us", "claimed_last", "closed_us", "closed_last"),
];

/** Rows of `producers`, as `producerRows` gives them. */
interface Rows {
  readonly from: string;
  readonly origin: string;
}

const chunks = ({ from, origin }: Rows): string =>
  `SELECT ${PRODUCER}, producer_epoch, chunk, ${CHUNK_COLUMNS.join(", ")}, min(${origin}) AS chunk_origin ` +
  `FROM ${from} AND chunk >= ${NO_CHUNK} GROUP BY ${PRODUCER}, producer_epoch, chunk`;

const runs = (rows: Rows): string =>
  `SELECT ${PRODUCER}, min(chunk_origin) AS run_origin, ${Object.entries(RUN_COLUMNS)
    .map(([name, sql]) => `${sql} AS run_${name}`)
    .join(", ")} FROM (${chunks(rows)}) GROUP BY ${PRODUCER}, producer_epoch`;

const producers = (rows: Rows): string =>
  `SELECT ${PRODUCER}, min(run_origin) AS first_log, count() AS all_runs, max(run_first_seen_us) AS newest_first_us, ` +
  `groupArray((${Object.keys(RUN_COLUMNS)
    .map((name) => `run_${name}`)
    .join(", ")})) AS run_list FROM (${runs(rows)}) GROUP BY ${PRODUCER}`;

/** Of which producers the usual pause is worked out; of the others it is given as if nothing were learned. */
export type LearnedOf = "all" | "quiet" | "none";

/** Producers that have a run which may be silent: nobody's is before the shortest time that can be learned. */
const quiet = (from: string, asOf: string): string =>
  `SELECT ${PRODUCER} FROM (SELECT ${PRODUCER}, min(first_seen_us) AS first_us, max(last_seen_us) AS last_us ` +
  `FROM ${from} AND chunk >= ${NO_CHUNK} GROUP BY ${PRODUCER}, producer_epoch) ` +
  `GROUP BY ${PRODUCER} HAVING arrayExists(last -> last >= max(first_us) AND last < ${asOf} - ${silentAfterUs("1")}, ` +
  "groupArray(last_us))";

const silentAfterUs = (minutes: string): string => `(2 * ${minutes} + 1) * ${MINUTE_US}`;

function learned(from: string, of: LearnedOf, asOf: string): string {
  const whose = of === "quiet" ? `(${PRODUCER}) IN (${quiet(from, asOf)})` : of === "none" ? "0" : "1";
  const newest =
    `subBitmap(heard, toUInt64(greatest(heard_minutes, ${LEARNED_MINUTES}) - ${LEARNED_MINUTES}), ` +
    `${LEARNED_MINUTES})`;
  return (
    `SELECT ${PRODUCER}, groupBitmapMergeState(minutes) AS heard, bitmapCardinality(heard) AS heard_minutes, ` +
    `arrayReverseSort(arrayPopFront(arrayDifference(arraySort(bitmapToArray(${newest}))))) AS pauses, ` +
    `if(heard_minutes < ${MIN_LEARNED_MINUTES}, toInt64(0), toInt64(pauses[2])) AS usual_minutes ` +
    `FROM ${from} AND chunk = ${HEARD_CHUNK} AND ${whose} GROUP BY ${PRODUCER}`
  );
}

/** One row of everything that is said of a run. */
export const RUN_FACTS = [
  "log",
  "producer_id",
  "principal",
  ...Object.keys(RUN_COLUMNS),
  "restarts",
  "known_last",
  "known_first",
  "missing",
  "duplicates",
  "superseded",
  "closed",
  "usual_s",
  "silent_after_us",
  "silent_after_source",
  "silent",
  "state",
] as const;

function declaredUs(declared: readonly DeclaredInterval[], params: Params): string {
  const cases = declared.map(({ pattern, us }) => {
    const isPrefix = pattern.endsWith("*");
    const text = params.text(isPrefix ? pattern.slice(0, -1) : pattern);
    return `${isPrefix ? `startsWith(producer_id, ${text})` : `producer_id = ${text}`}, ${params.add(us, "Int64")}`;
  });
  return cases.length === 0 ? "toInt64(0)" : `multiIf(${cases.join(", ")}, toInt64(0))`;
}

/** Exact names before patterns, longer patterns before shorter ones: the first that fits holds. */
export function inOrderOfCloseness(declared: readonly DeclaredInterval[]): readonly DeclaredInterval[] {
  const rank = ({ pattern }: DeclaredInterval) => (pattern.endsWith("*") ? -1_000_000 : 0) + pattern.length;
  return declared.toSorted((one, other) => rank(other) - rank(one));
}

/** Rows of RUN_FACTS: every run of the producers for which `condition` (log, producer_id, principal) holds. */
export function runFacts(
  condition: string,
  learnedOf: LearnedOf,
  rules: SilenceRules,
  now: Now,
  params: Params,
): string {
  const from = producerRows(`(${condition})`, rules.sharedLogs, params);
  const asOf = params.add(now.asOfUs, "Int64");
  const since = params.add(now.listeningSinceUs, "Int64");
  const run = Object.keys(RUN_COLUMNS).map((name, place) => `run.${place + 1} AS ${name}`);
  const withLearned =
    `SELECT ${PRODUCER}, first_log, all_runs, newest_first_us, run_list, usual_minutes ` +
    `FROM (${producers({ from, origin: originOf(rules.sharedLogs) })}) AS seen ` +
    `LEFT JOIN (${learned(from, learnedOf, asOf)}) AS learned USING (${PRODUCER})`;
  return (
    `SELECT ${PRODUCER}, first_log, ${run.join(", ")}, toInt64(all_runs) - 1 AS restarts, ` +
    "greatest(last_number, claimed_last) AS known_last, " +
    // Without a count 0 is the end before the first record, and none of it is missing.
    `least(first_number, if(claimed_first = ${NO_NUMBER}, toInt64(1), claimed_first)) AS start, ` +
    "if(known_last < 0, toInt64(0), start) AS known_first, " +
    "if(known_last < 0, toInt64(0), known_last - known_first + 1 - count) AS missing, numbered - count AS duplicates, " +
    "newest_first_us > last_seen_us AS superseded, closed_us > 0 AND closed_last >= known_last AS closed, " +
    `usual_minutes * 60 AS usual_s, ${declaredUs(rules.declared, params)} AS declared_us, ` +
    `multiIf(declared_us > 0, declared_us, usual_minutes > 0, ${silentAfterUs("usual_minutes")}, ` +
    `${params.add(rules.defaultUs, "Int64")}) AS silent_after_us, ` +
    "multiIf(declared_us > 0, 'declared', usual_minutes > 0, 'learned', 'default') AS silent_after_source, " +
    `NOT closed AND NOT superseded AND ${asOf} - greatest(last_seen_us, ${since}) > silent_after_us AS silent, ` +
    "multiIf(missing > 0, 'gap', silent, 'silent', closed, 'closed', " +
    "known_last < 0 AND unnumbered > 0, 'unnumbered', 'complete') AS state " +
    `FROM (${withLearned}) ARRAY JOIN run_list AS run`
  );
}

/** What a reader asks for by name: gaps and silence hold beside other states. */
export function statePredicate(state: ProducerState | undefined): string {
  if (state === undefined) return "1";
  if (state === "gap") return "missing > 0";
  return state === "silent" ? "silent" : `state = '${state}'`;
}

/** Of a producer that is seen in several logs, the one that stands for all. */
export const IS_FIRST_LOG = "log = first_log";

/** Runs that matter now: heard of lately, and not both superseded and whole. */
export function heldNow({ keepUs }: SilenceRules, { asOfUs }: Now, params: Params): string {
  return `last_seen_us >= ${params.add(asOfUs - keepUs, "Int64")} AND (NOT superseded OR missing > 0)`;
}
