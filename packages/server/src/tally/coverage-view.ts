/**
 * What is not seen from both sides, and what to switch on to close it: parties that only others record, edges of which
 * one side is missing, callers of whom nothing but an address is known.
 */
import { formatTimestamp } from "@tallystick/record";

import { allOf, Params } from "../search/compile/sql.ts";
import { scopePredicate, seesAllOf } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { COVERAGE_WHOLE, MAX_EDGES } from "./limits.ts";
import { listParties } from "./names-view.ts";
import type { Declarations, PartyShown } from "./names-view.ts";
import { edgeRows, limitsFor, OWN_SETTINGS, periodOf, timePredicate } from "./reading.ts";
import type { Period, PeriodUs, TallySources } from "./reading.ts";
import { CALLS, RECORDERS, STANDING } from "./schema.ts";
import { readSkews } from "./skew-view.ts";
import type { RecorderSkew } from "./skew-view.ts";

export type MissingSide = "caller" | "callee";

export interface UncoveredService {
  readonly service: string;
  /** Calls in which others name it, and from which side they see it. */
  readonly calls: number;
  readonly seen_as: readonly MissingSide[];
  readonly first_seen: string;
  readonly last_seen: string;
  readonly declared: PartyShown | null;
  /** What a platform engineer can do about it; null when it is declared one-sided. */
  readonly advice: string | null;
}

export interface UncoveredEdge {
  readonly caller: string;
  readonly callee: string;
  /** The side whose halves are missing. */
  readonly missing: MissingSide;
  readonly calls: number;
  readonly paired: number;
  readonly alone: number;
  /** Share of the calls of which both halves came, of those that the side that records recorded. */
  readonly coverage: number;
  readonly since: string;
  readonly declared: PartyShown | null;
  readonly advice: string | null;
}

export interface UnknownCallers {
  readonly callee: string;
  /** `10.1.2.0/24`; empty when not even an address is known. */
  readonly network: string;
  readonly calls: number;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly advice: string;
}

export interface CoverageAnswer {
  readonly services: readonly UncoveredService[];
  readonly edges: readonly UncoveredEdge[];
  readonly unknown_callers: readonly UnknownCallers[];
  readonly one_sided: readonly PartyShown[];
  readonly skews: readonly RecorderSkew[];
  readonly partial: boolean;
}

const DEFAULT_PERIOD = { from: "now-24h", to: undefined };
const MAX_RECORDERS = 100_000;
const MAX_UNKNOWN = 1_000;

interface EdgeRow {
  readonly caller: string;
  readonly callee: string;
  readonly calls: number;
  readonly paired: number;
  readonly caller_only: number;
  readonly callee_only: number;
  readonly unknown: number;
  readonly first_s: number;
  readonly last_s: number;
  readonly caller_only_s: number;
  readonly callee_only_s: number;
}

/** By recorder, the sides from which it records. */
type Recorders = ReadonlyMap<string, ReadonlySet<string>>;

export async function viewCoverage(
  sources: TallySources,
  declarations: Declarations,
  scope: Scope,
  request: Period,
  signal?: AbortSignal,
): Promise<CoverageAnswer> {
  const nowUs = sources.clock.nowUs();
  const period = periodOf(request.from === undefined ? { ...DEFAULT_PERIOD, to: request.to } : request, nowUs);
  const edges = await readEdges(sources, scope, period, nowUs, signal);
  const recorders = await readRecorders(sources, signal);
  const parties = listParties(declarations);
  const declared = new Map(parties.map((party) => [party.name, party]));
  return {
    services: uncoveredServices(edges.rows, recorders, declared),
    edges: edges.rows.flatMap((edge) => uncovered(edge, recorders, declared)),
    unknown_callers: await readUnknown(sources, scope, period, signal),
    one_sided: seenParties(parties, scope, edges.rows),
    skews: await readSkews(sources, period, visiblePairs(scope, edges.rows), signal),
    partial: edges.partial,
  };
}

