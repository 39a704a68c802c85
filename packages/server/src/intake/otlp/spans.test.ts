import { describe, expect, test } from "vitest";
import { callId, type AuditRecord } from "@tallystick/record";

import {
  REQUEST,
  CLIENT_SPAN,
  SERVER_SPAN,
  TRACE,
  httpClient,
  httpServer,
  int,
  prepared,
  recordsOf,
  sendSpan,
  sendTraces,
  span,
  text,
  traces,
} from "./requests.contract.ts";
import { encode } from "./wire.contract.ts";

describe("HTTP", () => {
  test("both sides of a call: sides, parties, operation, one call id", async () => {
    const [caller] = await sendTraces(traces("orders", httpClient));
    const [callee] = await sendTraces(traces("payments", httpServer));
    expect(caller).toMatchObject({
      timestamp: "2026-11-18T11:06:39.123456Z",
      event_type: "API_CALL",
      side: "caller",
      service_id: "orders",
      target_id: "address:payments.internal:8443",
      recorder_id: "orders",
      operation: "POST",
      action: "execute",
      protocol: "http",
      status: "success",
      status_code: "201",
      attempt: 1,
      duration_us: 1000,
      trace_id: TRACE,
      span_id: CLIENT_SPAN,
      peer_address: "10.0.0.9",
      peer_port: 8443,
      host: "node-7",
      service_version: "1.4.2",
      attributes: {
        raw: "AAEC",
        big: "9223372036854775807",
        yes: "true",
        "nested.a": "1",
        "nested.b": "1.5",
        "otel.scope.name": "http",
      },
    });
    expect(callee).toMatchObject({
      side: "callee",
      service_id: "address:10.0.0.7",
      target_id: "payments",
      recorder_id: "payments",
      operation: "POST /charges",
      parent_span_id: CLIENT_SPAN,
      peer_address: "10.0.0.7",
      peer_port: 50312,
    });
    expect(callId(caller as AuditRecord)).toBe(callId(callee as AuditRecord));
    expect(caller?.request_id).toBe(callee?.request_id);
    expect(caller?.resource).toBe(callee?.resource);
    expect(callee?.client_address).toBeUndefined();
  });

  test("names of before the stable conventions", async () => {
    const record = await sendSpan({
      kind: 2,
      name: "GET /orders/{id}",
      attributes: [
        text("http.method", "GET"),
        text("http.route", "/orders/{id}"),
        text("http.target", "/orders/7"),
        int("http.status_code", 404),
        text("net.peer.ip", "::ffff:10.0.0.8"),
        int("net.peer.port", 41000),
        text("http.client_ip", "203.0.113.9"),
      ],
    });
    expect(record).toMatchObject({
      service_id: "address:203.0.113.9",
      client_address: "203.0.113.9",
      peer_address: "::ffff:10.0.0.8",
      peer_port: 41000,
      operation: "GET /orders/{id}",
      resource: "/orders/7",
      action: "read",
      status: "error",
      status_code: "404",
    });
    const dialled = await sendSpan({
      attributes: [
        text("http.method", "GET"),
        text("http.url", "https://api.example.com/v1/x"),
        text("net.peer.name", "API.example.com"),
        int("net.peer.port", 443),
      ],
    });
    expect(dialled).toMatchObject({ target_id: "address:api.example.com:443", resource: "/v1/x", status: "unknown" });
    expect(dialled.attributes?.["tallystick.status_reason"]).toMatch(/neither a status code nor an error/);
  });

  test.each([
    ["denied", { attributes: [text("http.request.method", "GET"), int("http.response.status_code", 403)] }],
    [
      "denied",
      { attributes: [text("http.request.method", "GET"), int("http.response.status_code", 401)], status: { code: 2 } },
    ],
    [
      "timeout",
      { attributes: [text("http.request.method", "GET"), int("http.response.status_code", 504)], status: { code: 2 } },
    ],
    [
      "timeout",
      { attributes: [text("http.request.method", "GET"), text("error.type", "ETIMEDOUT")], status: { code: 2 } },
    ],
    ["timeout", { attributes: [], status: { code: 2, message: "connect ETIMEDOUT 10.0.0.9:443" } }],
    ["error", { attributes: [], status: { code: 2, message: "invalid timeout" } }],
    [
      "success",
      { attributes: [], events: [{ name: "exception", attributes: [text("exception.type", "TimeoutError")] }] },
    ],
    [
      "error",
      { attributes: [text("http.request.method", "GET"), int("http.response.status_code", 500)], status: { code: 2 } },
    ],
    [
      "error",
      { attributes: [text("http.request.method", "GET"), int("http.response.status_code", 200)], status: { code: 2 } },
    ],
    [
      "success",
      { attributes: [text("http.request.method", "GET"), int("http.response.status_code", 404)], status: { code: 1 } },
    ],
    ["success", { attributes: [], status: {} }],
  ])("status %s", async (status, over) => {
    expect((await sendSpan(over)).status).toBe(status);
  });
});

