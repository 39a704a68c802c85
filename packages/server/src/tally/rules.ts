/**
 * The rules by which two halves are compared: when a rule is broken is SQL over the columns of a call (`c_` the
 * caller's half, `d_` the callee's), what is said of it is put together here, for the few calls that break one. One
 * break a field, with both values and the tolerance. What a half does not tell is never a break.
 */
import type { Tolerances, UsedBy } from "./judge.ts";
import type { Break, BreakKind } from "./verdict.ts";

/** What a call's row says of one half; hexadecimal for bytes, microseconds for times. */
export interface HalfFacts {
  readonly timestamp: string;
  readonly status: string;
  readonly status_code: string;
  readonly operation: string;
  readonly duration_us: number;
  readonly request_size: number;
  readonly response_size: number;
  readonly request_digest: string;
  readonly response_digest: string;
  readonly call_nonce_digest: string;
  readonly peer_identity: string;
  readonly credential_id: string;
  readonly service_id: string;
  readonly target_id: string;
}

export interface CallFacts {
  readonly caller: string;
  readonly callers: number;
  readonly callees: number;
  readonly broken: number;
  readonly skew_us: number;
  readonly skew_known: 0 | 1;
  readonly c: HalfFacts;
  readonly d: HalfFacts;
}

interface Told {
  readonly caller: string;
  readonly callee: string;
  readonly tolerance: string;
}

interface Rule {
  readonly kind: BreakKind | ((call: CallFacts) => BreakKind);
  readonly field: string;
  readonly when: string;
  readonly tell: (call: CallFacts, tolerances: Tolerances) => Told;
}

const fieldRule = (kind: BreakKind, field: keyof HalfFacts, when: string, tolerance: string): Rule => ({
  kind,
  field,
  when,
  tell: ({ c, d }) => ({ caller: String(c[field]), callee: String(d[field]), tolerance }),
});

/** Says where somebody was seen, not who it was. */
export const isAddress = (name: string) => `(startsWith(${name}, 'address:') OR ${name} IN ('unknown', ''))`;
const reports = (name: string) => `toString(${name}) IN (recorders)`;

/** A caller that gave up, or to which no code came back, did not see how it ended. */
export const SAW_END =
  "c_status NOT IN ('timeout', 'unknown') AND NOT (c_status = 'error' AND c_status_code = '' AND d_status_code != '')";

const SAME_CODE = "(c_status_code != '' AND c_status_code = d_status_code)";

/** A publisher's status is about the broker, a consumer's about its own work: they are never compared. */
const STATUS_RULES: readonly Rule[] = [
  fieldRule(
    "late_success",
    "status",
    "c_status = 'timeout' AND d_status = 'success' AND NOT is_message",
    "what the caller gave up on did not happen",
  ),
  fieldRule(
    "discrepancy_status",
    "status",
    `c_status != d_status AND NOT ${SAME_CODE} AND d_status != 'unknown' AND saw_end AND NOT is_message`,
    "equal, or the same status_code",
  ),
  fieldRule(
    "discrepancy_status",
    "status_code",
    "c_status = d_status AND c_status_code != d_status_code AND c_status_code != '' AND d_status_code != ''" +
      " AND observers = 0 AND NOT is_message",
    "equal",
  ),
];

/**
 * `GET` agrees with `GET /orders/{id}`, which agrees with `GET /orders/17`: a client does not know the route. Of a
 * message the verbs differ by nature. Taken apart only where the two are not equal.
 */
