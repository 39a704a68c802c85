/** The map: who calls whom, how often, how well, and how much of it is confirmed by both sides. */
import { formatTimestamp } from "@tallystick/record";

import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { scopePredicate } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { edgeName } from "./deadlines.ts";
import { quantilesUs } from "./durations.ts";
import type { DurationBuckets } from "./durations.ts";
import { EDGE_STATES } from "./edges.ts";
import type { EdgeState } from "./edges.ts";
import { MAX_EDGE_CREDENTIALS, MAX_EDGE_OPERATIONS, MAX_GRAPH_EDGES, MAX_RECORDERS } from "./limits.ts";
import { readPending } from "./pending.ts";
import type { PendingEdge, PendingRequest } from "./pending.ts";
import { edgeRows, limitsFor, OWN_SETTINGS, parseEdge, periodOf } from "./reading.ts";
import type { Edge, EdgeRows, Period, PeriodUs, TallySources } from "./reading.ts";
import { EDGE_CREDENTIALS, RECORDERS } from "./schema.ts";

export interface GraphRequest extends Period {
  /** Only edges that begin or end at it. */
  readonly service?: string | undefined;
  /** `caller:callee`; only that one. */
  readonly edge?: string | undefined;
  readonly protocol?: string | undefined;
  /** Each edge's operations as well. */
  readonly operations?: boolean | undefined;
  /** Calls that are not settled yet as well. */
  readonly pending?: boolean | undefined;
}

/** How the calls of an edge or of one of its operations went. Ratios are of 1, times in microseconds. */
export interface CallFigures {
  readonly calls: number;
  /** Over the part of the window that is settled; null when there is none. */
  readonly calls_per_second: number | null;
  /** Calls that ended with error or timeout, and their share. */
  readonly errors: number;
  readonly error_ratio: number;
  /** Calls that were refused: no errors. */
  readonly denied: number;
  /** Null when no half told a duration. */
  readonly p50_us: number | null;
  readonly p95_us: number | null;
  readonly p99_us: number | null;
  /** matched / (matched + discrepant + unpaired); null when no call could be compared. */
  readonly match_rate: number | null;
  readonly states: Readonly<Record<EdgeState, number>>;
  /** When the first half of the window's first and last call was received. */
  readonly first_seen: string;
  readonly last_seen: string;
  readonly protocols: readonly string[];
}

export interface GraphEdge extends CallFigures {
  readonly caller: string;
  readonly callee: string;
  /** That callees saw in calls which their callers confirm, last used first. */
  readonly credentials: readonly {
    readonly credential_id: string;
    readonly first_seen: string;
    readonly last_seen: string;
  }[];
  readonly operations?: readonly (CallFigures & { readonly operation: string })[];
}

/**
 * service: it records its own calls. counterpart: it never did, others name it. unknown_callers: whoever called a
 * service without a name, one node for each callee.
 */
export type ServiceKind = "service" | "counterpart" | "unknown_callers";

export interface GraphAnswer {
  readonly services: readonly { readonly name: string; readonly kind: ServiceKind }[];
  /** Most calls first. */
  readonly edges: readonly GraphEdge[];
  /** Calls that are not settled yet, provisionally and counted nowhere else; null unless asked for. */
  readonly pending: readonly PendingEdge[] | null;
  /** The window that was counted, in whole minutes, over more than six hours in whole hours. */
  readonly from: string;
  readonly to: string;
  /** Every call that came due before then is settled; later ones are not counted yet. Null before the first. */
  readonly settled_through: string | null;
  readonly partial: boolean;
  readonly elapsed_ms: number;
}

/** How far the tally has come. Microseconds. */
export interface Settled {
  readonly throughUs: number;
  readonly longestDeadlineUs: number;
}

/** Calls first received before then are settled. */
const settledBeforeUs = ({ throughUs, longestDeadlineUs }: Settled): number =>
  Math.max(0, throughUs - longestDeadlineUs);

export interface TallyState {
  readonly settled: Settled;
  readonly names: PendingRequest["names"];
}

const DEFAULT_FROM = "now-1h";

