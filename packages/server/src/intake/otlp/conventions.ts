import { SPAN_KIND, type Span } from "./shape.ts";
import type { Told } from "./told.ts";

/**
 * The semantic conventions: what a span's attributes say about the call it stands for, by their current names and by
 * those before (HTTP before 1.21, databases before 1.28, RPC before 1.37, messaging before 1.24). The most specific
 * convention speaks: an SQS call is messaging and not the HTTP request it rides on.
 */
export interface Call {
  readonly eventType: "API_CALL" | "DB_QUERY" | "MESSAGE_PUBLISH" | "MESSAGE_CONSUME";
  readonly protocol: string;
  readonly operation: string;
  readonly action: string;
  readonly resource: string;
  /** The protocol's own code; "" when there is none. */
  readonly code: string;
  /** What the code means; "" when it does not tell. */
  readonly outcome: "" | "success" | "error" | "denied" | "timeout";
  /** The protocol answers with a code always: none means that no answer was seen. */
  readonly codeExpected: boolean;
}

export function callOf(span: Span, told: Told): Call {
  return (
    messaging(span, told) ??
    database(span, told) ??
    mcp(told) ??
    rpc(told) ??
    graphql(told) ??
    http(span, told) ??
    other(span)
  );
}

const other = (span: Span): Call => ({
  eventType: "API_CALL",
  protocol: "other",
  operation: span.name,
  action: "",
  resource: "",
  code: "",
  outcome: "",
  codeExpected: false,
});

const MESSAGING_PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ["kafka", "kafka"],
  ["rabbitmq", "amqp"],
  ["amqp", "amqp"],
  ["nats", "nats"],
  ["mqtt", "mqtt"],
]);
const CONSUMING = /^(?:receive|process|deliver|settle|consume|ack)$/;

function messaging(span: Span, told: Told): Call | null {
  const system = told.take("messaging.system");
  const byKind = span.kind === SPAN_KIND.producer || span.kind === SPAN_KIND.consumer;
  if (system === "" && !byKind) return null;
  const kind = told.see("messaging.operation.type", "messaging.operation");
  const consumes = span.kind === SPAN_KIND.consumer || (span.kind !== SPAN_KIND.producer && CONSUMING.test(kind));
  const topic = told.see("messaging.destination.name", "messaging.destination");
  const passing = told.see("messaging.destination.temporary", "messaging.temp_destination") === "true";
  const name = told.see("messaging.destination.template") || (passing ? "(temporary)" : topic);
  const verb = consumes ? "consume" : "publish";
  const protocol = told.see("network.protocol.name", "messaging.protocol").toLowerCase();
  told.rename("messaging.message_id", "messaging.message.id");
  told.rename("messaging.destination", "messaging.destination.name");
  told.rename("messaging.kafka.message.offset", "messaging.kafka.offset");
  told.rename("messaging.kafka.destination.partition", "messaging.destination.partition.id");
  told.rename("messaging.kafka.partition", "messaging.destination.partition.id");
  return {
    ...other(span),
    eventType: consumes ? "MESSAGE_CONSUME" : "MESSAGE_PUBLISH",
    protocol: MESSAGING_PROTOCOLS.get(protocol) ?? MESSAGING_PROTOCOLS.get(system) ?? "other",
    operation: name === "" ? span.name : `${verb} ${name}`,
    action: verb,
    resource: topic,
  };
}

const SQL_SYSTEMS: ReadonlySet<string> = new Set(
  (
    "postgresql mysql mariadb mssql microsoft.sql_server oracle oracle.db sqlite db2 ibm.db2 cockroachdb " +
    "clickhouse h2 h2database hsqldb derby redshift aws.redshift snowflake trino presto spanner gcp.spanner " +
    "cloudscape hive vertica teradata sap.hana " +
    "hanadb informix ibm.informix ingres actian.ingres firebird firebirdsql sybase tidb other_sql"
  ).split(" "),
);
const DATABASE_ACTIONS: ReadonlyMap<string, string> = new Map([
  ...words("read", "SELECT GET MGET HGET HGETALL FIND AGGREGATE COUNT DISTINCT SCAN SHOW EXISTS QUERY"),
  ...words("create", "INSERT CREATE"),
  ...words("update", "UPDATE UPSERT REPLACE MERGE SET MSET HSET ALTER FINDANDMODIFY INCR EXPIRE"),
  ...words("delete", "DELETE DROP DEL TRUNCATE REMOVE HDEL UNLINK"),
]);

function words(action: string, list: string): [string, string][] {
  return list.split(" ").map((word) => [word, action]);
}

