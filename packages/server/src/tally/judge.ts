/** What is said of a call: who the two are, its state, and which rules are broken, as SQL over the grouped columns. */
import { addressPrefix, plainAddress } from "../search/compile/networked.ts";
import type { Params } from "../search/compile/sql.ts";
import { FACTS } from "./call-facts.ts";
import { IS_MESSAGE } from "./halves.ts";
import { brokenBits, isAddress, loneRules, pairRules, SAW_END } from "./rules.ts";
import { CALL_COLUMNS } from "./schema.ts";

export interface Tolerances {
  readonly sizeBytes: number;
  /** How far the callee's interval may reach out of the caller's, after the known skew of their clocks. */
  readonly timeUs: number;
  /** The same while the skew of the two is not known. */
  readonly unknownSkewUs: number;
}

/** By caller, by credential: microseconds. */
export type UsedBy = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** What is known beyond the halves themselves; lists hold what the calls at hand may need. */
export interface Knowledge {
  readonly tolerances: Tolerances;
  /** Services that record calls they make, calls they receive, and either. */
  readonly callers: readonly string[];
  readonly callees: readonly string[];
  readonly recorders: readonly string[];
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
  /** Pairs of recorders (`edgeName`) and how far the second's clock is ahead, in microseconds. */
  readonly skewPairs: readonly string[];
  readonly skewsUs: readonly number[];
  /** Credentials that callers have used in calls which they confirmed, and since when that is known. */
  readonly usedBy: UsedBy;
  /** Nonces of lone halves (hexadecimal) that another call has used. */
  readonly usedNonces: readonly string[];
}

/** The part of it that people decide and that changes slowly. */
export type Declared = Pick<Knowledge, "tolerances" | "aliasNames" | "aliasServices" | "declaredNames" | "oneSided">;

const NEVER_US = "toInt64(9223372036854775807)";

/** Errors after which nothing reached the other side. */
const CONNECT_ERRORS =
  "ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectException|ConnectionRefused[a-zA-Z]*|UnknownHostException|NewConnectionError|ConnectError|ConnectTimeout[a-zA-Z]*";
const NO_CONNECTION = `(c_status_code = '' AND notEmpty(c_error_type)
      AND match(c_error_type, '^([a-zA-Z0-9_.]*[.])?(${CONNECT_ERRORS})$'))`;

/** Why a half that stands alone is no break; '' when it is one. In the order in which a person would ask. */
function excuse(knowledge: Knowledge, params: Params): string {
  const among = (name: string, names: readonly string[]) =>
    names.length === 0 ? "0" : `${name} IN (${params.add(names, "Array(String)")})`;
  const edge = "concat(caller, '\\n', callee)";
  return `multiIf(
    callers > 0, multiIf(
      ${NO_CONNECTION}, concat('no connection: ', c_error_type),
      ${among("callee", knowledge.oneSided)}, concat(callee, ' is declared one-sided'),
      ${isAddress("callee")}, concat(callee, ' is no service that is known'),
      NOT ${among("callee", knowledge.callees)}, concat(callee, ' has never recorded a call that it received'),
      ${among(edge, knowledge.sampledCallers)}, concat(callee, ' records only part of the calls of this edge'), ''),
    multiIf(
      ${among("caller", knowledge.oneSided)}, concat(caller, ' is declared one-sided'),
      ${isAddress("caller")} OR learned_only, 'unknown caller',
      NOT ${among("caller", knowledge.callers)}, concat(caller, ' has never recorded a call that it made'),
      NOT is_foreign AND ${among(edge, knowledge.sampledCallees)}, concat(caller, ' records only part of the calls of this edge'), ''))`;
}

/** `10.1.2.0/24` or `2001:db8::/48`: where an unknown caller came from. */
const NETWORK = `if(callers > 0 OR NOT startsWith(d_service_id, 'address:'), '',
    arrayMap(address -> ${addressPrefix("address")}, [${plainAddress("substring(toString(d_service_id), 9)")}])[1])`;