export async function readGraph(
  sources: TallySources,
  scope: Scope,
  request: GraphRequest,
  { settled, names }: TallyState,
  signal?: AbortSignal,
): Promise<GraphAnswer> {
  const { reader, clock } = sources;
  const started = clock.monotonicMs();
  const nowUs = clock.nowUs();
  const asked = periodOf({ from: request.from || DEFAULT_FROM, to: request.to || "now" }, nowUs);
  const params = new Params();
  const rows = edgeRows(asked, nowUs, scope, params);
  const wanted = `${rows.from} AND ${edgePredicate(request, params)}`;
  const found = await reader.select<EdgeRow>(edgesStatement(wanted, params), limitsFor(MAX_GRAPH_EDGES), signal);
  const operations =
    // An edge has the most restricted class of its calls' halves, and an operation is one half's own word.
    request.operations === true && scope.dataClasses === "*"
      ? await reader.select<OperationRow>(
          operationsStatement(wanted, params),
          limitsFor(MAX_GRAPH_EDGES * MAX_EDGE_OPERATIONS),
          signal,
        )
      : null;
  const credentials = await readCredentials(sources, scope, rows.period, signal);
  const pending =
    request.pending === true
      ? await readPending(
          sources,
          scope,
          {
            period: asked,
            sinceUs: settledBeforeUs(settled),
            predicate: (more) => edgePredicate(request, more),
            names,
          },
          signal,
        )
      : null;
  const seconds = settledSeconds(rows.period, settled);
  const byEdge = operations === null ? null : groupByEdge(operations.rows);
  const edges = found.rows.map((row) => ({
    caller: row.caller,
    callee: row.callee,
    ...figuresOf(row, seconds),
    credentials: (credentials.get(nameOf(row)) ?? []).map(credentialOf),
    ...(byEdge === null ? {} : { operations: (byEdge.get(nameOf(row)) ?? []).map((one) => operationOf(one, seconds)) }),
  }));
  return {
    services: servicesOf(edges, await readRecorders(sources, signal)),
    edges,
    pending,
    ...windowOf(rows, nowUs),
    settled_through: settled.throughUs === 0 ? null : formatTimestamp(settled.throughUs),
    partial: found.partial || operations?.partial === true,
    elapsed_ms: clock.monotonicMs() - started,
  };
}

/** What is added up of rows of the map: of one edge, or of all together. */
export const MEASURES = [
  "sum(calls) AS calls",
  "sumIf(calls, status IN ('error', 'timeout')) AS errors",
  "sumIf(calls, status = 'denied') AS denied",
  ...EDGE_STATES.map((state) => `sum(${state}) AS ${state}`),
  "sum(duration_sum_us) AS duration_sum_us",
  "sumMap(durations) AS durations",
  "min(first_us) AS first_us",
  "max(last_us) AS last_us",
].join(", ");

export interface MeasuredRow extends Readonly<Record<EdgeState, number>> {
  readonly calls: number;
  readonly errors: number;
  readonly denied: number;
  readonly duration_sum_us: number;
  readonly durations: DurationBuckets;
  readonly first_us: number;
  readonly last_us: number;
}

interface EdgeRow extends MeasuredRow, Edge {
  readonly protocols: readonly string[];
}

interface OperationRow extends EdgeRow {
  readonly operation: string;
}

export const nameOf = ({ caller, callee }: Edge): string => edgeName(caller, callee);

function groupByEdge<Row extends Edge>(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const byEdge = new Map<string, Row[]>();
  for (const row of rows) {
    const found = byEdge.get(nameOf(row));
    if (found === undefined) byEdge.set(nameOf(row), [row]);
    else found.push(row);
  }
  return byEdge;
}

const COLUMNS = `${MEASURES}, arraySort(groupUniqArray(protocol)) AS protocols`;

function edgePredicate({ service, edge, protocol }: GraphRequest, params: Params): string {
  const predicates: string[] = [];
  if (service !== undefined && service !== "") {
    const name = params.text(service);
    predicates.push(`(caller = ${name} OR callee = ${name})`);
  }
  if (edge !== undefined && edge !== "") {
    const { caller, callee } = parseEdge(edge);
    predicates.push(`caller = ${params.text(caller)} AND callee = ${params.text(callee)}`);
  }
  if (protocol !== undefined && protocol !== "") predicates.push(`protocol = ${params.text(protocol)}`);
  return predicates.length === 0 ? "1" : predicates.join(" AND ");
}

function edgesStatement(wanted: string, params: Params): Statement {
  return params.statement(
    `SELECT caller, callee, ${COLUMNS} ${wanted} GROUP BY caller, callee
ORDER BY sum(calls) DESC, caller, callee${OWN_SETTINGS}`,
  );
}

function operationsStatement(wanted: string, params: Params): Statement {
  return params.statement(
    `SELECT caller, callee, operation, ${COLUMNS} ${wanted} GROUP BY caller, callee, operation
ORDER BY sum(calls) DESC, operation LIMIT ${MAX_EDGE_OPERATIONS} BY caller, callee${OWN_SETTINGS}`,
  );
}