function operationRule(): Rule {
  const verb = (operation: string) => `splitByChar(' ', ${operation})[1]`;
  const object = (operation: string) => `substring(${operation}, position(${operation}, ' ') + 1)`;
  const open = (segment: string) => `match(${segment}, '^([{:<*].*|.*[}>])$')`;
  const samePath = `arrayExists((p, q) -> length(p) = length(q)
    AND arrayAll((x, y) -> x = y OR ${open("x")} OR ${open("y")}, p, q),
    [splitByChar('/', splitByChar('?', ${object("c")})[1])], [splitByChar('/', splitByChar('?', ${object("d")})[1])])`;
  const differs = `c_operation != d_operation AND arrayExists((c, d) -> multiIf(
    is_message, ${object("c")} != ${object("d")},
    ${verb("c")} != ${verb("d")}, 1,
    position(c, ' ') = 0 OR position(d, ' ') = 0, 0,
    NOT ${samePath}), [toString(c_operation)], [toString(d_operation)])`;
  return fieldRule("discrepancy_operation", "operation", differs, "equal, route templates aside");
}

function digestRule(field: "request_digest" | "response_digest"): Rule {
  const when = `c_${field} != d_${field} AND notEmpty(c_${field}) AND notEmpty(d_${field})`;
  const tell = ({ c, d }: CallFacts) => ({
    caller: `sha256:${c[field]}`,
    callee: `sha256:${d[field]}`,
    tolerance: "equal",
  });
  return { kind: `discrepancy_${field}`, field, when, tell };
}

function sizeRule(field: "request_size" | "response_size", { sizeBytes }: Tolerances): Rule {
  const when = `c_${field} >= 0 AND d_${field} >= 0 AND abs(c_${field} - d_${field}) > ${sizeBytes}`;
  return fieldRule("discrepancy_size", field, when, sizeBytes === 0 ? "equal" : `${sizeBytes} bytes`);
}

/** The name in a SPIFFE id or certificate: a whole path segment, or the first label of a host name. */
function names(identity: string, service: string): string {
  return `(${identity} = ${service} OR has(splitByChar('/', ${identity}), toString(${service}))
    OR splitByChar('.', ${identity})[1] = ${service})`;
}

/** Who each side says the other is, against who the other is. A name that only an address gave says nothing. */
function identityRules(): readonly Rule[] {
  const claim = (name: string, own: string) =>
    `${name} != ${own} AND NOT ${isAddress(name)} AND NOT is_message AND ${reports(name)}`;
  const peer = (half: string, other: string) =>
    `notEmpty(${half}_peer_identity) AND observers = 0 AND NOT ${names(`${half}_peer_identity`, other)}`;
  const rule = (field: string, when: string, tell: (call: CallFacts) => Told): Rule => ({
    kind: "discrepancy_identity",
    field,
    when,
    tell,
  });
  return [
    fieldRule(
      "discrepancy_identity",
      "service_id",
      claim("d_service_id", "c_service_id"),
      "the name that the caller gives itself",
    ),
    fieldRule(
      "discrepancy_identity",
      "target_id",
      claim("c_target_id", "d_target_id"),
      "the name that the callee gives itself",
    ),
    rule("peer_identity", peer("d", "c_service_id"), ({ c, d }) => ({
      caller: c.service_id,
      callee: d.peer_identity,
      tolerance: "names the caller",
    })),
    rule("peer_identity", peer("c", "d_target_id"), ({ c, d }) => ({
      caller: c.peer_identity,
      callee: d.target_id,
      tolerance: "names the callee",
    })),
    fieldRule(
      "discrepancy_identity",
      "credential_id",
      "c_credential_id != d_credential_id AND notEmpty(c_credential_id) AND notEmpty(d_credential_id)",
      "equal",
    ),
  ];
}

/**
 * The callee's interval lies within the caller's, after the skew of their clocks. Of a caller that got no answer only
 * the beginning counts, and a message is only never early.
 */
