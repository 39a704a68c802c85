import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { IntakeRequest } from "../intake.ts";
import {
  REQUEST,
  CLIENT_SPAN,
  TRACE,
  httpClient,
  httpServer,
  int,
  logs,
  prepared,
  recordsOf,
  run,
  span,
  text,
  traces,
  type Json,
} from "./requests.contract.ts";
import { encode, encodeField } from "./wire.contract.ts";

describe("both encodings", () => {
  test("protobuf, its fields reversed with unknown ones among them, and JSON: identical records", async () => {
    const json = {
      resourceSpans: [
        ...(traces("orders", httpClient)["resourceSpans"] as Json[]),
        ...(traces("payments", httpServer)["resourceSpans"] as Json[]),
      ],
    };
    const [fromJson, forward, backward, zipped] = await Promise.all([
      prepared({ format: "otlp-traces-json", body: Buffer.from(JSON.stringify(json)) }),
      prepared({ body: encode("TraceRequest", json) }),
      prepared({ body: encode("TraceRequest", json, true) }),
      prepared({ body: gzipSync(encode("TraceRequest", json)), encoding: "gzip" }),
    ]);
    expect(recordsOf(fromJson)).toHaveLength(2);
    for (const other of [forward, backward, zipped])
      expect(Buffer.compare(other.records.bytes, fromJson.records.bytes)).toBe(0);
    expect(Buffer.compare(forward.records.identities, fromJson.records.identities)).toBe(0);
    expect([...fromJson.records.identified]).toEqual([1, 1]);
  });

  test("log records too", async () => {
    const json = logs("orders", {
      timeUnixNano: "1794999999123456789",
      observedTimeUnixNano: "1794999999123456999",
      severityNumber: 9,
      severityText: "INFO",
      body: { kvlistValue: { values: [text("message", "done"), int("items", 3)] } },
      attributes: [text("user.id", "u-1")],
      traceId: TRACE,
      spanId: CLIENT_SPAN,
      eventName: "order.done",
    });
    const [fromJson, backward] = await Promise.all([
      prepared({ format: "otlp-logs-json", body: Buffer.from(JSON.stringify(json)) }),
      prepared({ format: "otlp-logs-protobuf", body: encode("LogsRequest", json, true) }),
    ]);
    expect(recordsOf(fromJson)).toEqual(recordsOf(backward));
    expect(recordsOf(fromJson)[0]).toMatchObject({
      event_type: "LOG",
      service_id: "orders",
      operation: "order.done",
      timestamp: "2026-11-18T11:06:39.123456Z",
      attributes: { message: "done", items: "3", "log.severity": "INFO", "user.id": "u-1" },
    });
  });

  test("ids in upper case, times and integers as numbers, unknown and null keys", async () => {
    const body = JSON.stringify(
      traces("orders", { ...httpClient, traceId: TRACE.toUpperCase(), flags: 1, links: null, unknown: { a: [1] } }),
    )
      .replace('"1794999999123456789"', "1794999999123456789")
      .replace('"9223372036854775807"', "9223372036854775807");
    const loose = await prepared({ format: "otlp-traces-json", body: Buffer.from(body) });
    const strict = await prepared({ body: encode("TraceRequest", traces("orders", httpClient)) });
    expect(recordsOf(loose)).toEqual(recordsOf(strict));
  });

  test("an empty request is a success", async () => {
    expect((await prepared({ body: new Uint8Array() })).records.count).toBe(0);
    expect((await prepared({ format: "otlp-logs-json", body: Buffer.from("{}") })).records.count).toBe(0);
  });
});