function figuresOf(row: EdgeRow, seconds: number): CallFigures {
  const [p50, p95, p99] = quantilesUs(row.durations, [0.5, 0.95, 0.99]);
  return {
    calls: row.calls,
    calls_per_second: seconds > 0 ? row.calls / seconds : null,
    errors: row.errors,
    error_ratio: row.errors / row.calls,
    denied: row.denied,
    p50_us: p50 ?? null,
    p95_us: p95 ?? null,
    p99_us: p99 ?? null,
    match_rate: matchRate(row),
    states: Object.fromEntries(EDGE_STATES.map((state) => [state, row[state]])) as Record<EdgeState, number>,
    first_seen: formatTimestamp(row.first_us),
    last_seen: formatTimestamp(row.last_us),
    protocols: row.protocols,
  };
}

const operationOf = (row: OperationRow, seconds: number) => ({ operation: row.operation, ...figuresOf(row, seconds) });

const credentialOf = ({ credential_id: id, first_us: firstUs, last_us: lastUs }: CredentialRow) => ({
  credential_id: id,
  first_seen: formatTimestamp(firstUs),
  last_seen: formatTimestamp(lastUs),
});

/** Null when no call could be compared with its other half. */
export function matchRate(states: Readonly<Record<EdgeState, number>>): number | null {
  const { matched, discrepant, unpaired_caller: unpairedCaller, unpaired_callee: unpairedCallee } = states;
  const comparable = matched + discrepant + unpairedCaller + unpairedCallee;
  return comparable === 0 ? null : matched / comparable;
}

/** How much of the window lies before the first call that may not be settled. */
function settledSeconds({ fromUs, toUs }: PeriodUs, settled: Settled): number {
  const endUs = Math.min(toUs ?? Infinity, settledBeforeUs(settled));
  return Math.max(0, endUs - (fromUs ?? 0)) / 1_000_000;
}

function windowOf({ period }: EdgeRows, nowUs: number): Pick<GraphAnswer, "from" | "to"> {
  return { from: formatTimestamp(period.fromUs ?? 0), to: formatTimestamp(period.toUs ?? nowUs) };
}

interface CredentialRow extends Edge {
  readonly credential_id: string;
  readonly first_us: number;
  readonly last_us: number;
}

/** By edge: what was used between the first and the last time it was seen, as far as that touches the window. */
async function readCredentials(
  { reader }: TallySources,
  scope: Scope,
  { fromUs, toUs }: PeriodUs,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, readonly CredentialRow[]>> {
  const params = new Params();
  // Which class a credential was used for is not kept, so who sees some classes only is shown none.
  const credentialsSeen = scope.dataClasses === "*" ? scopePredicate(scope, params, "calls") : "0";
  const statement = params.statement(
    `SELECT caller, callee, credential_id, min(first_us) AS first_us, max(last_us) AS last_us
FROM ${EDGE_CREDENTIALS.name} WHERE ${credentialsSeen} GROUP BY caller, callee, credential_id
HAVING max(last_us) >= ${params.add(fromUs ?? 0, "Int64")}
  AND min(first_us) < ${params.add(toUs ?? Number.MAX_SAFE_INTEGER, "Int64")}
ORDER BY max(last_us) DESC, credential_id LIMIT ${MAX_EDGE_CREDENTIALS} BY caller, callee${OWN_SETTINGS}`,
  );
  const { rows } = await reader.select<CredentialRow>(
    statement,
    limitsFor(MAX_GRAPH_EDGES * MAX_EDGE_CREDENTIALS),
    signal,
  );
  return groupByEdge(rows);
}

/** Who ever recorded a side of its own. */
async function readRecorders({ reader }: TallySources, signal: AbortSignal | undefined): Promise<ReadonlySet<string>> {
  const sql = `SELECT DISTINCT recorder_id FROM ${RECORDERS.name}`;
  const { rows } = await reader.select<{ recorder_id: string }>({ sql, params: {} }, limitsFor(MAX_RECORDERS), signal);
  return new Set(rows.map(({ recorder_id: name }) => name));
}

function servicesOf(edges: readonly GraphEdge[], recorders: ReadonlySet<string>): GraphAnswer["services"] {
  const kinds = new Map<string, ServiceKind>();
  for (const { caller, callee, calls, states } of edges) {
    const isUnknown = states.unknown_caller === calls;
    kinds.set(caller, isUnknown ? "unknown_callers" : recorders.has(caller) ? "service" : "counterpart");
    kinds.set(callee, recorders.has(callee) ? "service" : "counterpart");
  }
  return [...kinds].map(([name, kind]) => ({ name, kind })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
