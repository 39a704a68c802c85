import { callId, formatReceivedAt, formatTimestamp } from "@tallystick/record";
import type { AuditRecord, Observed, StoredRecord } from "@tallystick/record";
import fc from "fast-check";

import type { Bound, FieldRef, QueryNode, QueryValue, ValuePart } from "./language/syntax.ts";

/** Records and queries out of one small vocabulary, so that random queries find some records and miss others. */

export const NOW_US = 1_795_600_000_000_000;
export const TREES = ["control/2026-11", "default/2026-10", "default/2026-11"] as const;

const SERVICES = ["payments", "Payments", "orders", "address:10.0.0.7", "shöp", "a/b%c_d"];
const TEXTS = [
  "connection refused by payments",
  "Connection  Refused",
  "refused connection",
  "timeout after 500 ms",
  "/orders/42/items?x=1",
  "/",
  "50% off_sale",
  "first line\nsecond line",
  "C:\\temp\\x",
  "shöp ÄRGER",
  "'; DROP TABLE records; --",
  "tab\there",
];
const OPERATIONS = ["GET /health", "GET /orders/{id}", "get /health", "SELECT orders", "publish orders.created"];
const VALUES = [
  "200",
  "10.0.0.12",
  "10.0.0.7",
  "404",
  "/orders/{id}",
  "acme-client/2.3",
  "",
  "-7.5",
  "Retry",
  "retry",
  "50%",
];
const IDS = [
  "xyz-123",
  "order-placed-now",
  "Alice",
  "r-1",
  "XYZ-123",
  "req_%1",
  "10.0.0.7",
  "alice@example.com",
  "sha256:abc",
];
const HEX32 = ["4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000001"];
const HEX16 = ["00f067aa0ba902b7", "0000000000000001"];
const DIGESTS = [`sha256:${"ab".repeat(32)}`, `sha256:${"00".repeat(32)}`];
const UUIDS = ["0193628a-0000-7000-8000-000000000001", "0193628a-0000-7000-8000-000000000002"];
const KEYS = ["http.route", "db.version", "http.response.status_code", "status", "k e:y"];
const NUMBERS = [0, 1, 7, 500, 50_000, Number.MAX_SAFE_INTEGER];
const timeUs = fc.integer({ min: -3, max: 5 }).map((minutes) => NOW_US - minutes * 60_000_000 + (minutes % 2) * 1_234);
const CHOICES = fc.constantFrom;

const optionalFields = {
  trace_id: CHOICES(...HEX32),
  span_id: CHOICES(...HEX16),
  parent_span_id: CHOICES(...HEX16),
  action: CHOICES("read", "create"),
  resource: CHOICES(...TEXTS),
  status_code: CHOICES("200", "404", "OK", "-1"),
  error_type: CHOICES("ECONNREFUSED", "timeout"),
  error_message: CHOICES(...TEXTS),
  duration_us: CHOICES(...NUMBERS),
  auth_method: CHOICES("jwt", "mtls"),
  credential_id: CHOICES(...IDS),
  auth_expires_at: timeUs.map((us) => formatTimestamp(us)),
  auth_scopes: fc.uniqueArray(CHOICES("orders.read", "Orders.Read", "x%"), { minLength: 1 }),
  peer_address: CHOICES(...IDS),
  auth_subject: CHOICES(...IDS),
  subject_refs: fc.uniqueArray(CHOICES(...IDS), { minLength: 1 }),
  peer_port: CHOICES(443, 0),
  request_digest: CHOICES(...DIGESTS),
  data_categories: fc.uniqueArray(CHOICES("pii", "phi"), { minLength: 1 }),
  service_version: CHOICES("1.9", "1.10", "1.10.0", "v1.10.2-rc1", "2", "1.9.0+build", "main", "1.2.3.4.5.6.7.8.9"),
  environment: CHOICES("Production", "staging"),
  attributes: fc.dictionary(CHOICES(...KEYS), CHOICES(...VALUES, ...TEXTS), { minKeys: 1, maxKeys: 3 }),
};

const requiredFields = {
  id: CHOICES(...UUIDS),
  timestamp: timeUs.map((us) => formatTimestamp(us)),
  event_type: CHOICES("API_CALL", "DB_QUERY", "CONFIG_CHANGE"),
  phase: CHOICES("outcome", "intent"),
  side: CHOICES("caller", "callee"),
  service_id: CHOICES(...SERVICES),
  target_id: CHOICES(...SERVICES),
  recorder_id: CHOICES(...SERVICES),
  request_id: CHOICES(...IDS),
  attempt: CHOICES(0, 1),
  operation: CHOICES(...OPERATIONS),
  protocol: CHOICES("http", "sql"),
  status: CHOICES("success", "error", "denied"),
};

const record: fc.Arbitrary<AuditRecord> = fc.record<AuditRecord>(
  { ...requiredFields, ...optionalFields },
  {
    requiredKeys: Object.keys(requiredFields) as never,
  },
);

