/**
 * What a call's two halves say of each other, as SQL over the grouped columns (`c_` the caller's half, `d_` the
 * callee's). One break a field, with both values and the tolerance; a call whose halves agree has none. What a half
 * does not tell is never a break.
 */
import type { Params } from "../search/compile/sql.ts";
import { EDGE_CREDENTIALS, GROUPED_COLUMNS, namesOf, RECORDERS, SKEWS } from "./schema.ts";
import { SKEW_HOURS, SKEW_MIN_CALLS } from "./limits.ts";

export interface Tolerances {
  readonly sizeBytes: number;
  /** How far the callee's interval may reach out of the caller's, after the known skew of their clocks. */
  readonly timeUs: number;
  /** The same while the skew of the two is not known. */
  readonly unknownSkewUs: number;
}

/** What a step knows beyond the halves themselves. */
export interface Knowledge {
  readonly tolerances: Tolerances;
  /** A recorder that was heard of since then reports. */
  readonly reportsSinceUs: number;
  /** Names as they were seen → the service, in two parallel lists. */
  readonly aliasNames: readonly string[];
  readonly aliasServices: readonly string[];
  /** Of the names above, those that people declared. */
  readonly declaredNames: readonly string[];
  /** Parties that never record, by declaration. */
  readonly oneSided: readonly string[];
  /** Edges (`edgeName`) of which the callee's, or the caller's, half is often missing by experience. */
  readonly sampledCallers: readonly string[];
  readonly sampledCallees: readonly string[];
  /** Some lone half of a callee tells its call's nonce: whether it was used before is worth a look. */
  readonly hasLoneNonces: boolean;
}

const IS_MESSAGE = "event_type IN ('MESSAGE_PUBLISH', 'MESSAGE_CONSUME')";
const isAddress = (name: string) => `(startsWith(${name}, 'address:') OR ${name} IN ('unknown', ''))`;

interface Rule {
  readonly kind: string;
  readonly field: string;
  readonly when: string;
  readonly callerValue: string;
  readonly calleeValue: string;
  readonly tolerance: string;
}