/** What the rules look at, by name, each worked out once. */
function facts(knowledge: Knowledge, params: Params): readonly (readonly [name: string, sql: string])[] {
  const list = (values: readonly string[]) => params.add(values, "Array(String)");
  const { tolerances, aliasNames, aliasServices, declaredNames, skewPairs, skewsUs, usedNonces, usedBy } = knowledge;
  const lookedUp = (name: string) =>
    aliasNames.length === 0 ? "''" : `transform(toString(${name}), ${list(aliasNames)}, ${list(aliasServices)}, '')`;
  const skew = `transform(concat(c_recorder_id, '\\n', d_recorder_id), ${list(skewPairs)},
    ${params.add(skewsUs, "Array(Int64)")}, NULL)`;
  const known = [...usedBy].flatMap(([caller, used]) => [
    { name: caller, sinceUs: Math.min(...used.values()) },
    ...[...used].map(([credential, sinceUs]) => ({ name: `${caller}\n${credential}`, sinceUs })),
  ]);
  const knownNames = list(known.map(({ name }) => name));
  const knownSince = params.add(
    known.map(({ sinceUs }) => sinceUs),
    "Array(Int64)",
  );
  const isKnown = (name: string) => `transform(${name}, ${knownNames}, ${knownSince}, ${NEVER_US}) <= due_us`;
  return [
    ["recorders", list(knowledge.recorders)],
    ["is_paired", "callers > 0 AND callees > 0"],
    ["is_message", IS_MESSAGE],
    ["saw_end", SAW_END],
    ["known_skew_us", skewPairs.length === 0 ? "CAST(NULL, 'Nullable(Int64)')" : skew],
    ["skew_us", "ifNull(known_skew_us, 0)"],
    ["skew_known", "toUInt8(isNotNull(known_skew_us))"],
    ["allowed_us", `if(skew_known, ${tolerances.timeUs}, ${tolerances.unknownSkewUs})`],
    ["begins_us", "toUnixTimestamp64Micro(d_timestamp) - skew_us - toUnixTimestamp64Micro(c_timestamp)"],
    ["known_caller", lookedUp("d_service_id")],
    ["known_callee", lookedUp("c_target_id")],
    ["learned_only", `notEmpty(known_caller) AND toString(d_service_id) NOT IN (${list(declaredNames)})`],
    [
      "is_replayed",
      usedNonces.length === 0 ? "0" : `callers = 0 AND lower(hex(d_call_nonce_digest)) IN (${list(usedNonces)})`,
    ],
    // Each from its own half, else declared or learned from pairs, else whom the credential names.
    [
      "caller",
      `multiIf(callers > 0, toString(c_service_id), notEmpty(known_caller), known_caller,
    NOT ${isAddress("d_service_id")}, toString(d_service_id),
    d_auth_subject IN (${list(knowledge.callers)}), d_auth_subject, toString(d_service_id))`,
    ],
    [
      "callee",
      "multiIf(callees > 0, toString(d_target_id), notEmpty(known_callee), known_callee, toString(c_target_id))",
    ],
    // A key that the caller never used is news also where its halves are often missing.
    [
      "is_foreign",
      known.length === 0
        ? "0"
        : `callers = 0 AND notEmpty(d_credential_id) AND ${isKnown("caller")}
    AND NOT ${isKnown("concat(caller, '\\n', d_credential_id)")}`,
    ],
    ["reason", `if(is_paired, '', ${excuse(knowledge, params)})`],
    [
      "broken",
      `toUInt32(if(is_paired, ${brokenBits(pairRules(tolerances))},
    if(is_replayed OR reason = '', ${brokenBits(loneRules(usedBy))}, 0)))`,
    ],
  ];
}

const STATE = `multiIf(is_paired, if(broken = 0, 'matched', 'discrepant'), is_replayed, 'unpaired_callee',
  reason = 'unknown caller', 'unknown_caller', reason != '', 'one_sided', callers > 0, 'unpaired_caller',
  'unpaired_callee')`;

/** A caller whom nobody knows has another name on the map. */
const told = (name: string, seen: string, known = "1"): string =>
  `callers < 2 AND callees < 2 AND observers = 0 AND (callers = 0 OR c_${seen} = ${name})
    AND (callees = 0 OR d_${seen} = ${name}) AND ${known}`;

/** What a call's row has beside the columns of the same name that the grouped ones have. */
const MADE: Readonly<Record<string, string | undefined>> = {
  minute: "toStartOfMinute(toDateTime(fromUnixTimestamp64Micro(first_us, 'UTC'), 'UTC'))",
  network: NETWORK,
  state: STATE,
  operation: "if(callees > 0, d_operation, c_operation)",
  status: "if(callers > 0, c_status, d_status)",
  duration_us: "if(callers > 0, c_duration_us, d_duration_us)",
  network_us: "if(is_paired AND d_duration_us >= 0, greatest(c_duration_us - d_duration_us, 0), 0)",
  caller_told: told("caller", "service_id", "reason != 'unknown caller'"),
  callee_told: told("callee", "target_id"),
  facts: `if(broken = 0, '', ${FACTS})`,
};

/**
 * A SELECT of CALL_COLUMNS in order, over rows with GROUPED_COLUMNS. `source` is a table or a subquery in parentheses.
 * One level and no more: each reads all columns again.
 */
export function judged(source: string, step: number, knowledge: Knowledge, params: Params): string {
  const named = facts(knowledge, params).map(([name, sql]) => `${sql} AS ${name}`);
  const made: Readonly<Record<string, string | undefined>> = { ...MADE, step: params.add(step, "UInt64") };
  const columns = CALL_COLUMNS.map(([name]) => (made[name] === undefined ? name : `${made[name]} AS ${name}`));
  return `WITH ${named.join(",\n  ")}
SELECT ${columns.join(",\n  ")}
FROM ${source}`;
}