/** Of services that the scope names, and of those that theirs deal with. */
function seenParties(parties: readonly PartyShown[], { services }: Scope, edges: readonly EdgeRow[]) {
  if (services === "*") return parties;
  const names = new Set([...services, ...edges.flatMap(({ caller, callee }) => [caller, callee])]);
  return parties.filter(({ name }) => names.has(name));
}

/** Skews are kept by recorder alone: who does not see everything sees those of edges that he sees. */
function visiblePairs(scope: Scope, edges: readonly EdgeRow[]): (caller: string, callee: string) => boolean {
  if (seesAllOf(scope, "*")) return () => true;
  const seen = new Set(edges.map(({ caller, callee }) => `${caller}\n${callee}`));
  return (caller, callee) => seen.has(`${caller}\n${callee}`);
}

function readEdges(sources: TallySources, scope: Scope, period: PeriodUs, nowUs: number, signal?: AbortSignal) {
  const params = new Params();
  const { from } = edgeRows(period, nowUs, scope, params);
  const seconds = (us: string) => `intDiv(${us}, 1000000)`;
  const statement = params.statement(
    `SELECT toString(caller) AS caller, toString(callee) AS callee, sum(calls) AS calls,
  sum(matched) + sum(discrepant) AS paired, sum(caller_only) AS caller_only, sum(callee_only) AS callee_only,
  sum(unknown_caller) AS unknown, ${seconds("min(first_us)")} AS first_s,
  ${seconds("max(last_us)")} AS last_s, ${seconds("minIf(first_us, caller_only > 0)")} AS caller_only_s,
  ${seconds("minIf(first_us, callee_only > 0)")} AS callee_only_s
${from} GROUP BY caller, callee ORDER BY sum(calls) DESC, caller, callee LIMIT ${MAX_EDGES}${OWN_SETTINGS}`,
  );
  return sources.reader.select<EdgeRow>(statement, limitsFor(MAX_EDGES), signal);
}

async function readRecorders({ reader }: TallySources, signal?: AbortSignal): Promise<Recorders> {
  const sql = `SELECT toString(recorder_id) AS recorder, groupUniqArray(toString(kind)) AS kinds FROM ${RECORDERS.name}
GROUP BY recorder LIMIT ${MAX_RECORDERS}`;
  type Row = { readonly recorder: string; readonly kinds: readonly string[] };
  const { rows } = await reader.select<Row>({ sql, params: {} }, limitsFor(MAX_RECORDERS), signal);
  return new Map(rows.map(({ recorder, kinds }) => [recorder, new Set(kinds)]));
}

async function readUnknown(
  { reader }: TallySources,
  scope: Scope,
  period: PeriodUs,
  signal?: AbortSignal,
): Promise<readonly UnknownCallers[]> {
  const params = new Params();
  const predicate = allOf([
    "state = 'unknown_caller'",
    STANDING,
    scopePredicate(scope, params, "calls"),
    timePredicate({ time: "minute" }, period, params),
  ]);
  const statement = params.statement(
    `SELECT toString(callee) AS callee, toString(network) AS network, count() AS calls,
  min(first_us) AS first_us, max(first_us) AS last_us
FROM ${CALLS.name} WHERE ${predicate} GROUP BY callee, network ORDER BY count() DESC, callee, network
LIMIT ${MAX_UNKNOWN}${OWN_SETTINGS}`,
  );
  type Row = Pick<UnknownCallers, "callee" | "network" | "calls"> & { first_us: number; last_us: number };
  const { rows } = await reader.select<Row>(statement, limitsFor(MAX_UNKNOWN), signal);
  return rows.map(({ first_us: firstUs, last_us: lastUs, ...row }) => ({
    ...row,
    first_seen: formatTimestamp(firstUs),
    last_seen: formatTimestamp(lastUs),
    advice: unknownAdvice(row),
  }));
}

