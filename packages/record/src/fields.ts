/**
 * The one table of the record's fields (DESIGN §6). Validator, canonical encoder, XML reader, OTLP mapping, index
 * columns, query language and OpenAPI are all derived from it, so a field has one name and one meaning everywhere.
 *
 * Normal form: an empty string, an empty array and an empty map are the same as an absent field, except that a value
 * inside `attributes` may be empty. A record in normal form therefore survives the way through index columns unchanged.
 */

export type FieldKind =
  /** RFC 3339 UTC, 0, 3 or 6 fractional digits: the fewest that lose nothing. */
  | "time"
  /** An identifier: compared exactly, many different values. */
  | "id"
  /** A name with few different values: a dictionary column. */
  | "name"
  /** One of `values`. */
  | "enum"
  /** Free text, searched by words. */
  | "text"
  /** 0 … 2^53−1. */
  | "uint"
  /** Array of strings, order kept, no repetition. */
  | "names"
  /** Map of string to string. */
  | "map";

export interface FieldSpec {
  readonly name: string;
  readonly kind: FieldKind;
  /** `producer`: must be sent. `server`: filled when absent. `no`: may be absent. */
  readonly required: "producer" | "server" | "no";
  /** UTF-8 bytes for strings (each element for `names`, each value for `map`). */
  readonly maxBytes: number;
  readonly values?: readonly string[];
  /** An anchored pattern the value must match, and its name for messages. */
  readonly pattern?: { readonly source: string; readonly says: string };
  /** The largest integer of a `uint`; without it 2^53−1. */
  readonly max?: number;
  /** One sentence for the documentation. */
  readonly says: string;
}

export const EVENT_TYPES = [
  "API_CALL",
  "DB_QUERY",
  "MESSAGE_PUBLISH",
  "MESSAGE_CONSUME",
  "AUTH",
  "CONFIG_CHANGE",
  "LOG_LIFECYCLE",
  "TALLY_VERDICT",
  "ALERT",
  "RESPONSE",
  "ACCESS",
] as const;
export const PHASES = ["intent", "outcome"] as const;
export const SIDES = ["caller", "callee", "observer"] as const;
export const ACTIONS = [
  "create",
  "read",
  "update",
  "delete",
  "execute",
  "publish",
  "consume",
  "login",
  "revoke",
] as const;
export const PROTOCOLS = [
  "http",
  "grpc",
  "sql",
  "kafka",
  "amqp",
  "nats",
  "mqtt",
  "redis",
  "mongodb",
  "graphql",
  "mcp",
  "other",
] as const;
export const STATUSES = ["success", "error", "denied", "timeout", "unknown"] as const;
export const AUTH_METHODS = [
  "mtls",
  "jwt",
  "oauth2",
  "api_key",
  "spiffe",
  "hmac",
  "http_signature",
  "sigv4",
  "basic",
  "none",
] as const;
export const AUTH_DECISIONS = ["allow", "deny", "not_evaluated"] as const;
export const DATA_CLASSES = ["public", "internal", "confidential", "restricted"] as const;
export const DATA_CATEGORIES = ["pii", "phi", "pci", "secret"] as const;

const HEX32 = { source: "[0-9a-f]{32}", says: "32 lower-case hex digits" };
const HEX16 = { source: "[0-9a-f]{16}", says: "16 lower-case hex digits" };
const SHA256 = { source: "sha256:[0-9a-f]{64}", says: "`sha256:` and 64 lower-case hex digits" };
const UUID = { source: "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", says: "a lower-case UUID" };
const TYPE = { source: "[A-Z][A-Z0-9_]{0,63}", says: "capitals, digits and underscores, as API_CALL" };

const optional = (name: string, kind: FieldKind, maxBytes: number, says: string): FieldSpec => ({
  name,
  kind,
  required: "no",
  maxBytes,
  says,
});

