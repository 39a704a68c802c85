import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isTallystickError } from "../../errors.ts";
import { TRACE_WHOLE_RECORDS } from "../limits.ts";
import { openSearchFixture } from "../search-fixture.contract.ts";
import type { SearchFixture } from "../search-fixture.contract.ts";
import { storedOf } from "./stored.contract.ts";
import type { TraceAnswer, TraceRequest } from "./trace.ts";
import { WHOLE_SCOPE } from "../scope.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER = "11111111111111111111111111111111";
const HUGE = "22222222222222222222222222222222";
const span = (name: string) => name.padStart(16, "0");
const DAY_US = 86_400_000_000;
let fixture: SearchFixture;

/** An order over HTTP, a query, and a message that two services consume, one in a trace of its own. */
const order = [
  storedOf(1, {
    trace_id: TRACE,
    span_id: span("a1"),
    request_id: span("a1"),
    duration_us: 9_000,
    target_id: "orders",
    service_id: "shop",
  }),
  storedOf(2, {
    trace_id: TRACE,
    span_id: span("b1"),
    parent_span_id: span("a1"),
    request_id: span("a1"),
    side: "callee",
    service_id: "shop",
    target_id: "orders",
    at: 500,
    duration_us: 8_000,
  }),
  storedOf(3, {
    trace_id: TRACE,
    span_id: span("a2"),
    parent_span_id: span("b1"),
    request_id: span("a2"),
    event_type: "DB_QUERY",
    protocol: "sql",
    service_id: "orders",
    target_id: "orders-db",
    operation: "INSERT orders",
    at: 1_000,
    duration_us: 2_000,
  }),
  storedOf(4, {
    trace_id: TRACE,
    span_id: span("a3"),
    parent_span_id: span("b1"),
    request_id: span("a3"),
    event_type: "MESSAGE_PUBLISH",
    protocol: "kafka",
    service_id: "orders",
    target_id: "broker",
    operation: "publish orders.created",
    at: 4_000,
    duration_us: 300,
    attributes: { "messaging.message.id": "message-17" },
  }),
  storedOf(5, {
    trace_id: OTHER,
    span_id: span("c1"),
    request_id: span("a3"),
    event_type: "MESSAGE_CONSUME",
    protocol: "kafka",
    side: "callee",
    service_id: "broker",
    target_id: "mail",
    operation: "consume orders.created",
    at: 60_000_000,
    duration_us: 700,
    attributes: { "messaging.link.trace_id": TRACE, "messaging.link.span_id": span("a3") },
  }),
  storedOf(6, {
    trace_id: OTHER,
    span_id: span("c2"),
    parent_span_id: span("c1"),
    request_id: span("c2"),
    service_id: "mail",
    target_id: "smtp",
    operation: "SEND",
    status: "error",
    error_type: "ECONNREFUSED",
    at: 60_000_100,
    duration_us: 400,
  }),
  storedOf(7, {
    event_type: "MESSAGE_CONSUME",
    protocol: "kafka",
    side: "callee",
    service_id: "broker",
    target_id: "stock",
    operation: "consume orders.created",
    at: 61_000_000,
    attributes: { "messaging.message.id": "message-17" },
  }),
];
/** No traces: a request id through three services, and what it caused later. */
const plain = [
  storedOf(11, { request_id: "req-77", service_id: "a", target_id: "b", duration_us: 900 }),
  storedOf(12, { request_id: "req-77", service_id: "a", target_id: "b", side: "callee", at: 10, duration_us: 800 }),
  storedOf(13, { request_id: "req-77", service_id: "b", target_id: "c", at: 20, duration_us: 700 }),
  storedOf(14, {
    service_id: "c",
    target_id: "d",
    at: 5_000_000,
    attributes: { causation_id: "req-77", correlation_id: "case-9" },
  }),
  storedOf(15, {
    service_id: "d",
    target_id: "e",
    at: 6_000_000,
    attributes: { causationid: storedOf(14, {}).record.id },
  }),
  storedOf(16, { service_id: "x", target_id: "y", at: 6_500_000, attributes: { correlation_id: "case-9" } }),
  storedOf(17, { request_id: "req-77", service_id: "q", target_id: "r", at: 3 * DAY_US }),
  storedOf(18, { request_id: "req-77", service_id: "secret", target_id: "b" }, "control/2026-11"),
];

beforeAll(async () => {
  fixture = await openSearchFixture();
  const many = Array.from({ length: TRACE_WHOLE_RECORDS + 5 }, (_, at) =>
    storedOf(1_000 + at, { trace_id: HUGE, span_id: at.toString(16).padStart(16, "0"), at, request_id: `h-${at}` }),
  );
  await fixture.insert([...order, ...plain, ...many]);
});
afterAll(() => fixture.close());

const trace = (id: string, more: Partial<TraceRequest> = {}, logs: "*" | readonly string[] = ["default"]) =>
  fixture.search.trace({ ...WHOLE_SCOPE, logs }, { id, ...more });