describe("databases, RPC and messages", () => {
  test("a query, by current and previous names", async () => {
    const current = await sendSpan({
      name: "SELECT orders",
      attributes: [
        text("db.system.name", "postgresql"),
        text("db.operation.name", "SELECT"),
        text("db.collection.name", "orders"),
        text("db.namespace", "shop"),
        text("db.query.text", "SELECT * FROM orders WHERE id = 'secret-literal'"),
        text("server.address", "db"),
        int("server.port", 5432),
        text("db.response.status_code", "42501"),
      ],
      status: { code: 2, message: "permission denied" },
    });
    expect(current).toMatchObject({
      event_type: "DB_QUERY",
      protocol: "sql",
      operation: "SELECT orders",
      action: "read",
      resource: "orders",
      target_id: "address:db:5432",
      status: "denied",
      status_code: "42501",
      error_message: "permission denied",
    });
    const previous = await sendSpan({
      name: "pg.query:INSERT shop",
      attributes: [
        text("db.system", "postgresql"),
        text("db.name", "shop"),
        text("db.statement", "INSERT INTO orders VALUES (1)"),
        text("net.peer.name", "db"),
        int("net.peer.port", 5432),
      ],
    });
    expect(previous).toMatchObject({
      event_type: "DB_QUERY",
      protocol: "sql",
      operation: "pg.query:INSERT shop",
      action: "create",
      target_id: "address:db:5432",
      status: "success",
    });
  });

  test("RPC: one operation and one code whichever conventions either side follows", async () => {
    const caller = await sendSpan({
      name: "shop.Orders/Get",
      attributes: [
        text("rpc.system", "grpc"),
        text("rpc.service", "shop.Orders"),
        text("rpc.method", "Get"),
        int("rpc.grpc.status_code", 4),
      ],
      status: { code: 2 },
    });
    const callee = await sendSpan({
      kind: 2,
      spanId: SERVER_SPAN,
      parentSpanId: CLIENT_SPAN,
      name: "shop.Orders/Get",
      attributes: [
        text("rpc.system.name", "grpc"),
        text("rpc.method", "shop.Orders/Get"),
        text("rpc.response.status_code", "DEADLINE_EXCEEDED"),
      ],
    });
    for (const record of [caller, callee]) {
      expect(record).toMatchObject({
        protocol: "grpc",
        operation: "shop.Orders/Get",
        status: "timeout",
        status_code: "DEADLINE_EXCEEDED",
      });
    }
    expect(callId(caller)).toBe(callId(callee));
  });

  test("a message: producer and the consumer that links to it share a call id", async () => {
    const about = [
      text("messaging.system", "kafka"),
      text("messaging.destination.name", "orders.created"),
      text("server.address", "kafka-1"),
      int("server.port", 9092),
    ];
    const publish = await sendSpan({
      kind: 4,
      name: "send orders.created",
      attributes: [...about, text("messaging.operation.type", "send")],
    });
    const consume = await sendSpan(
      {
        kind: 5,
        traceId: "aaaabbbbccccddddaaaabbbbccccdddd",
        spanId: SERVER_SPAN,
        attributes: [
          ...about,
          text("messaging.destination.partition.id", "3"),
          int("messaging.kafka.message.offset", 42),
        ],
        links: [{ traceId: TRACE, spanId: CLIENT_SPAN }],
      },
      "shipping",
    );
    expect(publish).toMatchObject({
      event_type: "MESSAGE_PUBLISH",
      side: "caller",
      service_id: "orders",
      target_id: "address:kafka-1:9092",
      operation: "publish orders.created",
      protocol: "kafka",
      action: "publish",
    });
    expect(consume).toMatchObject({
      event_type: "MESSAGE_CONSUME",
      side: "callee",
      service_id: "address:kafka-1:9092",
      target_id: "shipping",
      operation: "consume orders.created",
      resource: "orders.created",
      attributes: { "messaging.kafka.offset": "42", "messaging.destination.partition.id": "3" },
    });
    expect(callId(publish)).toBe(callId(consume));
    expect(publish.request_id).toBe(consume.request_id);
  });

  test("a polling consumer's CLIENT span is the consumer's; several links are no single call", async () => {
    const record = await sendSpan({
      attributes: [
        text("messaging.system", "kafka"),
        text("messaging.destination.name", "orders.created"),
        text("messaging.operation.type", "receive"),
      ],
      links: [
        { traceId: TRACE, spanId: SERVER_SPAN },
        { traceId: TRACE, spanId: CLIENT_SPAN },
      ],
    });
    expect(record).toMatchObject({
      event_type: "MESSAGE_CONSUME",
      side: "callee",
      service_id: "unknown",
      target_id: "orders",
    });
    expect(record.attributes?.["otel.span.links"]).toBe("2");
    expect(record.attributes?.["messaging.link.span_id"]).toBeUndefined();
  });
});