const observed: fc.Arbitrary<Observed> = fc.record<Observed>(
  {
    received_at: timeUs.map((us) => formatReceivedAt(us)),
    principal: CHOICES("key:orders", "tallystick"),
    standing: CHOICES("authenticated", "claimed"),
    source_address: CHOICES("10.0.0.7", "local"),
    intake: CHOICES("json", "ndjson"),
    conflict: fc.constant(true as const),
    clock_skew_us: CHOICES(-50, 0, 1_000_000),
    signature: fc.constant({ alg: "ed25519", kid: "k1", verified: true }),
  },
  { requiredKeys: ["received_at", "principal", "standing", "source_address", "intake"] },
);

/** A set of leaves of every tree, each numbered from 0. */
export function storedRecords(count: number): fc.Arbitrary<readonly StoredRecord[]> {
  return fc.array(fc.tuple(CHOICES(...TREES), record, observed), { minLength: count, maxLength: count }).map((rows) => {
    const sizes = new Map<string, number>();
    return rows.map(([tree, of, seen]): StoredRecord => {
      const leaf_index = sizes.get(tree) ?? 0;
      sizes.set(tree, leaf_index + 1);
      return { tree, leaf_index, call_id: callId(of), record: of, observed: seen };
    });
  });
}

const WORDS = [
  ...SERVICES,
  ...TEXTS,
  ...OPERATIONS,
  ...VALUES,
  ...IDS,
  ...HEX32,
  ...HEX16,
  ...DIGESTS,
  ...UUIDS,
  "success",
  "error",
  "API_CALL",
  "refused",
  "CONNECTION",
  "line",
  "time",
  "500",
  "1",
  "-50",
  "50ms",
  "jwt",
  "nothing",
  "true",
  "orders.read",
  "%",
  "_",
  "now-1m",
  "2026-11-25",
].filter((word) => word !== "" && !word.includes("\n"));

const literal = CHOICES(...WORDS).map((text): ValuePart => ({ kind: "literal", text }));
const wild = CHOICES<ValuePart>({ kind: "any" }, { kind: "one" });
const piece = fc
  .tuple(CHOICES(...WORDS), fc.nat(6), fc.nat(8))
  .map(([word, from, to]) =>
    Array.from(word)
      .slice(from, from + to)
      .join(""),
  )
  .filter((text) => text !== "")
  .map((text): ValuePart => ({ kind: "literal", text }));

const value: fc.Arbitrary<QueryValue> = fc.oneof(
  { weight: 3, arbitrary: literal.map((part) => valueOf([part])) },
  { weight: 2, arbitrary: fc.tuple(piece, wild).map(valueOf) },
  fc.tuple(wild, piece, wild).map(valueOf),
  fc.tuple(wild, piece).map(valueOf),
  literal.map((part) => ({ ...valueOf([part]), quoted: true })),
  fc.constant({ ...valueOf([]), quoted: true }),
);

function valueOf(parts: readonly ValuePart[]): QueryValue {
  return { quoted: false, parts, column: 1 };
}

const fieldNames = [
  ...Object.keys(requiredFields),
  ...Object.keys(optionalFields),
  "principal",
  "standing",
  "conflict",
  "clock_skew_us",
  "intake",
  "source_address",
  "received_at",
  "tree",
  "leaf_index",
  "call_id",
];
const field: fc.Arbitrary<FieldRef> = fc.oneof(
  { weight: 4, arbitrary: CHOICES(...fieldNames).map((name): FieldRef => ({ kind: "field", name })) },
  CHOICES(...KEYS).map((name): FieldRef => ({ kind: "attribute", name })),
);
const bound: fc.Arbitrary<Bound | null> = fc.option(
  fc.record({
    text: CHOICES(...WORDS, "0", "7", "404", "now", "now-2m", "2026"),
    inclusive: fc.boolean(),
    column: fc.constant(1),
  }),
);

const term: fc.Arbitrary<QueryNode> = fc.oneof(
  { weight: 2, arbitrary: value.map((of): QueryNode => ({ kind: "match", field: null, value: of, column: 1 })) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(field, value)
      .map(([of, what]): QueryNode => ({ kind: "match", field: of, value: what, column: 1 })),
  },
  field.map((of): QueryNode => ({ kind: "exists", field: of, column: 1 })),
  {
    weight: 3,
    arbitrary: fc
      .tuple(field, bound, bound)
      .filter(([, lower, upper]) => lower !== null || upper !== null)
      .map(([of, lower, upper]): QueryNode => ({ kind: "range", field: of, lower, upper, column: 1 })),
  },
);

/** Terms, and small combinations of them. */
export function queries(): fc.Arbitrary<QueryNode> {
  const negated = term.map((of): QueryNode => ({ kind: "not", of, column: 1 }));
  const some = fc.oneof({ weight: 2, arbitrary: term }, negated);
  const joined = fc.tuple(CHOICES("and" as const, "or" as const), fc.array(some, { minLength: 2, maxLength: 3 }));
  const joinedNode = joined.map(([kind, of]): QueryNode => ({ kind, of, column: 1 }));
  return fc.oneof(
    { weight: 3, arbitrary: term },
    negated,
    joinedNode,
    joinedNode.map((of): QueryNode => ({ kind: "not", of, column: 1 })),
  );
}