function unknownAdvice({ callee, network }: Pick<UnknownCallers, "callee" | "network">): string {
  const where = network === "" ? "" : ` from ${network}`;
  return (
    `${callee} is called${where} by nobody that is known: give each caller an identity that ${callee} records ` +
    "(a key, a token or a certificate of its own), or declare who stands behind the addresses as aliases"
  );
}

function uncovered(edge: EdgeRow, recorders: Recorders, declared: ReadonlyMap<string, PartyShown>): UncoveredEdge[] {
  const sides = [
    ["callee", edge.callee, edge.caller_only, edge.caller_only_s],
    ["caller", edge.caller, edge.callee_only - edge.unknown, edge.callee_only_s],
  ] as const;
  return sides.flatMap(([missing, service, alone, sinceS]) => {
    const coverage = edge.paired / (edge.paired + alone);
    if (alone <= 0 || coverage >= COVERAGE_WHOLE) return [];
    const party = declared.get(service) ?? null;
    return {
      caller: edge.caller,
      callee: edge.callee,
      missing,
      calls: edge.calls,
      paired: edge.paired,
      alone,
      coverage,
      since: formatTimestamp(sinceS * 1_000_000),
      declared: party,
      advice: party === null ? edgeAdvice(service, missing, recorders.get(service), coverage) : null,
    };
  });
}

function edgeAdvice(service: string, missing: MissingSide, kinds: ReadonlySet<string> | undefined, coverage: number) {
  if (isAddress(service))
    return `${service} is an address: declare which service it is as an alias, or declare it one-sided`;
  const [done, other] =
    missing === "callee" ? ["that it receives", "calls it makes"] : ["that it makes", "calls it receives"];
  const instrumentation = missing === "callee" ? "server" : "client";
  if (kinds?.has(missing) === true)
    return coverage === 0
      ? `${service} records calls ${done}, none of this edge: check that its instrumentation covers this protocol`
      : `${service} records ${(100 * coverage).toFixed(0)}% of the calls of this edge: record all of them, or let one ` +
          "decision to sample hold for the whole trace";
  if (kinds === undefined)
    return `${service} records nothing: switch on its ${instrumentation} instrumentation, or declare it one-sided`;
  const records = kinds.has("caller") || kinds.has("callee") ? other : "heartbeats";
  return (
    `${service} records ${records}, none ${done}: switch on ${instrumentation} instrumentation, ` +
    "or declare it one-sided"
  );
}

const isAddress = (name: string) => name.startsWith("address:") || name === "unknown";

function uncoveredServices(
  edges: readonly EdgeRow[],
  recorders: Recorders,
  declared: ReadonlyMap<string, PartyShown>,
): readonly UncoveredService[] {
  const found = new Map<string, { calls: number; sides: Set<MissingSide>; firstS: number; lastS: number }>();
  for (const edge of edges) {
    for (const side of ["caller", "callee"] as const) {
      const service = edge[side];
      const isNode = side === "caller" && edge.unknown === edge.calls;
      if (recorders.has(service) || isNode) continue;
      const before = found.get(service);
      found.set(service, {
        calls: (before?.calls ?? 0) + edge.calls,
        sides: (before?.sides ?? new Set<MissingSide>()).add(side),
        firstS: Math.min(before?.firstS ?? Infinity, edge.first_s),
        lastS: Math.max(before?.lastS ?? 0, edge.last_s),
      });
    }
  }
  return [...found].map(([service, { calls, sides, firstS, lastS }]) => {
    const party = declared.get(service) ?? null;
    return {
      service,
      calls,
      seen_as: [...sides],
      first_seen: formatTimestamp(firstS * 1_000_000),
      last_seen: formatTimestamp(lastS * 1_000_000),
      declared: party,
      advice: party === null ? serviceAdvice(service) : null,
    };
  });
}

function serviceAdvice(service: string): string {
  if (isAddress(service)) return edgeAdvice(service, "callee", undefined, 0);
  return `${service} is known from others only: instrument it, or declare it one-sided when it is not yours to instrument`;
}