const shown = ({ nodes }: TraceAnswer) =>
  nodes.map(
    ({ depth, service_id, target_id, evidence }) => `${" ".repeat(depth)}${service_id} → ${target_id} (${evidence})`,
  );

const WHOLE = [
  "shop → orders (trace)",
  " orders → orders-db (trace)",
  " orders → broker (trace)",
  "  broker → mail (message)",
  "   mail → smtp (trace)",
  "  broker → stock (message)",
];

describe("a trace", () => {
  it("is every record that belongs to it, other traces that its messages lead to included", async () => {
    const answer = await trace(TRACE);
    expect(shown(answer)).toEqual(WHOLE);
    expect(answer).toMatchObject({ id: TRACE, found_by: ["trace"], partial: false, notes: [], records: null, root: 0 });
    expect(answer.trace_ids).toEqual([TRACE, OTHER]);
    expect(answer.counts).toEqual({ records: 7, calls: 6, roots: 1, failed: 1, unpaired: 1, retries: 0, orphans: 0 });
    expect(answer.services).toEqual(["broker", "mail", "orders", "orders-db", "shop", "smtp", "stock"]);
    expect(answer.nodes[answer.first_failure!]).toMatchObject({ target_id: "smtp", error_type: "ECONNREFUSED" });
    expect(answer.nodes[0]).toMatchObject({ network_us: 1_000, self_us: 5_700, duration_us: 9_000, missing: [] });
    expect(answer.nodes[0]!.callee).toMatchObject({ tree: "default/2026-11", leaf_index: 1, offset_us: 500 });
  });

  it.each([
    ["in capitals", TRACE.toUpperCase(), ["trace"]],
    ["of a consumer", OTHER, ["trace"]],
    ["a call's", `${TRACE}/${span("a1")}`, ["call"]],
    ["a record's", order[2]!.record.id, ["call"]],
    ["a message's", "message-17", ["message"]],
    ["a span's, which is the request id of OpenTelemetry", span("a2"), ["request_id"]],
  ])("is found by an id %s", async (_, id, kinds) => {
    const answer = await trace(id);
    expect(answer.found_by).toEqual(expect.arrayContaining(kinds));
    expect(shown(answer)).toHaveLength(WHOLE.length);
  });

  it("is only what names the id when nothing is followed", async () => {
    expect(shown(await trace(OTHER, { follow: false }))).toEqual(["broker → mail (trace)", " mail → smtp (trace)"]);
  });

  it("comes with its records when they are asked for, in their one shape", async () => {
    const { records } = await trace(TRACE, { records: true });
    expect(records).toHaveLength(order.length);
    expect(records).toEqual(expect.arrayContaining(fixture.stored.slice(0, order.length) as unknown[]));
  });

  it("says that it is cut at its limit, and keeps the earliest", async () => {
    const cut = await trace(HUGE, { limit: 3 });
    expect([cut.partial, cut.nodes.map((node) => node.caller!.span_id)]).toEqual([
      true,
      [span("0"), span("1"), span("2")],
    ]);
    expect((await trace(HUGE, { records: true })).partial).toBe(true);
    expect(await trace(HUGE)).toMatchObject({ partial: false, counts: { calls: TRACE_WHOLE_RECORDS + 5 } });
    await expect(trace(HUGE, { limit: 10_001 })).rejects.toThrow(/limit/);
  });

  it("that nobody has is not found", async () => {
    for (const id of ["3".repeat(32), "nobody", "***", "a'b\\"]) {
      const refusal = await trace(id).catch((error: unknown) => error);
      expect(isTallystickError(refusal, "not_found"), id).toBe(true);
    }
    await expect(trace("")).rejects.toThrow(/empty/);
  });
});

describe("without traces", () => {
  const chain = ["a → b (request_id)", " b → c (request_id)", "  c → d (causation)", "   d → e (causation)"];

  it("a request id and its causes make the tree, near in time and within the scope", async () => {
    const answer = await trace("req-77", { to: "2026-11-26" });
    expect(shown(answer)).toEqual(chain);
    expect(answer.found_by).toEqual(["request_id", "causation"]);
    expect(answer.services).not.toContain("secret");
    expect((await trace("req-77", {}, "*")).services).toContain("secret");
    expect((await trace("req-77")).services).toContain("q");
    expect((await trace(plain[3]!.record.id)).services).not.toContain("q");
    await expect(trace("req-77", {}, [])).rejects.toThrow(/No record/);
  });

  it("a correlation id finds all that carry it, which nothing else follows", async () => {
    const answer = await trace("case-9");
    expect(answer.found_by).toEqual(["correlation"]);
    expect(answer.services).toEqual(expect.arrayContaining(["a", "c", "d", "x"]));
    expect((await trace("req-77")).services).not.toContain("x");
  });
});