const text = (value: string) => `'${value.replaceAll("'", String.raw`\'`)}'`;

function fieldRule(kind: string, field: string, when: string, tolerance: string): Rule {
  return {
    kind: text(kind),
    field: text(field),
    when,
    callerValue: `toString(c_${field})`,
    calleeValue: `toString(d_${field})`,
    tolerance,
  };
}

const SAME_CODE = "(c_status_code != '' AND c_status_code = d_status_code)";
const STATUS_TOLD = "c_status != 'unknown' AND d_status != 'unknown'";
/** A caller that gave up, or to which no code came back, did not see how it ended. */
const CALLER_SAW_END =
  "c_status NOT IN ('timeout', 'unknown') AND NOT (c_status = 'error' AND c_status_code = '' AND d_status_code != '')";

/** A publisher's status is about the broker, a consumer's about its own work: they are never compared. */
function statusRules(): readonly Rule[] {
  const late = `c_status = 'timeout' AND d_status = 'success' AND NOT ${IS_MESSAGE}`;
  const differs = `c_status != d_status AND NOT ${SAME_CODE} AND ${STATUS_TOLD} AND ${CALLER_SAW_END}
    AND NOT ${IS_MESSAGE}`;
  const codes = `c_status = d_status AND c_status_code != '' AND d_status_code != ''
    AND c_status_code != d_status_code`;
  return [
    fieldRule("late_success", "status", late, text("what the caller gave up on did not happen")),
    fieldRule("discrepancy_status", "status", differs, text("equal, or the same status_code")),
    fieldRule("discrepancy_status", "status_code", `${codes} AND observers = 0 AND NOT ${IS_MESSAGE}`, text("equal")),
  ];
}

const method = (operation: string) => `splitByChar(' ', toString(${operation}))[1]`;
const path = (operation: string) => `substring(toString(${operation}), position(toString(${operation}), ' ') + 1)`;

/**
 * `GET` agrees with `GET /orders/{id}`, which agrees with `GET /orders/17`: a client does not know the route. Of a
 * message the verbs differ by nature.
 */
function operationRule(): Rule {
  const segment = (part: string) => `match(${part}, '^([{:<*].*|.*[}>])$')`;
  const segments = (operation: string) => `splitByChar('/', splitByChar('?', ${path(operation)})[1])`;
  const sameSegments = `length(${segments("c_operation")}) = length(${segments("d_operation")})
    AND arrayAll((x, y) -> x = y OR ${segment("x")} OR ${segment("y")}, ${segments("c_operation")},
      ${segments("d_operation")})`;
  const bare = `position(toString(c_operation), ' ') = 0 OR position(toString(d_operation), ' ') = 0`;
  const differs = `if(c_operation = d_operation, 0, multiIf(
    ${IS_MESSAGE}, ${path("c_operation")} != ${path("d_operation")},
    ${method("c_operation")} != ${method("d_operation")}, 1,
    ${bare}, 0,
    position(${path("c_operation")}, '/') = 0 OR position(${path("d_operation")}, '/') = 0,
      ${path("c_operation")} != ${path("d_operation")},
    NOT (${sameSegments})))`;
  return fieldRule("discrepancy_operation", "operation", differs, text("equal, route templates aside"));
}

function contentRules({ sizeBytes }: Tolerances): readonly Rule[] {
  const digests = ["request_digest", "response_digest"].map((field) => ({
    ...fieldRule(
      `discrepancy_${field}`,
      field,
      `notEmpty(c_${field}) AND notEmpty(d_${field}) AND c_${field} != d_${field}`,
      text("equal"),
    ),
    callerValue: `concat('sha256:', lower(hex(c_${field})))`,
    calleeValue: `concat('sha256:', lower(hex(d_${field})))`,
  }));
  const sizes = ["request_size", "response_size"].map((field) =>
    fieldRule(
      "discrepancy_size",
      field,
      `c_${field} >= 0 AND d_${field} >= 0 AND abs(c_${field} - d_${field}) > ${sizeBytes}`,
      text(sizeBytes === 0 ? "equal" : `${sizeBytes} bytes`),
    ),
  );
  return [...digests, ...sizes];
}

/** The name in a SPIFFE id or certificate: a whole path segment, or the first label of a host name. */
function names(identity: string, service: string): string {
  return `(${identity} = ${service} OR has(splitByChar('/', ${identity}), toString(${service}))
    OR splitByChar('.', ${identity})[1] = ${service})`;
}

/** Who each side says the other is, against who the other is. A name that only an address gave says nothing. */
function identityRules(): readonly Rule[] {
  const reporter = (name: string) => `${name} IN (SELECT recorder_id FROM ${RECORDERS.name})`;
  const claim = (name: string, own: string) =>
    `NOT ${isAddress(name)} AND ${name} != ${own} AND ${reporter(name)} AND NOT ${IS_MESSAGE}`;
  const peer = (half: string, other: string) =>
    `notEmpty(${half}_peer_identity) AND NOT ${names(`${half}_peer_identity`, other)} AND observers = 0`;
  const rule = (field: string, when: string, callerValue: string, calleeValue: string, tolerance: string): Rule => ({
    kind: text("discrepancy_identity"),
    field: text(field),
    when,
    callerValue: `toString(${callerValue})`,
    calleeValue: `toString(${calleeValue})`,
    tolerance: text(tolerance),
  });
  return [
    rule("service_id", claim("d_service_id", "c_service_id"), "c_service_id", "d_service_id", "the caller's own name"),
    rule("target_id", claim("c_target_id", "d_target_id"), "c_target_id", "d_target_id", "the callee's own name"),
    rule("peer_identity", peer("d", "c_service_id"), "c_service_id", "d_peer_identity", "names the caller"),
    rule("peer_identity", peer("c", "d_target_id"), "c_peer_identity", "d_target_id", "names the callee"),
    rule(
      "credential_id",
      "notEmpty(c_credential_id) AND notEmpty(d_credential_id) AND c_credential_id != d_credential_id",
      "c_credential_id",
      "d_credential_id",
      "equal",
    ),
  ];
}

const SKEW_KNOWN = `skew_calls >= ${SKEW_MIN_CALLS}`;
const C_START = "toUnixTimestamp64Micro(c_timestamp)";
const D_START = `(toUnixTimestamp64Micro(d_timestamp) - if(${SKEW_KNOWN}, skew_us, 0))`;

/**
 * The callee's interval lies within the caller's, after the skew of their clocks. Of a caller that got no answer only
 * the beginning counts, and a message is only never early.
 */
function timeRule({ timeUs, unknownSkewUs }: Tolerances): Rule {
  const allowed = `if(${SKEW_KNOWN}, ${timeUs}, ${unknownSkewUs})`;
  const early = `${D_START} < ${C_START} - ${allowed}`;
  const end = `${C_START} + greatest(c_duration_us, 0) + ${allowed}`;
  const answered = `c_duration_us >= 0 AND NOT ${IS_MESSAGE}`;
  const outlasts = `d_duration_us >= 0 AND ${CALLER_SAW_END} AND ${D_START} + d_duration_us > ${end}`;
  return {
    kind: text("discrepancy_time"),
    field: text("timestamp"),
    when: `${early} OR (${answered} AND (${D_START} > ${end} OR (${outlasts})))`,
    callerValue: "concat(toString(c_timestamp), ' + ', toString(c_duration_us), ' us')",
    calleeValue: "concat(toString(d_timestamp), ' + ', toString(d_duration_us), ' us')",
    tolerance: `concat(toString(${allowed}), ' us after a clock skew of ', if(${SKEW_KNOWN}, toString(skew_us),
      'unknown'), ' us')`,
  };
}

const REPLAY: Rule = {
  kind: text("replay"),
  field: text("request_id"),
  when: `executions > 0 AND NOT ${IS_MESSAGE}`,
  callerValue: "concat(toString(callers), ' sent')",
  calleeValue: "concat(toString(callees), ' executed')",
  tolerance: text("one execution a call"),
};

const breakOf = ({ kind, field, when, callerValue, calleeValue, tolerance }: Rule) =>
  `if(${when}, [tuple(${kind}, ${field}, ${callerValue}, ${calleeValue}, ${tolerance})], [])`;

const whenAny = (rules: readonly Rule[]) => rules.map(({ when }) => `(${when})`).join(" OR ");

const NO_BREAKS = "CAST([], 'Array(Tuple(String, String, String, String, String))')";

function pairBreaks(tolerances: Tolerances): string {
  const rules = [
    REPLAY,
    ...statusRules(),
    operationRule(),
    ...contentRules(tolerances),
    ...identityRules(),
    timeRule(tolerances),
  ];
  return `if(${whenAny(rules)}, arrayConcat(${rules.map(breakOf).join(", ")}), ${NO_BREAKS})`;
}

/** Errors after which nothing reached the other side. */
const CONNECT_ERRORS =
  "ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectException|ConnectionRefused\\w*|UnknownHostException|NewConnectionError|ConnectError|ConnectTimeout\\w*";
const NO_CONNECTION = `(c_status_code = '' AND match(c_error_type, '^(?:[\\w.]*\\.)?(?:${CONNECT_ERRORS})$'))`;

/** Why a half that stands alone is no break; '' when it is one. In the order in which a person would ask. */
function excuse(knowledge: Knowledge, params: Params): string {
  const oneSided = params.add(knowledge.oneSided, "Array(String)");
  const since = params.add(knowledge.reportsSinceUs, "Int64");
  const reports = (name: string, side: string) =>
    `${name} IN (SELECT recorder_id FROM ${RECORDERS.name} WHERE kind IN ('${side}', 'heartbeat')
      AND last_us >= ${since})`;
  const sampled = (edges: readonly string[]) =>
    `has(${params.add(edges, "Array(String)")}, concat(caller, '\\n', callee))`;
  return `multiIf(
    callers > 0, multiIf(
      ${NO_CONNECTION}, concat('no connection: ', c_error_type),
      has(${oneSided}, callee), concat(callee, ' is declared one-sided'),
      ${isAddress("callee")}, concat(callee, ' is no service that is known'),
      NOT (${reports("callee", "callee")}), concat(callee, ' has never recorded a call that it received'),
      ${sampled(knowledge.sampledCallers)}, concat(callee, ' records only part of the calls of this edge'), ''),
    multiIf(
      has(${oneSided}, caller), concat(caller, ' is declared one-sided'),
      ${isAddress("caller")} OR learned_only, 'unknown caller',
      NOT (${reports("caller", "caller")}), concat(caller, ' has never recorded a call that it made'),
      ${sampled(knowledge.sampledCallees)}, concat(caller, ' records only part of the calls of this edge'), ''))`;
}

/** The break of a half that stands alone though the other side reports. */
function loneBreaks(): string {
  const lone = `tuple(if(callers > 0, 'unpaired_caller', 'unpaired_callee'), '', if(callers > 0, toString(c_status),
    'no record'), if(callees > 0, toString(d_status), 'no record'), 'a record from each side by the deadline')`;
  const foreign = `callees > 0 AND notEmpty(d_credential_id) AND notEmpty(known_credentials)
    AND NOT has(known_credentials, d_credential_id)`;
  const credential = `tuple('discrepancy_identity', 'credential_id', arrayStringConcat(arraySlice(known_credentials,
    1, 5), ', '), d_credential_id, concat('a credential that ', caller, ' has used'))`;
  return `if(${foreign}, [${lone}, ${credential}], [${lone}])`;
}

/** A request that was executed before under another call: its nonce, which is used once, is there twice. */
function replayed(source: string, { hasLoneNonces }: Knowledge): string {
  if (!hasLoneNonces) return "0";
  const lone = `SELECT d_call_nonce_digest FROM ${source} WHERE callers = 0 AND notEmpty(d_call_nonce_digest)`;
  return `(callers = 0 AND notEmpty(d_call_nonce_digest) AND d_call_nonce_digest IN (
    SELECT call_nonce_digest FROM records WHERE side = 'callee' AND call_nonce_digest IN (${lone})
    GROUP BY call_nonce_digest HAVING uniqExact(call_key) > 1))`;
}

const REPLAYED_NONCE = `tuple('replay', 'call_nonce_digest', 'no record',
    concat('sha256:', lower(hex(d_call_nonce_digest))), 'a nonce is used once')`;

/** Who the two are: each from its own half, else declared or learned from pairs, else whom the credential names. */
function parties(knowledge: Knowledge, params: Params): string {
  const from = params.add(knowledge.aliasNames, "Array(String)");
  const to = params.add(knowledge.aliasServices, "Array(String)");
  const declared = params.add(knowledge.declaredNames, "Array(String)");
  const known = (name: string) => `transform(toString(${name}), ${from}, ${to}, '')`;
  const claimed = `d_auth_subject IN (SELECT recorder_id FROM ${RECORDERS.name} WHERE kind IN ('caller', 'heartbeat'))`;
  return `multiIf(callers > 0, toString(c_service_id), ${known("d_service_id")} != '', ${known("d_service_id")},
    NOT ${isAddress("d_service_id")}, toString(d_service_id), ${claimed}, d_auth_subject,
      toString(d_service_id)) AS caller,
  multiIf(callees > 0, toString(d_target_id), ${known("c_target_id")} != '', ${known("c_target_id")},
    toString(c_target_id)) AS callee,
  callers = 0 AND ${known("d_service_id")} != '' AND NOT has(${declared}, toString(d_service_id)) AS learned_only`;
}

/** `10.1.2.0/24` or the first 48 bits: where an unknown caller came from. */
const NETWORK = `multiIf(callers > 0, '',
  match(substring(toString(d_service_id), 9), '^\\\\d+\\\\.\\\\d+\\\\.\\\\d+\\\\.\\\\d+$'),
    concat(extract(substring(toString(d_service_id), 9), '^(\\\\d+\\\\.\\\\d+\\\\.\\\\d+)\\\\.'), '.0/24'),
  position(toString(d_service_id), 'address:') = 1 AND position(substring(toString(d_service_id), 9), ':') > 0,
    concat(arrayStringConcat(arraySlice(splitByChar(':', substring(toString(d_service_id), 9)), 1, 3), ':'),
      '::/48'), '')`;

/**
 * A SELECT of CALL_COLUMNS but `step`, in order, over rows with GROUPED_COLUMNS. `source` is a table or a subquery in
 * parentheses.
 */
export function judged(source: string, knowledge: Knowledge, params: Params): string {
  const grouped = namesOf(GROUPED_COLUMNS);
  const skews = `(SELECT c_recorder_id, d_recorder_id, quantileExactWeighted(0.5)(skew_us, calls) AS skew_us,
    sum(calls) AS skew_calls FROM ${SKEWS.name}
      WHERE minute >= toDateTime(fromUnixTimestamp64Micro((SELECT min(first_us)
        FROM ${source}), 'UTC'), 'UTC') - INTERVAL ${SKEW_HOURS} HOUR GROUP BY c_recorder_id, d_recorder_id)`;
  const credentials = `(SELECT caller, groupUniqArray(1000)(credential_id) AS known_credentials
    FROM ${EDGE_CREDENTIALS.name} GROUP BY caller)`;
  return `SELECT minute, caller, callee, network, state, reason, breaks, ${grouped} FROM (
  SELECT *, toStartOfMinute(toDateTime(fromUnixTimestamp64Micro(first_us, 'UTC'), 'UTC')) AS minute,
    ${NETWORK} AS network,
    multiIf(callers > 0 AND callees > 0, '', ${excuse(knowledge, params)}) AS reason,
    multiIf(callers > 0 AND callees > 0, ${pairBreaks(knowledge.tolerances)},
      replayed, [${REPLAYED_NONCE}], reason = '', ${loneBreaks()}, ${NO_BREAKS}) AS breaks,
    multiIf(callers > 0 AND callees > 0, if(empty(breaks), 'matched', 'discrepant'),
      replayed, 'unpaired_callee', reason = 'unknown caller', 'unknown_caller', reason != '', 'one_sided', callers > 0, 'unpaired_caller',
        'unpaired_callee') AS state
  FROM (
    SELECT *, ${replayed(source, knowledge)} AS replayed, ${parties(knowledge, params)} FROM ${source}
  ) AS named
  LEFT JOIN ${skews} AS skews USING (c_recorder_id, d_recorder_id)
  LEFT JOIN ${credentials} AS credentials USING (caller)
)`;
}