function timeRule({ timeUs, unknownSkewUs }: Tolerances): Rule {
  const within = "greatest(c_duration_us, 0) + allowed_us";
  const outlasts = `d_duration_us >= 0 AND saw_end AND begins_us + d_duration_us > ${within}`;
  const interval = ({ timestamp, duration_us: us }: HalfFacts) => (us < 0 ? timestamp : `${timestamp} + ${us} us`);
  return {
    kind: "discrepancy_time",
    field: "timestamp",
    when: `begins_us < -allowed_us
      OR (c_duration_us >= 0 AND NOT is_message AND (begins_us > ${within} OR (${outlasts})))`,
    tell: ({ c, d, skew_us: skewUs, skew_known: isKnown }) => ({
      caller: interval(c),
      callee: interval(d),
      tolerance:
        isKnown === 1
          ? `${timeUs} us after a clock skew of ${skewUs} us`
          : `${unknownSkewUs} us while the skew of the two clocks is not known`,
    }),
  };
}

const REPLAY: Rule = {
  kind: "replay",
  field: "request_id",
  when: "executions > 0 AND NOT is_message",
  tell: ({ callers, callees }) => ({
    caller: `${callers} sent`,
    callee: `${callees} executed`,
    tolerance: "one execution a call",
  }),
};

/** Of a call with both halves. */
export function pairRules(tolerances: Tolerances): readonly Rule[] {
  return [
    REPLAY,
    ...STATUS_RULES,
    operationRule(),
    digestRule("request_digest"),
    digestRule("response_digest"),
    sizeRule("request_size", tolerances),
    sizeRule("response_size", tolerances),
    ...identityRules(),
    timeRule(tolerances),
  ];
}

const statusOf = (count: number, { status }: HalfFacts) => (count > 0 ? status : "no record");

/** The five that are known for the longest time. */
function firstUsed(used: ReadonlyMap<string, number>, other: string): readonly string[] {
  const credentials = [...used].filter(([credential]) => credential !== other);
  return credentials
    .toSorted(([, one], [, next]) => one - next)
    .slice(0, 5)
    .map(([credential]) => credential);
}

/** Of a half that stands alone and is replayed, or has no reason to stand alone. */
export function loneRules(usedBy: UsedBy): readonly Rule[] {
  return [
    {
      kind: ({ callers }) => (callers > 0 ? "unpaired_caller" : "unpaired_callee"),
      field: "",
      when: "NOT is_replayed",
      tell: ({ callers, callees, c, d }) => ({
        caller: statusOf(callers, c),
        callee: statusOf(callees, d),
        tolerance: "a record from each side by the deadline",
      }),
    },
    {
      kind: "discrepancy_identity",
      field: "credential_id",
      when: "NOT is_replayed AND is_foreign",
      tell: ({ caller, d }) => ({
        caller: firstUsed(usedBy.get(caller) ?? new Map(), d.credential_id).join(", "),
        callee: d.credential_id,
        tolerance: `a credential that ${caller} has used`,
      }),
    },
    {
      kind: "replay",
      field: "call_nonce_digest",
      when: "is_replayed",
      tell: ({ d }) => ({
        caller: "no record",
        callee: `sha256:${d.call_nonce_digest}`,
        tolerance: "a nonce is used once",
      }),
    },
  ];
}

/** A number with a bit for each rule that is broken, as SQL. */
export function brokenBits(rules: readonly Rule[]): string {
  return rules.map(({ when }, place) => `${2 ** place} * (${when})`).join("\n    + ");
}

export interface BreakContext {
  readonly tolerances: Tolerances;
  /** Credentials that callers have used, as far as some half alone made that a question. */
  readonly usedBy: UsedBy;
}

/** `call` null: nothing is broken. */
export function breaksOf(call: CallFacts | null, { tolerances, usedBy }: BreakContext): readonly Break[] {
  if (call === null) return [];
  const rules = call.callers > 0 && call.callees > 0 ? pairRules(tolerances) : loneRules(usedBy);
  return rules.flatMap(({ kind, field, tell }, place) => {
    // eslint-disable-next-line no-bitwise
    if ((call.broken & (2 ** place)) === 0) return [];
    const { caller, callee, tolerance } = tell(call, tolerances);
    const name = typeof kind === "function" ? kind(call) : kind;
    return [{ kind: name, field, caller_value: caller, callee_value: callee, tolerance }];
  });
}
