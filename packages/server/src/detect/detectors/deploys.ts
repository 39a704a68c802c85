/**
 * Calls that a deploy explains. A service that calls another for the first time has most often a new version that
 * does so, and who is told of each such change stops reading. What lets it be listed only: the caller's own records
 * have shown a version for so short a time that was not there before, nothing of the edge was denied or sensitive, and
 * others call the same operations of the callee. Asked only when an edge is new; what is not answered in time explains
 * nothing.
 */
import type { Deriver } from "../../index/derived-tables.ts";
import type { Statement } from "../../index/index-seam.ts";
import { RECORDS } from "../../index/schema/records.ts";
import { Params } from "../../search/compile/sql.ts";
import { instant } from "../../search/compile/times.ts";
import { DEPLOY_LIMITS, MAX_EDGE_OPERATIONS, MAX_GROUPS, SERVED_US, VERSION_SEEN_US } from "./detector-limits.ts";
import { FACTS, NAMED_CALLER } from "./facts.ts";
import type { FreshFact } from "./facts.ts";
import { OWN, RANGE_TABLE, RECEIVED_US } from "./range-table.ts";

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
  /** Some calls were denied, or of what is sensitive. */
  readonly grave: number;
}

interface Served {
  readonly log: string;
  readonly callee: string;
  readonly operation: string;
}

export const edgeKey = (log: string, caller: string, callee: string): string => JSON.stringify([log, caller, callee]);

/** The new edges of the range under way that a deploy explains, by `edgeKey`. `windowUs`: how long it does. */
export async function deploysOfEdges(
  deriver: Pick<Deriver, "select">,
  edges: readonly Edge[],
  windowUs: number,
): Promise<ReadonlyMap<string, Deploy>> {
  const ask = <Row>(statement: Statement): Promise<readonly Row[]> =>
    deriver.select<Row>(statement, DEPLOY_LIMITS).catch(() => []);
  if (edges.length === 0 || windowUs === 0) return new Map();
  const versions = await ask<VersionSeen>(versionsSeen(edges, windowUs));
  const deployed = new Map<string, Deploy>();
  for (const edge of edges) {
    const deploy = deployBefore(edge, versions, windowUs);
    if (deploy !== null) deployed.set(edgeKey(edge.log, edge.subject, edge.value), deploy);
  }
  if (deployed.size === 0) return deployed;
  const calls = await ask<EdgeCalls>(callsOf(edges));
  const served = await ask<Served>(servedBefore(calls, Math.min(...edges.map(({ first_us: us }) => us))));
  const known = new Set(served.map(({ log, callee, operation }) => JSON.stringify([log, callee, operation])));
  const ordinary = calls.filter(
    ({ log, callee, operations, grave }) =>
      grave === 0 &&
      operations.length <= MAX_EDGE_OPERATIONS &&
      operations.every((operation) => known.has(JSON.stringify([log, callee, operation]))),
  );
  const asOthers = new Set(ordinary.map(({ log, caller, callee }) => edgeKey(log, caller, callee)));
  return new Map([...deployed].filter(([key]) => asOthers.has(key)));
}

/** The newest version that the caller began within the window before the edge; null where it ran no other before. */
function deployBefore(edge: Edge, versions: readonly VersionSeen[], windowUs: number): Deploy | null {
  const { first_us: atUs } = edge;
  const own = versions.filter(({ log, caller }) => log === edge.log && caller === edge.subject);
  if (!own.some(({ first_us: us }) => us < atUs - windowUs)) return null;
  const begun = own.filter(({ first_us: us }) => us >= atUs - windowUs && us <= atUs);
  const newest = begun.toSorted((one, other) => other.first_us - one.first_us)[0];
  return newest === undefined ? null : { version: newest.version, sinceUs: newest.first_us };
}

const isAmong = (column: string, values: readonly string[], params: Params): string =>
  `${column} IN (SELECT arrayJoin(${params.add([...new Set(values)], "Array(String)")}))`;

/** Who takes a name that is not his tells nothing of its versions. */
function versionsSeen(edges: readonly Edge[], windowUs: number): Statement {
  const params = new Params();
  const times = edges.map(({ first_us: us }) => us);
  const from = instant(Math.min(...times) - windowUs - VERSION_SEEN_US, params);
  const logs = edges.map(({ log }) => log);
  const callers = edges.map(({ subject }) => subject);
  return params.statement(
    `SELECT toString(log) AS log, service_id AS caller, toString(service_version) AS version,
  min(${RECEIVED_US}) AS first_us
FROM ${RECORDS} WHERE ${isAmong("log", logs, params)} AND ${isAmong("service_id", callers, params)}
  AND observed_received_at >= ${from} AND observed_received_at <= ${instant(Math.max(...times), params)}
  AND side = 'caller' AND notEmpty(service_version) AND observed_standing != 'claimed' AND NOT (${OWN})
GROUP BY log, service_id, service_version ORDER BY first_us DESC LIMIT ${MAX_GROUPS}`,
  );
}

/** What was called of new edges, of the range under way. */
function callsOf(edges: readonly Edge[]): Statement {
  const params = new Params();
  const list = (of: (edge: Edge) => string) => params.add(edges.map(of), "Array(String)");
  const wanted = `arrayZip(${list(({ log }) => log)}, ${list(({ subject }) => subject)}, ${list(({ value }) => value)})`;
  return params.statement(
    `SELECT toString(log) AS log, ${NAMED_CALLER} AS caller, toString(callee) AS callee,
  groupUniqArray(${MAX_EDGE_OPERATIONS + 1})(toString(operation)) AS operations, max(denied OR sensitive) AS grave
FROM ${RANGE_TABLE.name} AS r WHERE has(${wanted}, (toString(r.log), ${NAMED_CALLER}, toString(r.callee)))
GROUP BY r.log, caller, r.callee`,
  );
}

/**
 * Operations that were called before the edges were there, hence by others: by those who are known to call the callees,
 * since records lie by their callers.
 */
function servedBefore(calls: readonly EdgeCalls[], beforeUs: number): Statement {
  const params = new Params();
  const received = `observed_received_at >= ${instant(beforeUs - SERVED_US, params)}
  AND observed_received_at < ${instant(beforeUs, params)}`;
  const operations = calls.flatMap((call) => call.operations);
  const callees = calls.map(({ callee }) => callee);
  const logs = calls.map(({ log }) => log);
  const isOfLog = isAmong("log", logs, params);
  return params.statement(
    `SELECT DISTINCT toString(log) AS log, toString(callee) AS callee, toString(operation) AS operation
FROM ${RECORDS} WHERE ${isOfLog} AND ${isAmong("callee", callees, params)}
  AND service_id IN (SELECT subject FROM ${FACTS.name}
    WHERE kind = 'edge' AND ${isOfLog} AND ${isAmong("value", callees, params)})
  AND ${isAmong("operation", operations, params)}
  AND ${received}
  AND side IN ('caller', 'callee') AND status != 'denied' AND observed_standing != 'claimed'
LIMIT ${params.add(operations.length * calls.length, "UInt64")}`,
  );
}
