import { inlineCompute } from "../../compute/inline.ts";
import type { AuditRecord } from "@tallystick/record";

import type { IntakeRequest, IntakeResult } from "../intake.ts";
import { normaliseTask } from "../normalise-task.ts";
import { NO_AMENDMENTS } from "../amendments.contract.ts";

/** Requests in OTLP's JSON, and what becomes of them; for the tests of this folder. */
export const NOW_US = 1_795_000_000_000_000;

export const REQUEST: IntakeRequest = {
  body: new Uint8Array(),
  format: "otlp-traces-protobuf",
  encoding: "identity",
  sender: { principal: "key:collector", service: null, services: [], relay: "*" },
  idempotencyKey: null,
  nowUs: NOW_US,
  redactionKey: new Uint8Array(32).fill(7),
  settings: {
    maxDecompressedBytes: 20 << 20,
    maxRecords: 10_000,
    redactNames: [],
    otlpInternal: "drop",
    amendments: NO_AMENDMENTS,
  },
};

export type Prepared = Extract<IntakeResult, { readonly kind: "prepared" }>;
export type Json = Readonly<Record<string, unknown>>;

export const run = (over: Partial<IntakeRequest>): Promise<IntakeResult> =>
  inlineCompute().run(normaliseTask, { ...REQUEST, ...over });

export function recordsOf(result: IntakeResult): AuditRecord[] {
  if (result.kind !== "prepared") throw new Error(result.message);
  const { bytes, offsets, count } = result.records;
  return Array.from(
    { length: count },
    (_, at) => JSON.parse(Buffer.from(bytes.subarray(offsets[at], offsets[at + 1])).toString()) as AuditRecord,
  );
}

export async function prepared(over: Partial<IntakeRequest>): Promise<Prepared> {
  const result = await run(over);
  if (result.kind !== "prepared") throw new Error(result.message);
  return result;
}

export const text = (key: string, value: string): Json => ({ key, value: { stringValue: value } });
export const int = (key: string, value: number): Json => ({ key, value: { intValue: String(value) } });
export const list = (key: string, ...values: string[]): Json => ({
  key,
  value: { arrayValue: { values: values.map((stringValue) => ({ stringValue })) } },
});

export const TRACE = "5b8efff798038103d269b633813fc60c";
export const CLIENT_SPAN = "eee19b7ec3c1b174";
export const SERVER_SPAN = "eee19b7ec3c1b175";

export const span = (over: Json): Json => ({
  traceId: TRACE,
  spanId: CLIENT_SPAN,
  name: "GET",
  kind: 3,
  startTimeUnixNano: "1794999999123456789",
  endTimeUnixNano: "1794999999124456789",
  attributes: [],
  ...over,
});

export const traces = (service: string, ...spans: Json[]): Json => ({
  resourceSpans: [
    {
      resource: {
        attributes: [text("service.name", service), text("service.version", "1.4.2"), text("host.name", "node-7")],
      },
      scopeSpans: [{ scope: { name: "http", version: "0.9" }, spans }],
    },
  ],
});

export const logs = (service: string, ...logRecords: Json[]): Json => ({
  resourceLogs: [{ resource: { attributes: [text("service.name", service)] }, scopeLogs: [{ logRecords }] }],
});

export async function sendTraces(json: Json, over: Partial<IntakeRequest> = {}): Promise<AuditRecord[]> {
  return recordsOf(await run({ format: "otlp-traces-json", body: Buffer.from(JSON.stringify(json)), ...over }));
}

export async function sendSpan(over: Json, service = "orders"): Promise<AuditRecord> {
  const [record] = await sendTraces(traces(service, span(over)));
  if (record === undefined) throw new Error("no record");
  return record;
}

export async function sendLogs(json: Json): Promise<AuditRecord[]> {
  return recordsOf(await run({ format: "otlp-logs-json", body: Buffer.from(JSON.stringify(json)) }));
}

export const httpClient = span({
  attributes: [
    text("http.request.method", "POST"),
    text("url.full", "http://payments.internal:8443/charges?amount=12"),
    text("server.address", "payments.internal"),
    int("server.port", 8443),
    text("network.peer.address", "10.0.0.9"),
    int("network.peer.port", 8443),
    int("http.response.status_code", 201),
    int("http.request.resend_count", 1),
    list("http.request.header.content-type", "application/json"),
    { key: "nested", value: { kvlistValue: { values: [text("a", "1"), { key: "b", value: { doubleValue: 1.5 } }] } } },
    { key: "raw", value: { bytesValue: "AAEC" } },
    { key: "big", value: { intValue: "9223372036854775807" } },
    { key: "yes", value: { boolValue: true } },
    { key: "nothing", value: {} },
  ],
});

export const httpServer = span({
  spanId: SERVER_SPAN,
  parentSpanId: CLIENT_SPAN,
  kind: 2,
  name: "POST /charges",
  attributes: [
    text("http.request.method", "POST"),
    text("http.route", "/charges"),
    text("url.path", "/charges"),
    text("url.query", "amount=12"),
    text("url.scheme", "http"),
    text("client.address", "10.0.0.7"),
    text("network.peer.address", "10.0.0.7"),
    int("network.peer.port", 50312),
    int("http.response.status_code", 201),
  ],
});