describe("what is broken", () => {
  test("a bad span is rejected under its number and its neighbours are kept", async () => {
    const bad = { ...httpClient, traceId: "abcd" };
    for (const request of [
      {
        format: "otlp-traces-json" as const,
        body: Buffer.from(JSON.stringify(traces("o", httpClient, bad, httpServer, span({ startTimeUnixNano: 0 })))),
      },
      { body: encode("TraceRequest", traces("o", httpClient, bad, httpServer, span({ startTimeUnixNano: 0 }))) },
    ]) {
      const result = await prepared(request);
      expect([...result.lines]).toEqual([1, 3]);
      expect(result.rejected.map((note) => [note.line, note.code])).toEqual([
        [2, "malformed_item"],
        [4, "missing_field"],
      ]);
    }
  });

  test("attribute values nested without end are rejected, not followed", async () => {
    let json = '{"stringValue":"x"}';
    for (let depth = 0; depth < 100_000; depth++) json = `{"arrayValue":{"values":[${json}]}}`;
    const body = JSON.stringify(traces("o", span({ attributes: [{ key: "k", value: "HERE" }] }), httpClient)).replace(
      '"HERE"',
      json,
    );
    const result = await prepared({ format: "otlp-traces-json", body: Buffer.from(body) });
    expect([...result.lines]).toEqual([2]);
    let wire: Buffer = Buffer.from([0x0a, 1, 0x78]);
    for (let depth = 0; depth < 200; depth++)
      wire = encodeField(
        [5, "bytes"],
        encodeField([1, "bytes"], wire.toString("base64"), false).toString("base64"),
        false,
      );
    const attribute = Buffer.concat([
      encodeField([1, "string"], "k", false),
      encodeField([2, "bytes"], wire.toString("base64"), false),
    ]);
    const broken = Buffer.concat([
      encode("Span", span({})),
      encodeField([9, "bytes"], attribute.toString("base64"), false),
    ]);
    const scope = Buffer.concat([
      encodeField([2, "bytes"], broken.toString("base64"), false),
      encodeField([2, "Span"], httpClient, false),
    ]);
    const group = encodeField([2, "bytes"], scope.toString("base64"), false);
    const deep = await prepared({ body: encodeField([1, "bytes"], group.toString("base64"), false) });
    expect([...deep.lines]).toEqual([2]);
    expect(deep.rejected).toMatchObject([{ line: 1, code: "malformed_item" }]);
  });

  test("more records than a batch may hold are refused", async () => {
    const settings = { ...REQUEST.settings, maxRecords: 3 };
    const body = encode("TraceRequest", traces("o", ...Array.from({ length: 4 }, () => httpClient)));
    expect(await run({ body, settings })).toMatchObject({ kind: "refused", code: "too_many_records" });
    const internal = encode("TraceRequest", traces("o", ...Array.from({ length: 20 }, () => span({ kind: 1 }))));
    expect(await run({ body: internal, settings })).toMatchObject({ kind: "prepared", leftOut: 20 });
  });

  test("a few bytes cannot become millions of objects", async () => {
    const many = (unit: number[], count: number): Buffer => Buffer.alloc(unit.length * count, Buffer.from(unit));
    const spanOf = (rest: Buffer): Buffer => {
      const broken = Buffer.concat([encode("Span", span({})), rest]);
      const scope = Buffer.concat([
        encodeField([2, "bytes"], broken.toString("base64"), false),
        encodeField([2, "Span"], httpClient, false),
      ]);
      const group = encodeField([2, "bytes"], scope.toString("base64"), false);
      return encodeField([1, "bytes"], group.toString("base64"), false);
    };
    // Empty attributes, events and links; empty resources.
    for (const unit of [
      [0x4a, 0],
      [0x5a, 0],
      [0x6a, 0],
    ]) {
      const result = await prepared({ body: spanOf(many(unit, 1_000_000)) });
      expect([...result.lines]).toEqual([2]);
    }
    expect(await run({ body: many([0x0a, 0], 5_000_000) })).toMatchObject({ kind: "refused", code: "malformed_body" });
    expect(await run({ body: spanOf(many([0x12, 0], 1)) })).toMatchObject({ kind: "prepared" });
  });

  test("property: any bytes, and any damage to a good request, are answered and never thrown", async () => {
    const good = encode("TraceRequest", traces("orders", httpClient, httpServer));
    const formats = fc.constantFrom<IntakeRequest["format"]>(
      "otlp-traces-protobuf",
      "otlp-logs-protobuf",
      "otlp-traces-json",
      "otlp-logs-json",
    );
    const damaged = fc
      .tuple(fc.nat(good.length - 1), fc.nat(255))
      .map(([at, byte]) => Buffer.concat([good.subarray(0, at), Buffer.from([byte]), good.subarray(at + 1)]));
    const cut = fc.nat(good.length).map((length) => good.subarray(0, length));
    await fc.assert(
      fc.asyncProperty(formats, fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged, cut), async (format, body) => {
        expect(["prepared", "refused"]).toContain((await run({ format, body })).kind);
      }),
      { numRuns: 1_000 },
    );
  });

  test("property: any JSON in the place of a span is rejected alone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const json = { resourceSpans: [{ scopeSpans: [{ spans: [value, httpClient] }] }] };
        const result = await run({ format: "otlp-traces-json", body: Buffer.from(JSON.stringify(json)) });
        expect(result.kind === "prepared" && [...result.lines].includes(2)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
