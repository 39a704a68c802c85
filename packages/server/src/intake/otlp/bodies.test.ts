import { describe, expect, test } from "vitest";

import { partialSuccess } from "./response.ts";
import { httpClient, logs, prepared, span, text, traces, type Json } from "./requests.contract.ts";
import { encode } from "./wire.contract.ts";

const BODY = "the-body-that-must-not-be-kept";
const at = { timeUnixNano: "1794999999123456789" };
const map = (...values: Json[]): Json => ({ kvlistValue: { values } });
const nested = (key: string, ...values: Json[]): Json => ({ key, value: map(...values) });
const audit = text("event_type", "API_CALL");
const bodyMaps = [text("request_body", BODY), nested("response_body", text("a", BODY))];
const good = { ...at, body: { stringValue: "kept" } };
const rest = Array.from({ length: 300 }, (_, index) => text(`a${index}`, "x"));

describe("bodies are refused in partial success and never stored", () => {
  test.each<[string, Json]>([
    ["a body map", { body: map(text("request_body", BODY)) }],
    ["an audit record's body map", { body: map(audit, ...bodyMaps) }],
    ["a body map's attributes", { body: map(audit, nested("attributes", ...bodyMaps)) }],
    ["a map below tallystick", { body: map(nested("tallystick", text("request_body", BODY))) }],
    ["a JSON text", { body: { stringValue: JSON.stringify({ event_type: "API_CALL", response_body: BODY }) } }],
    ["attributes", { attributes: [text("response_body", BODY)] }],
    ["attributes behind too many others", { attributes: [...rest, text("request_body", BODY)] }],
    ["attributes tallystick.<field>", { attributes: [text("tallystick.request_body", BODY)] }],
    ["a map of that name", { attributes: [nested("tallystick.response_body", text("a", BODY))] }],
  ])("log records: %s", async (_where, item) => {
    const json = logs("orders", { ...at, ...item }, good);
    for (const request of [
      { format: "otlp-logs-json", body: Buffer.from(JSON.stringify(json)) },
      { format: "otlp-logs-protobuf", body: encode("LogsRequest", json) },
    ] as const) {
      const result = await prepared(request);
      expect(result.rejected).toMatchObject([{ line: 1, code: "bodies_not_enabled" }]);
      expect([...result.lines]).toEqual([2]);
      expect(Buffer.from(result.records.bytes).toString() + JSON.stringify(result)).not.toContain(BODY);
      expect(partialSuccess("logs", result)?.message).toMatch(/_body is not taken .*bodies_not_enabled/);
    }
  });

  test.each(["tallystick.request_body", "tallystick.response_body", "request_body"])("spans: %s", async (name) => {
    const spans = [span({ attributes: [text(name, BODY)] }), httpClient];
    const body = Buffer.from(JSON.stringify(traces("orders", ...spans)));
    const result = await prepared({ format: "otlp-traces-json", body });
    expect(result.rejected).toMatchObject([{ line: 1, code: "bodies_not_enabled" }]);
    expect([...result.lines]).toEqual([2]);
    expect(Buffer.from(result.records.bytes).toString()).not.toContain(BODY);
  });
});
