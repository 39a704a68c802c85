/**
 * Calls that a deploy explains. A service that calls another for the first time does so, most often, because its new
 * version does; a fleet that notifies of each has readers who no longer look. Such an edge is listed only, when
 * - the caller's own records show a version that began a short time ago, and another one before it;
 * - nothing of the edge was denied, sensitive, or recorded by somebody in the caller's name;
 * - others call the same operations of the callee.
 * It is looked at again with each range until the time is over: what does more than that is told after all. What the
 * engine does not answer in time explains nothing.
 */
import type { Statement } from "../../index/index-seam.ts";
import type { AskRows } from "../../index/newest.ts";
import { RECORDS } from "../../index/schema/records.ts";
import { Params } from "../../search/compile/sql.ts";
import { instant } from "../../search/compile/times.ts";
import type { Finding } from "../finding.ts";
import { counted, findingOf, recordOf } from "./detector.ts";
import type { Place } from "./detector.ts";
import {
  DEPLOY_SLACK_US,
  MAX_DEPLOY_EDGES,
  MAX_EDGE_OPERATIONS,
  MAX_GROUPS,
  SERVED_US,
  SHOWN_VALUES,
  VERSION_SEEN_US,
} from "./detector-limits.ts";
import { FACTS, FIRST_PLACE, NAMED_CALLER } from "./facts.ts";
import type { FreshFact } from "./facts.ts";
import { OWN, RANGE_TABLE, RECEIVED_US } from "./range-table.ts";

/** A new edge, as a fact: who calls, whom, and since when. */
type Edge = Pick<FreshFact, "log" | "subject" | "value" | "first_us">;

/** The version that a caller began to run, and since when. */
export interface Deploy {
  readonly version: string;
  readonly sinceUs: number;
}

interface VersionSeen {
  readonly log: string;
  readonly caller: string;
  readonly version: string;
  readonly first_us: number;
}

interface EdgeCalls {
  readonly log: string;
  readonly caller: string;
  readonly callee: string;
  readonly operations: readonly string[];
  /** Some calls were denied, of what is sensitive, or told by who is not the caller. */
  readonly grave: number;
  readonly first_us: number;
  readonly last_us: number;
  readonly records: number;
  readonly place: Place;
}

interface Served {
  readonly log: string;
  readonly callee: string;
  readonly operation: string;
}

export const FIRST_SEEN_EDGE = "first-seen-edge";
export const edgeKey = (log: string, caller: string, callee: string): string => JSON.stringify([log, caller, callee]);
const keyOf = ({ log, subject, value }: Edge): string => edgeKey(log, subject, value);
const servedKey = ({ log, callee, operation }: Served): string => JSON.stringify([log, callee, operation]);

/** The new edges of the range under way that a deploy explains, by `edgeKey`; of very many at once none. */
export async function deploysOfEdges(
  ask: AskRows,
  edges: readonly Edge[],
  windowUs: number,
): Promise<ReadonlyMap<string, Deploy>> {
  if (edges.length === 0 || edges.length > MAX_DEPLOY_EDGES || windowUs === 0) return new Map();
  const versions = await ask<VersionSeen>(versionsSeen(edges, windowUs));
  const deployed = new Map<string, Deploy>();
  for (const edge of edges) {
    const deploy = deployBefore(edge, versions, windowUs);
    if (deploy !== null) deployed.set(keyOf(edge), deploy);
  }
  const explained = edges.filter((edge) => deployed.has(keyOf(edge)));
  for (const { log, caller, callee } of (await unlikeOthers(ask, explained)).odd)
    deployed.delete(edgeKey(log, caller, callee));
  return deployed;
}

/** Edges that were listed as a deploy's and do now what others do not: findings of the same alerts, which notify. */
export async function widenedEdges(
  ask: AskRows,
  listed: readonly Finding[],
  windowUs: number,
): Promise<readonly Finding[]> {
  const edges = listed
    .filter(({ ruleId, quiet }) => quiet && ruleId === `builtin/${FIRST_SEEN_EDGE}`)
    .map(({ labels: { log = "", caller = "", callee = "" }, startsAtUs }) => ({
      log,
      subject: caller,
      value: callee,
      first_us: startsAtUs,
    }))
    .filter(({ value }) => value !== "")
    .toSorted((one, other) => other.first_us - one.first_us)
    .slice(0, MAX_DEPLOY_EDGES);
  if (edges.length === 0) return [];
  const { odd, known } = await unlikeOthers(ask, edges);
  const began = new Map(edges.map((edge) => [keyOf(edge), edge.first_us]));
  return odd
    .filter(({ log, caller, callee, first_us: us }) => us <= began.get(edgeKey(log, caller, callee))! + windowUs)
    .toSorted((one, other) => one.first_us - other.first_us)
    .map((calls) => widened(calls, known));
}

function widened(calls: EdgeCalls, known: ReadonlySet<string>): Finding {
  const { log, caller, callee, operations, first_us: startsAtUs, last_us: seenAtUs, records, place } = calls;
  const own = operations.filter((operation) => !known.has(servedKey({ log, callee, operation })));
  const what = (own.length > 0 ? own : operations).slice(0, SHOWN_VALUES).join(", ");
  return findingOf({
    detector: FIRST_SEEN_EDGE,
    labels: { log, caller, callee },
    startsAtUs,
    seenAtUs,
    summary: `${caller} calls ${callee} for the first time, and does there what others do not`,
    expected: "what its new version shares with other callers",
    seen: `${counted(records, "record")} of ${what}${own.length > 0 ? "" : ", denied, sensitive or in another's name"}`,
    records: [recordOf(place)],
    count: records,
  });
}

