import { Type } from "typebox";
import type { Static, TSchema } from "typebox";

import { MAX_BATCH_RECORDS, MAX_REQUEST_BODY_BYTES } from "../limits.ts";
import { ACCESS, NETWORKS, TLS } from "./access-sections.ts";
import { ALERTS } from "./alert-sections.ts";
import { RESPOND } from "./respond-sections.ts";
import { DETECTORS } from "./detector-sections.ts";
import { CLASSIFY, PAYLOADS } from "./payload-sections.ts";
import { LOGS, OPTIONAL_PERIOD, RETENTION } from "./retention-sections.ts";
import { RULES } from "./rule-sections.ts";
import { flag, oneOf, path, section, text, whole } from "./pieces.ts";

/**
 * Every key of the configuration file, its type, default and meaning, in one place: the file's validator, the
 * environment's names, `tallystick config` and docs/reference/configuration.md are all derived from it. Secrets are
 * named by file, never written here.
 */

const LISTEN = {
  source: "^(\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]\\s]+):\\d{1,5}$",
  says: "host:port, as 127.0.0.1:7070 or [::1]:7070",
};
const EPOCH_SOURCE = "(month|week|day|[1-9][0-9]{1,7}s)";
const EPOCH = { source: `^${EPOCH_SOURCE}$`, says: "month, week, day, or seconds from 10s on, as 3600s" };

const HTTP = section("The one HTTP port: dashboard, API, intake and trees.", {
  listen: text("Address and port; port 0 takes a free one.", "127.0.0.1:7070", LISTEN),
  public_url: text(
    "How others reach the server (as https://audit.example.com): the base of links and login redirects, and the only origin that a browser's changes may come from. Empty: derived from `listen`.",
    "",
    {
      source: "^(https?://[^/\\s?#]+)?$",
      says: "http:// or https:// and a host, no path",
    },
  ),
  insecure_network: flag(
    "Listen on an address that is not loopback without TLS. Tokens then cross the network in clear text.",
  ),
  trusted_proxies: Type.Array(
    Type.String({ pattern: "^[0-9a-fA-F:.]+(/\\d{1,3})?$", says: "an address or CIDR, as 10.0.0.0/8" }),
    {
      description: "Addresses whose Forwarded, X-Forwarded-For and PROXY protocol v2 headers are believed (CIDRs).",
      default: [],
      maxItems: 256,
    },
  ),
  request_timeout_s: whole("A request that has not arrived whole after this time is ended with 408.", 60, 1, 3_600),
  headers_timeout_s: whole("A request whose headers have not arrived after this time is ended with 408.", 15, 1, 600),
  max_connections: whole("Connections at a time; more are refused.", 4_096, 16, 65_536),
  session_hours: whole("How long a login lasts, in the dashboard and on the command line.", 12, 1, 720),
  idle_minutes: whole("A login ends when it was not used for so long.", 120, 1, 43_200),
  login_link_minutes: whole("How long a one-time login link can be used.", 15, 1, 1_440),
  failed_logins_per_minute: whole(
    "Failed authentications an address may make in a minute before it gets 429.",
    30,
    1,
    100_000,
  ),
});

const INTAKE = section("How records come in.", {
  max_body_bytes: whole(
    "Largest request body, before and after decompression.",
    MAX_REQUEST_BODY_BYTES,
    1_024,
    MAX_REQUEST_BODY_BYTES,
  ),
  max_records: whole("Most records in one request.", MAX_BATCH_RECORDS, 1, MAX_BATCH_RECORDS),
  max_waiting_bytes: whole(
    "Request bodies held in memory at a time; beyond it requests get 503.",
    134_217_728,
    20_971_520,
    4_294_967_296,
  ),
  bytes_per_second: whole("Request bytes a second for each key, beyond it 429; 0 means no limit.", 0, 0, 1_000_000_000),
  redact_names: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
    description: "Attribute names whose values are replaced by a keyed fingerprint, beside the built-in list.",
    default: [],
    maxItems: 1_000,
  }),
  otlp: section("OpenTelemetry intake.", {
    internal: oneOf("Spans of kind INTERNAL: left out and counted, or kept.", "drop", ["drop", "keep"]),
  }),
});

const JOURNAL = section("The durable record of everything.", {
  flush_interval_ms: whole("Longest wait for others before a group of batches is written and synced.", 5, 0, 1_000),
  flush_bytes: whole("Size at which a group is written without waiting.", 1_048_576, 4_096, 67_108_864),
  reserve_bytes: whole(
    "Space on the disk kept for records of who reads and what people change; below it no other records are taken.",
    16_777_216,
    0,
    1_073_741_824,
  ),
  segment_bytes: whole("Size at which a new segment file is begun.", 67_108_864, 1_048_576, 4_294_967_296),
});

const COPY = Type.Object(
  {
    kind: Type.Enum(["file", "syslog", "webhook"]),
    to: Type.String({
      minLength: 1,
      maxLength: 4096,
      description: "A file's path, udp://host:port or tcp://host:port, or a URL.",
    }),
    every: Type.Enum(["checkpoint", "hour"], { default: "hour" }),
  },
  { additionalProperties: false },
);

