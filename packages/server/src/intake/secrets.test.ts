import { expect, test } from "vitest";

import type { IntakeRequest } from "./intake.ts";
import { int, list, logs, prepared, span, text, traces, type Json } from "./otlp/requests.contract.ts";
import { encode } from "./otlp/wire.contract.ts";
import { NO_AMENDMENTS } from "./amendments.contract.ts";

/** Each of these must be nowhere in what goes to the journal, whichever way it came. */
const SECRET = {
  bearer: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvcmRlcnMifQ.c2lnbmF0dXJlLXRoYXQtaXMtc2VjcmV0",
  cookie: "sid-4f9a8b7c6d5e",
  setCookie: "session-0a1b2c3d4e5f",
  apiKey: "k-93jf0s9dkf0s9dfk",
  internal: "internal-value-5521",
  query: "query-value-8812",
  literal: "literal-value-7734",
  card: "4111111111111111",
  password: "hunter2-correct-horse",
  user: "userinfo-pass-6655",
} as const;
const AWS = ["AKIA", "IOSFODNN7EXAMPLE"].join("");
const ALL = [...Object.values(SECRET), AWS];

const ATTRIBUTES: Readonly<Record<string, string>> = {
  "http.request.header.authorization": `Bearer ${SECRET.bearer}`,
  "http.request.header.cookie": `sid=${SECRET.cookie}`,
  "http.response.header.set-cookie": `session=${SECRET.setCookie}; HttpOnly`,
  "http.request.header.x-api-key": SECRET.apiKey,
  "X-Internal": SECRET.internal,
  "url.full": `https://svc:${SECRET.user}@api.example.com/v1/x?key=${SECRET.query}`,
  "url.query": `key=${SECRET.query}`,
  "db.query.text": `SELECT * FROM users WHERE name = '${SECRET.literal}'`,
  "db.statement": `SELECT * FROM users WHERE name = '${SECRET.literal}'`,
  "app.note": `paid with ${SECRET.card}, uploaded with ${AWS}`,
};
const MESSAGE = `card ${SECRET.card} refused for ${AWS} at https://svc:${SECRET.user}@h/p?key=${SECRET.query}`;
const RECORD = {
  timestamp: "2026-11-25T01:02:03Z",
  event_type: "API_CALL",
  service_id: "orders",
  target_id: "payments",
  status: "error",
  resource: `/v1/x?key=${SECRET.query}`,
  error_message: MESSAGE,
  authorization: `Bearer ${SECRET.bearer}`,
  attributes: ATTRIBUTES,
};

const settings: IntakeRequest["settings"] = {
  maxDecompressedBytes: 20 << 20,
  maxRecords: 10_000,
  redactNames: ["X-Internal"],
  otlpInternal: "drop",
  amendments: NO_AMENDMENTS,
};

async function leaks(over: Partial<IntakeRequest>): Promise<string[]> {
  const result = await prepared({ ...over, settings });
  expect(result.records.count).toBeGreaterThan(0);
  expect(result.rejected).toEqual([]);
  const kept = Buffer.from(result.records.bytes).toString() + JSON.stringify([result.notes, result.rejected]);
  return ALL.filter((secret) => kept.includes(secret));
}

test("secrets sent as JSON and NDJSON", async () => {
  const nested = {
    ...RECORD,
    context: { password: SECRET.password, list: [{ authorization: `Bearer ${SECRET.bearer}` }] },
  };
  expect(await leaks({ format: "json", body: Buffer.from(JSON.stringify([RECORD, nested])) })).toEqual([]);
  expect(await leaks({ format: "ndjson", body: Buffer.from(`${JSON.stringify(nested)}\n`) })).toEqual([]);
});

test("secrets sent as XML", async () => {
  const escape = (value: string): string => value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const { attributes, ...fields } = RECORD;
  const elements = Object.entries(fields).map(([name, value]) => `<${name}>${escape(value)}</${name}>`);
  const entries = Object.entries(attributes).map(([name, value]) => `<entry key="${name}">${escape(value)}</entry>`);
  const context = `<context><password>${SECRET.password}</password></context>`;
  const body = `<record>${elements.join("")}${context}<attributes>${entries.join("")}</attributes></record>`;
  expect(await leaks({ format: "xml", body: Buffer.from(body) })).toEqual([]);
});

const told: Json[] = [
  ...Object.entries(ATTRIBUTES).map(([name, value]) =>
    name.includes(".header.") ? list(name, value) : text(name, value),
  ),
  { key: "context", value: { kvlistValue: { values: [text("password", SECRET.password)] } } },
  {
    key: "calls",
    value: { arrayValue: { values: [{ kvlistValue: { values: [text("password", SECRET.password)] } }] } },
  },
];

test("secrets sent as OTLP traces, by either encoding and on the resource", async () => {
  const spans = [
    span({
      attributes: [...told, text("http.request.method", "GET"), int("http.response.status_code", 500)],
      status: { code: 2, message: MESSAGE },
    }),
    span({
      kind: 2,
      attributes: [
        text("http.method", "GET"),
        text("http.target", `/v1/x?key=${SECRET.query}`),
        text("http.url", ATTRIBUTES["url.full"] ?? ""),
      ],
    }),
    span({
      attributes: [text("db.system", "postgresql"), ...told],
      events: [{ name: "exception", attributes: [text("exception.message", MESSAGE)] }],
    }),
  ];
  const request = traces("orders", ...spans);
  const [group] = request["resourceSpans"] as Json[];
  const secretResource = {
    resourceSpans: [{ ...group, resource: { attributes: [text("service.name", "orders"), ...told] } }],
  };
  for (const json of [request, secretResource]) {
    expect(await leaks({ format: "otlp-traces-json", body: Buffer.from(JSON.stringify(json)) })).toEqual([]);
    expect(await leaks({ format: "otlp-traces-protobuf", body: encode("TraceRequest", json, true) })).toEqual([]);
  }
});

test("secrets sent as OTLP logs: in attributes, in a body's map, in a body's text", async () => {
  const at = { timeUnixNano: "1794999999123456789" };
  const json = logs(
    "orders",
    { ...at, attributes: told, body: { stringValue: MESSAGE } },
    { ...at, body: { kvlistValue: { values: told } } },
    { ...at, body: { kvlistValue: { values: [text("event_type", "API_CALL"), ...told] } } },
    { ...at, body: { stringValue: JSON.stringify(RECORD) } },
  );
  expect(await leaks({ format: "otlp-logs-json", body: Buffer.from(JSON.stringify(json)) })).toEqual([]);
  expect(await leaks({ format: "otlp-logs-protobuf", body: encode("LogsRequest", json) })).toEqual([]);
});