/** In the order of DESIGN §6, which is the order in which people read a record. */
export const FIELDS: readonly FieldSpec[] = [
  {
    name: "id",
    kind: "id",
    required: "server",
    maxBytes: 36,
    pattern: UUID,
    says: "Idempotency key; a UUID, version 7 when the server fills it.",
  },
  {
    name: "timestamp",
    kind: "time",
    required: "producer",
    maxBytes: 40,
    says: "When the call began, by the recorder's clock.",
  },
  {
    name: "event_type",
    kind: "name",
    required: "producer",
    maxBytes: 64,
    pattern: TYPE,
    says: "What kind of event: API_CALL, DB_QUERY, … or an own name.",
  },
  {
    name: "phase",
    kind: "enum",
    required: "server",
    maxBytes: 16,
    values: PHASES,
    says: "intent is written before the call in strict mode; outcome (the default) after it.",
  },
  { name: "side", kind: "enum", required: "server", maxBytes: 16, values: SIDES, says: "Which side recorded it." },
  { name: "service_id", kind: "name", required: "producer", maxBytes: 256, says: "Who initiated the call." },
  {
    name: "target_id",
    kind: "name",
    required: "server",
    maxBytes: 256,
    says: "Who was called; `none` when there is nobody.",
  },
  { name: "recorder_id", kind: "name", required: "server", maxBytes: 256, says: "Who wrote the record." },
  { name: "request_id", kind: "id", required: "server", maxBytes: 256, says: "One call, the same on both sides." },
  { name: "attempt", kind: "uint", required: "server", maxBytes: 16, says: "Retry number, 0 for the first." },
  { ...optional("trace_id", "id", 32, "W3C trace id."), pattern: HEX32 },
  { ...optional("span_id", "id", 16, "W3C span id of the recorder's span."), pattern: HEX16 },
  { ...optional("parent_span_id", "id", 16, "W3C span id of the parent span."), pattern: HEX16 },
  {
    name: "operation",
    kind: "name",
    required: "server",
    maxBytes: 512,
    says: "What was asked, of low cardinality: `GET /orders/{id}`.",
  },
  { ...optional("action", "enum", 16, "What kind of operation."), values: ACTIONS },
  optional("resource", "text", 8_192, "The concrete object: URL path, table, topic."),
  { name: "protocol", kind: "enum", required: "server", maxBytes: 16, values: PROTOCOLS, says: "How they spoke." },
  {
    name: "status",
    kind: "enum",
    required: "producer",
    maxBytes: 16,
    values: STATUSES,
    says: "How it ended; a correct denial is `denied`.",
  },
  optional("status_code", "name", 64, "The protocol's own code, as a string."),
  optional("error_type", "name", 256, "The error's class or code."),
  optional("error_message", "text", 16_384, "The error in words."),
  optional("duration_us", "uint", 16, "How long it took, in microseconds."),
  { ...optional("auth_method", "enum", 16, "How the caller authenticated."), values: AUTH_METHODS },
  optional("credential_id", "id", 256, "Key id, certificate SHA-256 or key fingerprint; never a secret."),
  optional("auth_token_id", "id", 256, "The token's jti."),
  optional("auth_expires_at", "time", 40, "When the credential expires."),
  optional("auth_key_thumbprint", "id", 256, "Thumbprint of the key that the token is bound to (cnf)."),
  { ...optional("auth_nonce_digest", "id", 71, "SHA-256 of the credential's nonce."), pattern: SHA256 },
  { ...optional("auth_signature_digest", "id", 71, "SHA-256 of the credential's signature."), pattern: SHA256 },
  optional("auth_issuer", "name", 512, "Who issued the credential."),
  optional("auth_subject", "id", 512, "Whom the credential names."),
  optional("auth_scopes", "names", 256, "What the credential permits."),
  { ...optional("auth_decision", "enum", 16, "Whether access was allowed; not the outcome."), values: AUTH_DECISIONS },
  optional("peer_address", "id", 256, "The other end's address, as the recorder saw it."),
  { ...optional("peer_port", "uint", 16, "The other end's port, as the recorder saw it."), max: 65_535 },
  optional("peer_identity", "id", 512, "SPIFFE id or certificate SAN of the other end."),
  optional("tls_version", "name", 16, "TLS version of the connection."),
  optional("client_address", "id", 256, "The original client, where a trusted proxy forwarded it."),
  { ...optional("request_digest", "id", 71, "SHA-256(call nonce ‖ request body)."), pattern: SHA256 },
  { ...optional("response_digest", "id", 71, "SHA-256(call nonce ‖ response body)."), pattern: SHA256 },
  optional("request_size", "uint", 16, "Request body in bytes."),
  optional("response_size", "uint", 16, "Response body in bytes."),
  { ...optional("call_nonce_digest", "id", 71, "SHA-256 of the call nonce."), pattern: SHA256 },
  { ...optional("request_payload", "id", 71, "Commitment to the sealed request body."), pattern: SHA256 },
  { ...optional("response_payload", "id", 71, "Commitment to the sealed response body."), pattern: SHA256 },
  { ...optional("data_class", "enum", 16, "How sensitive the data is."), values: DATA_CLASSES },
  { ...optional("data_categories", "names", 16, "What kinds of sensitive data."), values: DATA_CATEGORIES },
  optional("subject_refs", "names", 256, "Pseudonyms of the people the data is about."),
  optional("producer_id", "name", 256, "The producing process."),
  optional("producer_epoch", "id", 64, "One run of the producing process."),
  optional("producer_seq", "uint", 16, "The record's number within the run."),
  optional("environment", "name", 64, "Deployment environment."),
  optional("region", "name", 64, "Deployment region."),
  optional("host", "name", 256, "Host of the recorder."),
  optional("service_version", "name", 128, "Version of the recorder."),
  { ...optional("attributes", "map", 32_768, "Everything else, under its OpenTelemetry names.") },
];

export const FIELD_BY_NAME: ReadonlyMap<string, FieldSpec> = new Map(FIELDS.map((field) => [field.name, field]));