const LEDGER = section("The Merkle trees and their signed checkpoints.", {
  origin: text(
    "The server's name in every checkpoint, as audit.example.com; fixed at the first start. Empty: a random one.",
    "",
    {
      source: "^([A-Za-z0-9][A-Za-z0-9._~/-]{0,126})?$",
      says: "letters, digits and . _ ~ / -, at most 127",
    },
  ),
  epoch: text("How long one tree lasts, for logs not named in `epochs`.", "month", EPOCH),
  epochs: Type.Record(Type.String(), Type.String({ pattern: EPOCH.source, says: EPOCH.says }), {
    description: "Log name to epoch, as {default: day}.",
    default: {},
    propertyNames: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,62}$" },
  }),
  publish_interval_ms: whole("How often a checkpoint is signed while there is something new.", 1_000, 10, 60_000),
  head: path(
    "Folder of the head store; on another disk or host it uncovers a whole data folder put back. Empty: in the data folder.",
  ),
  copies: Type.Array(COPY, {
    description:
      "Where checkpoints are also sent, outside the data folder: items {kind: file|syslog|webhook, to, every: checkpoint|hour}.",
    default: [],
    maxItems: 16,
  }),
});

const INDEX = section("The search index.", {
  url: text("A ClickHouse server's URL; empty: the embedded engine.", "", {
    source: "^(https?://\\S+)?$",
    says: "http:// or https:// URL",
  }),
  user: text("User at the ClickHouse server.", "default"),
  password_file: path("File with the password at the ClickHouse server."),
  database: text("Database at the ClickHouse server, of this Tallystick alone.", "tallystick", {
    source: "^[a-z_][a-z0-9_]{0,62}$",
    says: "lower-case name",
  }),
  keep: text(
    "How long a closed tree stays in the index; its records stay proven in the journal and `reindex --epoch` brings them back. Empty: as long as it is kept.",
    "",
    OPTIONAL_PERIOD,
  ),
  memory_bytes: whole("Memory limit of the embedded engine.", 1_288_490_189, 536_870_912, 1_099_511_627_776),
});

const SEARCH = section("Reading.", {
  tails: whole("Live tails at a time; more get 429.", 64, 1, 1_024),
});

const DURATION = { source: "^[1-9][0-9]{0,8}(ms|[smhd])$", says: "a duration, as 500ms, 5s, 2m, 12h or 7d" };
/** Keys of a map that names anything of a record. */
const NAMES = { type: "string", pattern: "^.{1,256}$" };
const partyName = (description: string) => Type.String({ minLength: 1, maxLength: 256, description });

const TALLY = section("Pairing both halves of every call.", {
  enabled: Type.Boolean({ description: "Whether calls are paired and judged.", default: true }),
  deadline: text(
    "How long after its first half a call is settled, for edges not named in `deadlines`.",
    "60s",
    DURATION,
  ),
  deadlines: Type.Array(
    Type.Object(
      {
        caller: partyName("Caller's service."),
        callee: partyName("Callee's service."),
        deadline: Type.String({ pattern: DURATION.source, says: DURATION.says }),
      },
      { additionalProperties: false },
    ),
    { description: "Other deadlines by edge: items {caller, callee, deadline}.", default: [], maxItems: 1_000 },
  ),
  one_sided: Type.Array(partyName("A party's name as it stands in records."), {
    description: "Parties that never record (third-party APIs, databases): their missing half is no break.",
    default: [],
    maxItems: 10_000,
  }),
  aliases: Type.Record(Type.String(), partyName("The service behind the name."), {
    description: "Names as they were seen to services, as {address:10.0.0.7: orders}; others are learned from pairs.",
    default: {},
    propertyNames: NAMES,
    maxProperties: 10_000,
  }),
  size_tolerance_bytes: whole("How far sizes that both sides tell may differ.", 0, 0, 1_073_741_824),
  time_tolerance: text("How far the callee may reach out of the caller's time, skew aside.", "1s", DURATION),
  clock_limit: text(
    "A recorder's clock that is further off is a finding; how far times may differ while a skew is not known.",
    "60s",
    DURATION,
  ),
  producers: section("Completeness of producers.", {
    silent_after: Type.Record(Type.String(), Type.String({ pattern: DURATION.source, says: DURATION.says }), {
      description:
        "producer_id to the time without a sign of life after which it is silent, as {'billing-*': 5m}; a trailing * stands for any ending. Others are silent after what is usual for them.",
      default: {},
      // Not in the key's own schema: of one that does not fit, defaults would be looked for in a schema of nothing.
      propertyNames: NAMES,
      maxProperties: 200,
    }),
    default_silent_after: text("The same for a producer of which not enough is known yet.", "15m", DURATION),
    keep: text("Producers not heard of for so long are left out of lists and figures.", "30d", DURATION),
  }),
});

const GRANTED = Type.Optional(
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 100 }),
);