function database(span: Span, told: Told): Call | null {
  const system = told.see("db.system.name", "db.system");
  if (system === "") return null;
  const summary = told.take("db.query.summary");
  const collection = told.take("db.collection.name", "db.sql.table", "db.mongodb.collection", "db.cassandra.table");
  const name = told.take("db.operation.name", "db.operation");
  const protocol = databaseProtocol(system);
  const composed = name === "" ? span.name : collection === "" ? name : `${name} ${collection}`;
  // The first word of a statement is its verb.
  const verb = (name || summary || told.see("db.query.text", "db.statement")).trim().split(/[\s(]/, 1)[0] ?? "";
  const code = told.take("db.response.status_code");
  return {
    ...other(span),
    eventType: "DB_QUERY",
    protocol,
    operation: summary || composed,
    action: verb === "" ? "" : (DATABASE_ACTIONS.get(verb.toUpperCase()) ?? "execute"),
    resource: collection || told.see("db.namespace", "db.name"),
    code,
    // SQLSTATE class 28 is invalid authorization, 42501 insufficient privilege.
    outcome: protocol === "sql" && /^(?:28...|42501)$/.test(code) ? "denied" : "",
  };
}

function databaseProtocol(system: string): string {
  if (SQL_SYSTEMS.has(system)) return "sql";
  return system === "redis" || system === "mongodb" ? system : "other";
}

const GRPC_CODES = (
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS " +
  "PERMISSION_DENIED RESOURCE_EXHAUSTED " +
  "FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split(" ");
const RPC_OUTCOMES: ReadonlyMap<string, Call["outcome"]> = new Map([
  ["OK", "success"],
  ["PERMISSION_DENIED", "denied"],
  ["UNAUTHENTICATED", "denied"],
  ["DEADLINE_EXCEEDED", "timeout"],
]);

function rpc(told: Told): Call | null {
  const system = told.take("rpc.system.name", "rpc.system");
  if (system === "") return null;
  const service = told.take("rpc.service");
  const method = told.take("rpc.method");
  const number = told.take("rpc.grpc.status_code");
  const given = told.take(
    "rpc.response.status_code",
    "rpc.status_code",
    "rpc.connect_rpc.error_code",
    "rpc.jsonrpc.error_code",
  );
  const code = (given === "" && number !== "" ? (GRPC_CODES[Number(number)] ?? number) : given) || "";
  // gRPC and Connect have names for codes; JSON-RPC has numbers of which only "there is one" is known.
  const outcome = code === "" ? "" : (RPC_OUTCOMES.get(code.toUpperCase()) ?? "error");
  return {
    eventType: "API_CALL",
    protocol: system === "grpc" ? "grpc" : "other",
    operation: service === "" || method.includes("/") ? method : `${service}/${method}`,
    action: "execute",
    resource: "",
    code,
    outcome,
    codeExpected: false,
  };
}

function mcp(told: Told): Call | null {
  const method = told.take("mcp.method.name");
  if (method === "") return null;
  const tool = told.see("gen_ai.tool.name", "gen_ai.prompt.name", "mcp.tool.name");
  const resource = told.take("mcp.resource.uri");
  const operation = tool === "" ? method : `${method} ${tool}`;
  const code = told.take("rpc.response.status_code", "rpc.jsonrpc.error_code");
  return { ...plain, protocol: "mcp", operation, resource, code, outcome: code === "" ? "" : "error" };
}

const GRAPHQL_ACTIONS: ReadonlyMap<string, string> = new Map([["query", "read"]]);

function graphql(told: Told): Call | null {
  const type = told.take("graphql.operation.type");
  const name = told.take("graphql.operation.name");
  if (type === "" && name === "") return null;
  const operation = [type, name].filter((part) => part !== "").join(" ");
  const code = told.take("http.response.status_code", "http.status_code");
  const action = GRAPHQL_ACTIONS.get(type) ?? "execute";
  return { ...plain, protocol: "graphql", operation, action, code, outcome: httpOutcome(code) };
}

const plain = {
  eventType: "API_CALL",
  action: "execute",
  resource: "",
  codeExpected: false,
} as const;

const HTTP_ACTIONS: ReadonlyMap<string, string> = new Map([
  ["GET", "read"],
  ["HEAD", "read"],
  ["QUERY", "read"],
  ["PUT", "update"],
  ["PATCH", "update"],
  ["DELETE", "delete"],
]);

function http(span: Span, told: Told): Call | null {
  const listed = told.take("http.request.method", "http.method", "http.request.method_original");
  const method = (listed === "_OTHER" ? told.take("http.request.method_original") : listed) || listed;
  if (method === "") return null;
  const route = told.take("http.route") || told.take("url.template", "http.request.template");
  const code = told.take("http.response.status_code", "http.status_code");
  // Span names are of low cardinality by their convention, and those that hold a route begin with the method.
  const named = span.name.startsWith(`${method} /`) ? span.name : method;
  return {
    eventType: "API_CALL",
    protocol: "http",
    operation: route === "" ? named : `${method} ${route}`,
    action: HTTP_ACTIONS.get(method) ?? "execute",
    resource: httpResource(told),
    code,
    outcome: httpOutcome(code),
    codeExpected: true,
  };
}

/** Path and query: the same on both sides, whichever of the whole URL and its parts is told. */
function httpResource(told: Told): string {
  const target = told.take("http.target");
  const path = told.take("url.path");
  const query = told.take("url.query");
  if (path !== "") return query === "" ? path : `${path}?${query.replace(/^\?/, "")}`;
  if (target !== "") return target;
  const url = urlParts(told.see("url.full", "http.url"));
  return url === null ? "" : url.path;
}

export function urlParts(url: string): { readonly host: string; readonly path: string } | null {
  const parts = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)([^#]*)/i.exec(url);
  if (parts === null) return null;
  const [, authority = "", path = ""] = parts;
  return { host: authority.slice(authority.lastIndexOf("@") + 1), path: path.startsWith("/") ? path : `/${path}` };
}

/**
 * Any 4xx or 5xx is an error on both sides, so that the two halves of a call agree (OpenTelemetry marks 4xx on the
 * client's alone).
 */
function httpOutcome(code: string): Call["outcome"] {
  if (!/^[1-5]\d\d$/.test(code)) return "";
  if (code === "401" || code === "403") return "denied";
  if (code === "408" || code === "504") return "timeout";
  return Number(code) >= 400 ? "error" : "success";
}