/** Of the edges' calls in the range under way, those beyond what others did before; and what others did. */
async function unlikeOthers(ask: AskRows, edges: readonly Edge[]) {
  const calls = edges.length === 0 ? [] : await ask<EdgeCalls>(callsOf(edges));
  const beforeUs = Math.min(...edges.map(({ first_us: us }) => us));
  const served = calls.length === 0 ? [] : await ask<Served>(servedBefore(calls, beforeUs));
  const known = new Set(served.map(servedKey));
  const odd = calls.filter(
    ({ log, callee, operations, grave }) =>
      grave === 1 ||
      operations.length > MAX_EDGE_OPERATIONS ||
      operations.some((operation) => !known.has(servedKey({ log, callee, operation }))),
  );
  return { odd, known };
}

/** The newest version that the caller began within the window before the edge; null where it ran no other before. */
function deployBefore(edge: Edge, versions: readonly VersionSeen[], windowUs: number): Deploy | null {
  const { first_us: atUs } = edge;
  const own = versions.filter(({ log, caller }) => log === edge.log && caller === edge.subject);
  if (!own.some(({ first_us: us }) => us < atUs - windowUs)) return null;
  // The callee's record may come before any of the caller's.
  const begun = own.filter(({ first_us: us }) => us >= atUs - windowUs && us <= atUs + DEPLOY_SLACK_US);
  const newest = begun.toSorted((one, other) => other.first_us - one.first_us)[0];
  return newest === undefined ? null : { version: newest.version, sinceUs: newest.first_us };
}

const isAmong = (column: string, values: readonly string[], params: Params): string =>
  `${column} IN (SELECT arrayJoin(${params.add([...new Set(values)], "Array(String)")}))`;

/** Who takes a name that is not his tells nothing of its versions, and a proxy's version is the proxy's. */
function versionsSeen(edges: readonly Edge[], windowUs: number): Statement {
  const params = new Params();
  const times = edges.map(({ first_us: us }) => us);
  const logs = edges.map(({ log }) => log);
  const callers = edges.map(({ subject }) => subject);
  return params.statement(
    `SELECT toString(log) AS log, service_id AS caller, toString(service_version) AS version,
  min(${RECEIVED_US}) AS first_us
FROM ${RECORDS} WHERE ${isAmong("log", logs, params)} AND ${isAmong("service_id", callers, params)}
  AND observed_received_at >= ${instant(Math.min(...times) - windowUs - VERSION_SEEN_US, params)}
  AND observed_received_at <= ${instant(Math.max(...times) + DEPLOY_SLACK_US, params)}
  AND side = 'caller' AND recorder_id = service_id AND notEmpty(service_version)
  AND observed_standing != 'claimed' AND NOT (${OWN})
GROUP BY log, service_id, service_version ORDER BY first_us DESC LIMIT ${MAX_GROUPS}`,
  );
}

/** What was called of edges, of the range under way. */
function callsOf(edges: readonly Edge[]): Statement {
  const params = new Params();
  const list = (of: (edge: Edge) => string) => params.add(edges.map(of), "Array(String)");
  const wanted = `arrayZip(${list(({ log }) => log)}, ${list(({ subject }) => subject)}, ${list(({ value }) => value)})`;
  return params.statement(
    `SELECT toString(log) AS log, ${NAMED_CALLER} AS caller, toString(callee) AS callee,
  groupUniqArray(${MAX_EDGE_OPERATIONS + 1})(toString(operation)) AS operations,
  max(denied OR sensitive OR standing = 'claimed') AS grave, min(r.first_us) AS first_us, max(r.last_us) AS last_us,
  toUInt64(sum(r.records)) AS records, ${FIRST_PLACE} AS place
FROM ${RANGE_TABLE.name} AS r WHERE has(${wanted}, (toString(r.log), ${NAMED_CALLER}, toString(r.callee)))
GROUP BY r.log, caller, r.callee`,
  );
}

/**
 * Operations that somebody called with success before the edges were there, hence others: those who are known to call
 * the callees, since records lie by their callers.
 */
function servedBefore(calls: readonly EdgeCalls[], beforeUs: number): Statement {
  const params = new Params();
  const pairs = calls.flatMap(({ callee, operations }) => operations.map((operation) => ({ callee, operation })));
  const callees = pairs.map(({ callee }) => callee);
  const logs = calls.map(({ log }) => log);
  const isOfLog = isAmong("log", logs, params);
  const wanted = `arrayZip(${params.add(callees, "Array(String)")}, ${params.add(
    pairs.map(({ operation }) => operation),
    "Array(String)",
  )})`;
  return params.statement(
    `SELECT DISTINCT toString(log) AS log, toString(callee) AS callee, toString(operation) AS operation
FROM ${RECORDS} WHERE ${isOfLog}
  AND service_id IN (SELECT subject FROM ${FACTS.name}
    WHERE kind = 'edge' AND ${isOfLog} AND ${isAmong("value", callees, params)})
  AND (toString(callee), toString(operation)) IN (SELECT arrayJoin(${wanted}))
  AND observed_received_at >= ${instant(beforeUs - SERVED_US, params)}
  AND observed_received_at < ${instant(beforeUs, params)}
  AND side IN ('caller', 'callee') AND status = 'success' AND phase != 'intent' AND observed_standing != 'claimed'
LIMIT ${params.add(pairs.length * new Set(logs).size, "UInt64")}`,
  );
}