describe("what a sender adds", () => {
  test("tallystick.<field> sets a field; one that is not valid stays an attribute and the record is kept", async () => {
    const body = Buffer.from(
      JSON.stringify(
        traces(
          "payments",
          span({
            kind: 2,
            attributes: [
              text("tallystick.credential_id", "kid-2026-11"),
              text("tallystick.auth_method", "jwt"),
              text("tallystick.auth_scopes", "orders:read orders:write"),
              text("tallystick.service_id", "orders"),
              text("tallystick.status", "very good"),
              int("tallystick.response_size", 77),
            ],
            status: { code: 2 },
          }),
        ),
      ),
    );
    const result = await prepared({ format: "otlp-traces-json", body });
    expect(recordsOf(result)[0]).toMatchObject({
      credential_id: "kid-2026-11",
      auth_method: "jwt",
      auth_scopes: ["orders:read", "orders:write"],
      service_id: "orders",
      status: "error",
      response_size: 77,
      attributes: { "tallystick.status": "very good" },
    });
    expect(result.notes).toMatchObject([{ line: 1, code: "field_left_out" }]);
    expect(result.rejected).toEqual([]);
  });

  test("an integer that no number holds stays an attribute as it was sent", async () => {
    const attributes = [text("tallystick.request_size", "9007199254740993")];
    const body = Buffer.from(JSON.stringify(traces("orders", span({ attributes }))));
    const result = await prepared({ format: "otlp-traces-json", body });
    expect(recordsOf(result)[0]?.attributes).toMatchObject({ "tallystick.request_size": "9007199254740993" });
    expect(result.notes[0]?.message).toContain('"9007199254740993"');
  });

  test("exception events tell the error; other events are counted", async () => {
    const record = await sendSpan({
      status: { code: 2 },
      events: [
        { name: "retry", timeUnixNano: "1" },
        {
          name: "exception",
          attributes: [
            text("exception.type", "CardError"),
            text("exception.message", "card was declined"),
            text("exception.stacktrace", "at …"),
          ],
        },
      ],
    });
    expect(record).toMatchObject({
      status: "error",
      error_type: "CardError",
      error_message: "card was declined",
      attributes: { "otel.span.events": "1" },
    });
  });

  test("where an SDK was told no name, the key says whose it is", async () => {
    const sender = { principal: "key:orders", service: "orders", services: [], relay: null };
    for (const name of ["unknown_service:node", "unknown_service", ""]) {
      const [record] = await sendTraces(traces(name, httpClient), { sender });
      expect(record).toMatchObject({ service_id: "orders", recorder_id: "orders" });
    }
    const [told] = await sendTraces(traces("billing", httpClient), { sender });
    expect(told?.service_id).toBe("billing");
    const [relayed] = await sendTraces(traces("", httpClient));
    expect(relayed?.service_id).toBe("unknown");
  });

  test("a span of unknown kind is rejected; an unspecified kind is INTERNAL", async () => {
    const spans = [span({ kind: 99 }), span({ kind: -1 }), span({ kind: 6 }), span({ kind: 0 }), httpClient];
    const json = traces("orders", ...spans);
    for (const request of [
      { format: "otlp-traces-json", body: Buffer.from(JSON.stringify(json)) },
      { format: "otlp-traces-protobuf", body: encode("TraceRequest", json) },
    ] as const) {
      const result = await prepared(request);
      expect([result.leftOut, [...result.lines]]).toEqual([1, [5]]);
      expect(result.rejected.map(({ line, code }) => [line, code])).toEqual([
        [1, "unknown_value"],
        [2, "unknown_value"],
        [3, "unknown_value"],
      ]);
    }
  });

  test("INTERNAL spans are counted and left out, or kept when told", async () => {
    const body = Buffer.from(JSON.stringify(traces("orders", span({ kind: 1, name: "work" }), httpClient)));
    const dropped = await prepared({ format: "otlp-traces-json", body });
    expect([dropped.leftOut, dropped.records.count, [...dropped.lines]]).toEqual([1, 1, [2]]);
    const kept = await prepared({
      format: "otlp-traces-json",
      body,
      settings: { ...REQUEST.settings, otlpInternal: "keep" },
    });
    expect(recordsOf(kept)[0]).toMatchObject({
      event_type: "INTERNAL",
      service_id: "orders",
      target_id: "none",
      operation: "work",
    });
    expect(kept.leftOut).toBe(0);
  });

  test("a record too large is cut at its longest attribute values, and says so", async () => {
    const record = await sendSpan({
      attributes: [
        text("http.request.method", "GET"),
        text("long", "é".repeat(50_000)),
        text("longer", "x".repeat(70_000)),
        text("short", "s"),
      ],
      status: { code: 2, message: "m".repeat(20_000) },
    });
    expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThanOrEqual(61_440);
    expect(record.attributes).toMatchObject({
      short: "s",
      "tallystick.truncated": '{"error_message":20000,"long":100000,"longer":70000}',
    });
    expect(record.attributes?.["long"]?.length).toBeGreaterThan(5_000);
    const crowd = await sendSpan({ attributes: Array.from({ length: 400 }, (_, at) => text(`key.${at}`, "v")) });
    expect(Object.keys(crowd.attributes ?? {}).length).toBeLessThanOrEqual(256);
    expect(crowd.attributes?.["tallystick.left_out"]).toMatch(/and \d+ more$/);
  });
});