const GROUP = Type.Object(
  {
    group: Type.String({ minLength: 1, maxLength: 256 }),
    role: Type.Enum(["admin", "investigator", "auditor", "viewer"]),
    logs: GRANTED,
    services: GRANTED,
    data_classes: GRANTED,
  },
  { additionalProperties: false },
);

const OIDC = section("Login of people by an OpenID Connect provider.", {
  issuer: text("The provider's issuer URL; empty: no login by a provider.", "", {
    source: "^(https?://[^\\s?#]+)?$",
    says: "an https:// URL (http:// for loopback only)",
  }),
  client_id: text("This server's client id at the provider.", ""),
  client_secret_file: path("File of the client's secret. Empty, and none stored: a public client."),
  client_secret_name: text("Instead of a file: the name of a secret that `tallystick secrets set` stored.", "", {
    source: "^([a-z0-9][a-z0-9_-]{0,62})?$",
    says: "1 to 63 lower-case letters, digits, dashes and underscores",
  }),
  scopes: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
    description: "Scopes that are asked for.",
    default: ["openid", "email", "groups"],
    maxItems: 16,
  }),
  name_claim: text("The claim that names a person in records: oidc:<value>.", "email"),
  require_verified_email: Type.Boolean({
    description:
      "Whether an e-mail address names a person only when the provider says that it is verified (`email_verified`). false: for a provider that never says so and gives out its addresses itself; one that it says is not verified is refused all the same.",
    default: true,
  }),
  groups_claim: text("The claim that lists a person's groups.", "groups"),
  roles: Type.Array(GROUP, {
    description:
      "Items {group, role, logs, services, data_classes}: who is in the group has the role, within the scope that the lists name; the first that fits counts, and who is in none has no login.",
    default: [],
    maxItems: 256,
  }),
});

const CONTROL = section("Changes that people make.", {
  approvals: oneOf(
    "Whether a second administrator must agree to the actions in `approvals_for`: always, never, or when there is more than one.",
    "auto",
    ["auto", "always", "never"],
  ),
  approvals_for: Type.Array(Type.Enum(["erase", "release_hold", "shorten_retention", "respond"]), {
    description: "What asks for a second administrator.",
    default: ["erase", "release_hold", "shorten_retention"],
    maxItems: 4,
  }),
});

const KMS_NAME = { source: "^[A-Za-z0-9._-]{0,32}$", says: "1 to 32 letters, digits, dots, dashes, underscores" };
const KMS = section("The key that wraps all data keys.", {
  provider: oneOf("Where the wrapping key lives: in a file, or in a PKCS#11 token (HSM).", "file", ["file", "pkcs11"]),
  file: path("File of the 256-bit key, 64 hex digits. Empty: kms.key in the data folder, which `doctor` flags."),
  pkcs11: section("A PKCS#11 token; the wrapping key is made in it and never leaves it.", {
    module: text("The token's PKCS#11 library, as /usr/lib/softhsm/libsofthsm2.so.", ""),
    token: text("The token's label.", "", KMS_NAME),
    key: text("Label of the wrapping keys in the token.", "tallystick", {
      ...KMS_NAME,
      source: "^[A-Za-z0-9._-]{1,32}$",
    }),
    pin_file: path("File with the token's user PIN."),
  }),
});

const LOG = section("What the server says about itself, on standard error.", {
  level: oneOf("Lowest level written.", "info", ["trace", "debug", "info", "warn", "error", "silent"]),
});

export const ConfigSchema = Type.Object(
  {
    http: HTTP,
    tls: TLS,
    access: ACCESS,
    networks: NETWORKS,
    intake: INTAKE,
    journal: JOURNAL,
    ledger: LEDGER,
    index: INDEX,
    search: SEARCH,
    tally: TALLY,
    alerts: ALERTS,
    respond: RESPOND,
    detectors: DETECTORS,
    oidc: OIDC,
    control: CONTROL,
    payloads: PAYLOADS,
    classify: CLASSIFY,
    retention: RETENTION,
    rules: RULES,
    logs: LOGS,
    kms: KMS,
    log: LOG,
  },
  { additionalProperties: false },
);
export type Config = Static<typeof ConfigSchema>;

/** One key as people write it, `intake.otlp.internal`, with its schema. */
export interface ConfigKey {
  readonly path: readonly string[];
  readonly name: string;
  readonly variable: string;
  readonly schema: TSchema;
}

interface ObjectLike {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, TSchema>>;
}

/** Children of a section; null for a key that holds a value. */
export function sectionOf(schema: TSchema): Readonly<Record<string, TSchema>> | null {
  const { type, properties } = schema as ObjectLike;
  return type === "object" && properties !== undefined ? properties : null;
}

function keysBelow(schema: TSchema, path: readonly string[]): readonly ConfigKey[] {
  const children = sectionOf(schema);
  if (children !== null) return Object.entries(children).flatMap(([name, child]) => keysBelow(child, [...path, name]));
  const variable = `TALLYSTICK_${path.join("_").toUpperCase()}`;
  return [{ path, name: path.join("."), variable, schema }];
}

/** In the order of the documentation. */
export const CONFIG_KEYS: readonly ConfigKey[] = keysBelow(ConfigSchema, []);
