import type { AuditRecord } from "@tallystick/record";
import { describe, expect, test } from "vitest";

import { until } from "../index/sample.contract.ts";
import { deadlines } from "./deadlines.ts";
import { forgetTree } from "./forget-tree.ts";
import { purgeCalls } from "./purge.ts";
import { half, benchesOfTests, pair, SECOND_US } from "./tally-bench.contract.ts";
import type { Half, TallyBench } from "./tally-bench.contract.ts";

const bench = benchesOfTests();

const kindsOf = ({ verdicts }: TallyBench) => verdicts.map(({ operation }) => operation).toSorted();

/** The same records, received again. */
const again = (halves: readonly Half[], atS: number): readonly Half[] =>
  halves.map(({ record }) => ({ record, observed: half("caller", "again", atS).observed }));

test("two halves that agree are matched, and no record is made of it", async () => {
  const tally = await bench();
  await tally.add(...pair("r1", 1), ...pair("r2", 2));
  await tally.passTo(120);
  expect(await tally.calls()).toMatchObject([{ state: "matched" }, { state: "matched" }]);
  expect(tally.verdicts).toEqual([]);
  expect(tally.troubles).toEqual([]);
});

test("a half that stays alone past the deadline is a break when the other side reports", async () => {
  const tally = await bench();
  await tally.add(...pair("both", 1), half("caller", "lost", 2), half("callee", "forged", 3));
  await tally.passTo(61.5);
  expect(kindsOf(tally)).toEqual([]);
  await tally.passTo(120);
  expect(kindsOf(tally)).toEqual(["unpaired_callee", "unpaired_caller"]);
  expect(tally.verdicts.map(({ request_id: id }) => id).toSorted()).toEqual([
    "orders/payments/forged/0",
    "orders/payments/lost/0",
  ]);
});

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const DISCREPANCIES: readonly [string, string, Partial<AuditRecord>, Partial<AuditRecord>][] = [
  ["discrepancy_status", "status", { status: "success" }, { status: "error" }],
  ["late_success", "status", { status: "timeout" }, { status: "success" }],
  ["discrepancy_operation", "operation", { operation: "GET /a/{id}" }, { operation: "DELETE /a/{id}" }],
  ["discrepancy_operation", "operation", { operation: "GET /a/{id}" }, { operation: "GET /b/{id}" }],
  ["discrepancy_request_digest", "request_digest", { request_digest: digest("a") }, { request_digest: digest("b") }],
  [
    "discrepancy_response_digest",
    "response_digest",
    { response_digest: digest("a") },
    { response_digest: digest("b") },
  ],
  ["discrepancy_size", "request_size", { request_size: 100 }, { request_size: 101 }],
  ["discrepancy_identity", "peer_identity", {}, { peer_identity: "spiffe://corp/ns/prod/sa/billing" }],
  ["discrepancy_identity", "credential_id", { credential_id: "a" }, { credential_id: "b" }],
  ["discrepancy_time", "timestamp", { timestamp: "2026-11-25T08:00:00Z" }, { timestamp: "2026-11-25T08:10:00Z" }],
];

test("each discrepancy is one break that names its field", async () => {
  const tally = await bench();
  await tally.add(
    ...DISCREPANCIES.flatMap(([, , caller, callee], place) => pair(`r${place}`, 1 + place, caller, callee)),
  );
  await tally.passTo(120);
  const found = (await tally.calls()).map(({ call_id: id, state, kinds, fields }) => [id, state, kinds, fields]);
  expect(found).toEqual(
    DISCREPANCIES.map(([kind, field], place) => [`orders/payments/r${place}/0`, "discrepant", [kind], [field]]),
  );
  expect(kindsOf(tally)).toEqual(DISCREPANCIES.map(([kind]) => kind).toSorted());
});

const HONEST: readonly [string, Partial<AuditRecord>, Partial<AuditRecord>][] = [
  ["a client that does not know the route", { operation: "GET" }, { operation: "GET /orders/{id}" }],
  ["a template and a path", { operation: "GET /orders/17" }, { operation: "GET /orders/:id" }],
  ["the same code read differently", { status: "error", status_code: "404" }, { status_code: "404" }],
  ["a caller that saw no answer", { status: "error", error_type: "ECONNRESET" }, { status_code: "200" }],
  ["a status that nobody knows", { status: "unknown" }, { status: "error" }],
  ["a caller that timed out and a callee that failed", { status: "timeout" }, { status: "error" }],
  ["a size that one side does not tell", { request_size: 5 }, {}],
  ["an identity that names the caller", {}, { peer_identity: "spiffe://corp/ns/prod/sa/orders" }],
];

test("honest halves differ and are matched", async () => {
  const tally = await bench();
  await tally.add(...HONEST.flatMap(([name, caller, callee], place) => pair(name, 1 + place, caller, callee)));
  await tally.passTo(120);
  const found = (await tally.calls()).map(({ call_id: id, kinds }) => [id, kinds]);
  expect(found).toEqual(
    HONEST.map(([name]) => name)
      .toSorted()
      .map((name) => [`orders/payments/${name}/0`, []]),
  );
});

test("a half that comes hours late turns an unpaired verdict into a paired one by a new record", async () => {
  const tally = await bench();
  await tally.add(...pair("other", 1), half("caller", "late", 2));
  await tally.passTo(100);
  expect(kindsOf(tally)).toEqual(["unpaired_caller"]);
  await tally.add(half("callee", "late", 7_200, { timestamp: "2026-11-25T08:00:02Z" }));
  await tally.passTo(7_300);
  expect(kindsOf(tally)).toEqual(["paired", "unpaired_caller"]);
  const [late] = (await tally.calls()).filter(({ call_id: id }) => id.includes("/late/"));
  expect(late).toMatchObject({ state: "matched" });
  expect((await tally.calls()).length).toBe(2);
});

describe("one-sided and unknown parties are no breaks:", () => {
  const stateOf = async (tally: TallyBench, halves: readonly Half[]) => {
    await tally.add(...halves);
    await tally.passTo(200);
    return (await tally.calls()).map(({ state }) => state);
  };
  test("a callee that never recorded", async () => {
    const tally = await bench();
    expect(await stateOf(tally, [half("caller", "r", 1, { target_id: "bank" })])).toEqual(["one_sided"]);
    expect((await tally.calls())[0]!.reason).toBe("bank has never recorded a call that it received");
  });
  test("a party that is declared", async () => {
    const tally = await bench({ oneSided: ["payments"] });
    expect(await stateOf(tally, [...pair("a", 1), half("caller", "r", 1)])).toEqual(["matched", "one_sided"]);
  });
  test("a caller of whom only an address is known", async () => {
    const tally = await bench();
    const unknown = half("callee", "r", 1, { service_id: "address:10.1.2.3" });
    expect(await stateOf(tally, [...pair("a", 1), unknown])).toEqual(["unknown_caller", "matched"]);
  });
  test("a connection that never came about", async () => {
    const tally = await bench();
    const refused = half("caller", "r", 1, { status: "error", error_type: "ECONNREFUSED" });
    expect(await stateOf(tally, [...pair("a", 1), refused])).toEqual(["matched", "one_sided"]);
  });
  test("but a service that only sends heartbeats reports", async () => {
    const tally = await bench();
    const beat = half("caller", "beat", 0.5, {
      event_type: "LOG_LIFECYCLE",
      operation: "heartbeat",
      service_id: "bank",
      target_id: "none",
      recorder_id: "bank",
    });
    expect(await stateOf(tally, [beat, half("caller", "r", 1, { target_id: "bank" })])).toEqual(["unpaired_caller"]);
  });
});

test("several callers and one execution are a retry; one caller and several executions a replay", async () => {
  const tally = await bench();
  await tally.add(
    half("caller", "retried", 1, { status: "timeout" }),
    half("caller", "retried", 2, { attempt: 1 }),
    half("callee", "retried", 2.1),
    ...pair("replayed", 3),
    half("callee", "replayed", 9, { credential_id: "stolen" }),
  );
  await tally.passTo(120);
  expect(await tally.calls()).toMatchObject([
    { state: "discrepant", kinds: ["replay"] },
    { state: "matched", kinds: [] },
  ]);
  // The credential of the execution that came last.
  expect(tally.verdicts.map(({ attributes }) => attributes?.["tally.credential_id"])).toEqual(["stolen"]);
});

test("a request that is executed again under another id is known by its nonce", async () => {
  const tally = await bench();
  const nonce = { call_nonce_digest: digest("c"), request_digest: digest("d") };
  await tally.add(...pair("r", 1, nonce), half("callee", "stolen", 30, { ...nonce, service_id: "address:10.9.9.9" }));
  await tally.passTo(200);
  expect((await tally.calls()).map(({ kinds }) => kinds)).toEqual([["replay"], []]);
});

test("an execution long after its call was settled is a replay all the same", async () => {
  const tally = await bench();
  await tally.add(...pair("r", 1));
  await tally.passTo(100);
  await tally.add(half("callee", "r", 3_600));
  await tally.passTo(3_700);
  expect(await tally.calls()).toMatchObject([{ state: "discrepant", kinds: ["replay"] }]);
  expect(kindsOf(tally)).toEqual(["replay"]);
});

test("halves meet through a proxy that takes part in the trace, whichever is received first", async () => {
  const tally = await bench();
  const traced = (side: "caller" | "callee" | "observer", trace: string, atS: number, span: string, parent: string) => {
    const fields = { trace_id: trace.repeat(32), span_id: span.repeat(16) };
    const made = half(side === "caller" ? "caller" : "callee", trace, atS, {
      ...fields,
      ...(parent === "" ? {} : { parent_span_id: parent.repeat(16) }),
    });
    return side === "observer" ? { ...made, record: { ...made.record, side, recorder_id: "envoy" } } : made;
  };
  const seen = traced("callee", "c", 30.02, "3", "2");
  await tally.add(
    traced("caller", "a", 1, "1", ""),
    traced("observer", "a", 1.5, "2", "1"),
    traced("callee", "a", 8, "3", "2"),
    traced("callee", "b", 10, "3", "2"),
    traced("observer", "b", 10.5, "2", "1"),
    traced("caller", "b", 20, "1", ""),
    // Both come due in one step; the callee sees the proxy's certificate.
    traced("observer", "c", 29.99, "2", "1"),
    traced("caller", "c", 30, "1", ""),
    { ...seen, record: { ...seen.record, peer_identity: "spiffe://mesh/envoy" } },
  );
  await tally.passTo(200);
  expect((await tally.calls()).map(({ state }) => state)).toEqual(["matched", "matched", "matched"]);
  expect(kindsOf(tally)).toEqual([]);
});

test("a half that comes late is found, also when its call and it fall due in one step", async () => {
  const tally = await bench({ deadlines: deadlines(5 * SECOND_US, []) });
  const at = { timestamp: "2026-11-25T08:00:40Z" };
  await tally.add(half("caller", "late", 40, at), half("callee", "late", 47.5, at));
  await tally.add(half("callee", "later", 41, at), half("caller", "later", 48, at));
  // As long as few calls come due, each step is twice as wide as the one before.
  await tally.add(...Array.from({ length: 70 }, (_, n) => pair(`r${n}`, n)).flat());
  await tally.passTo(80);
  expect(kindsOf(tally)).toEqual(["paired", "paired", "unpaired_callee", "unpaired_caller"]);
  const late = (await tally.calls()).filter(({ call_id: id }) => id.includes("/late"));
  expect(late).toMatchObject([{ state: "matched" }, { state: "matched" }]);
});

test("an edge has a deadline of its own, and what comes later than that is late", async () => {
  const slow = { caller: "orders", callee: "payments", deadlineUs: 20 * SECOND_US };
  const tally = await bench({ deadlines: deadlines(5 * SECOND_US, [slow]) });
  const other = { service_id: "web", target_id: "orders" };
  await tally.add(...pair("r1", 1), half("caller", "lost", 2), half("caller", "late", 3));
  await tally.add(half("caller", "r2", 4, other), half("callee", "r2", 4.2, other), half("caller", "gone", 5, other));
  await tally.passTo(16);
  expect(kindsOf(tally)).toEqual(["unpaired_caller"]);
  await tally.add(half("callee", "late", 24));
  await tally.passTo(60);
  expect(kindsOf(tally)).toEqual(["paired", "unpaired_caller", "unpaired_caller", "unpaired_caller"]);
  expect(tally.verdicts.map(({ request_id: id }) => id).toSorted()).toEqual([
    "orders/payments/late/0",
    "orders/payments/late/0",
    "orders/payments/lost/0",
    "web/orders/gone/0",
  ]);
  expect(tally.troubles).toEqual([]);
});

test("halves that come too late are found, however close another half was to them", async () => {
  const tally = await bench({ deadlines: deadlines(5 * SECOND_US, []) });
  await tally.add(half("caller", "twice", 1), half("callee", "twice", 4), half("caller", "slow", 1.5));
  await tally.add(half("caller", "slow", 4.5));
  await tally.passTo(7);
  await tally.add(half("callee", "twice", 8), half("callee", "slow", 8.5));
  await tally.passTo(12.9);
  await tally.passTo(40);
  expect((await tally.calls()).map(({ state, kinds }) => [state, kinds])).toEqual([
    ["matched", []],
    ["discrepant", ["replay"]],
  ]);
});

test("several halves that come too late together belong to their call all the same", async () => {
  const tally = await bench({ deadlines: deadlines(5 * SECOND_US, []) });
  const second = { attempt: 1 };
  await tally.add(...pair("other", 1), half("caller", "replayed", 1), half("caller", "retried", 1.5));
  await tally.passTo(20);
  await tally.add(half("callee", "replayed", 30), half("callee", "replayed", 30.1));
  await tally.add(half("caller", "retried", 30.2, second), half("callee", "retried", 30.3));
  await tally.passTo(60);
  const calls = await tally.calls();
  expect(calls.map(({ call_id: id, state, kinds }) => [id.split("/")[2], state, kinds])).toEqual([
    ["other", "matched", []],
    ["replayed", "discrepant", ["replay"]],
    ["retried", "matched", []],
  ]);
  expect(kindsOf(tally)).toEqual(["paired", "paired", "replay", "unpaired_caller", "unpaired_caller"]);
});

test("what is sent again after intake has forgotten it makes no second call, no replay and no second verdict", async () => {
  const tally = await bench({ deadlines: deadlines(5 * SECOND_US, []) });
  const at = { timestamp: "2026-11-25T08:00:01Z" };
  const [whole, alone, near] = ["whole", "alone", "near"].map((name) => pair(name, 1, at));
  const broken = pair("broken", 1, at, { ...at, status: "error" });
  await tally.add(...whole!, ...alone!, ...broken, ...again(near!, 1), ...again(near!, 1.2));
  await tally.passTo(30);
  const before = await tally.calls();
  expect(before.map(({ state }) => state)).toEqual(["matched", "discrepant", "matched", "matched"]);
  await tally.add(...again(whole!, 300), ...again(broken, 300.2), ...again(alone!, 300.4).slice(1));
  await tally.add(...again(whole!, 301));
  await tally.passTo(360);
  expect(await tally.calls()).toEqual(before);
  expect(kindsOf(tally)).toEqual(["discrepancy_status"]);
  await tally.add(half("callee", "whole", 400, at));
  await tally.passTo(460);
  expect(kindsOf(tally)).toEqual(["discrepancy_status", "replay"]);
  expect(tally.troubles).toEqual([]);
});

test("a message has any number of consumers, and its publisher names a broker", async () => {
  const tally = await bench();
  const message = (side: "caller" | "callee", who: string, atS: number) =>
    half(side, "m", atS, {
      event_type: side === "caller" ? "MESSAGE_PUBLISH" : "MESSAGE_CONSUME",
      operation: side === "caller" ? "publish orders.created" : "consume orders.created",
      protocol: "mqtt",
      service_id: side === "caller" ? who : "broker",
      target_id: side === "caller" ? "broker" : who,
      attributes: { "messaging.message.id": "m-1" },
    });
  await tally.add(message("caller", "orders", 1), message("callee", "shipping", 2), message("callee", "mail", 30));
  await tally.passTo(120);
  const calls = await tally.calls();
  expect(calls.map(({ callee }) => callee).toSorted()).toEqual(["mail", "shipping"]);
  expect(calls).toMatchObject([
    { state: "matched", caller: "orders" },
    { state: "matched", caller: "orders" },
  ]);
});

test("a constant skew of two clocks is learned and is no discrepancy", async () => {
  const tally = await bench({ tolerances: { sizeBytes: 0, timeUs: 1_000_000, unknownSkewUs: 1_000_000 } });
  const skewed = (request: string, atS: number) =>
    pair(
      request,
      atS,
      { timestamp: `2026-11-25T08:00:${String(atS).padStart(2, "0")}Z` },
      { timestamp: `2026-11-25T08:05:${String(atS).padStart(2, "0")}Z` },
    );
  await tally.add(...Array.from({ length: 10 }, (_, place) => skewed(`r${place}`, 10 + place)).flat());
  await tally.passTo(200);
  expect((await tally.calls()).map(({ state }) => state)).toEqual(Array(10).fill("matched"));
  expect(await tally.select("SELECT round(median(skew_us) / 1e6) AS skew_s FROM skews")).toEqual([{ skew_s: 300 }]);
});

test("clocks of which too few calls were known when they were tried are known once the minute is over", async () => {
  const tally = await bench();
  const skewed = (request: string, atS: number) =>
    pair(request, atS, { timestamp: "2026-11-25T08:00:00Z" }, { timestamp: "2026-11-25T08:05:00Z" });
  await tally.add(...skewed("first", 1));
  await tally.passTo(60.5);
  await tally.passTo(62);
  await tally.add(...Array.from({ length: 8 }, (_, place) => skewed(`r${place}`, 63)).flat());
  await tally.passTo(119);
  await tally.passTo(125);
  await tally.add(...skewed("later", 130));
  await tally.passTo(195);
  expect(await tally.select("SELECT max(calls) >= 8 AS known FROM skews")).toEqual([{ known: 1 }]);
});

test("a sampled edge is one-sided for its missing halves", async () => {
  const tally = await bench();
  const halves = Array.from({ length: 100 }, (_, place) =>
    place % 10 === 0 ? pair(`r${place}`, place / 10) : [half("callee", `r${place}`, place / 10)],
  ).flat();
  await tally.add(...halves);
  await tally.passTo(200);
  expect(kindsOf(tally)).toEqual([]);
  expect((await tally.calls()).filter(({ state }) => state === "one_sided").length).toBe(90);
});

test("the credential of a forged call is held against those that the caller has used", async () => {
  const tally = await bench();
  const keyed = (credential: string) => ({ credential_id: credential, auth_subject: "orders" });
  await tally.add(
    ...Array.from({ length: 5 }, (_, place) => pair(`r${place}`, 1, {}, keyed("key-of-orders"))).flat(),
    half("callee", "forged", 2, keyed("key-of-nobody")),
    half("callee", "early", 3, keyed("new-key-of-orders")),
    ...pair("confirms", 30, {}, keyed("new-key-of-orders")),
  );
  // The call that confirms the new key came in by then and is not due yet.
  await tally.passTo(70);
  expect(kindsOf(tally)).toEqual(["discrepancy_identity", "unpaired_callee", "unpaired_callee"]);
  const found = tally.verdicts.find(({ operation }) => operation === "discrepancy_identity");
  expect(found?.attributes).toMatchObject({
    "tally.field": "credential_id",
    "tally.caller_value": "key-of-orders",
    "tally.callee_value": "key-of-nobody",
  });
});

test("names come from pairs: the address that a callee saw and the host that a caller dialled", async () => {
  const tally = await bench();
  const traced = (side: "caller" | "callee", number: number) => {
    const span = number.toString(16).padStart(16, "0");
    return half(side, `t${number}`, 1 + number, {
      trace_id: number.toString(16).padStart(32, "0"),
      span_id: side === "caller" ? span : span.replace("0", "f"),
      ...(side === "callee" ? { parent_span_id: span } : {}),
      service_id: side === "caller" ? "orders" : "address:10.0.0.7",
      target_id: side === "caller" ? "address:payments.internal:8443" : "payments",
    });
  };
  await tally.add(traced("caller", 1), traced("callee", 1));
  await tally.passTo(120);
  expect(await tally.calls()).toMatchObject([{ state: "matched", caller: "orders", callee: "payments" }]);
  await tally.add({ ...traced("callee", 200) });
  await tally.passTo(400);
  expect(await tally.calls()).toMatchObject([{ state: "matched" }, { state: "unknown_caller", caller: "orders" }]);
});

test("verdicts are written once, whatever is repeated", async () => {
  const tally = await bench();
  tally.failAppend();
  tally.failAppend();
  await tally.add(...pair("both", 1), half("caller", "lost", 2));
  await tally.passTo(120);
  // What failed twice is said once.
  expect(tally.troubles.length).toBe(1);
  await tally.restart();
  await tally.passTo(130);
  expect(kindsOf(tally)).toEqual(["unpaired_caller"]);
  expect((await tally.calls()).length).toBe(2);
});

test("the map counts each call once, by minute and by hour, and a late half replaces what it changed", async () => {
  const tally = await bench();
  await tally.add(...pair("a", 1), ...pair("b", 2, { status: "error" }), half("caller", "c", 3));
  await tally.passTo(120);
  const counts = (table: string, time: string) =>
    tally.select<{ calls: number; matched: number; unpaired_caller: number }>(
      `SELECT toUInt32(sum(calls)) AS calls, toUInt32(sum(matched)) AS matched, toUInt32(sum(unpaired_caller)) AS unpaired_caller FROM ${table} WHERE (${time}, version) IN (SELECT ${time}, max(version) FROM ${table} GROUP BY ${time})`,
    );
  expect(await counts("edges_1m", "minute")).toEqual([{ calls: 3, matched: 2, unpaired_caller: 1 }]);
  expect(await counts("edges_1h", "hour")).toEqual([{ calls: 3, matched: 2, unpaired_caller: 1 }]);
  await tally.add(half("callee", "c", 600, { timestamp: "2026-11-25T08:00:03Z" }));
  await tally.passTo(700);
  expect(await counts("edges_1m", "minute")).toEqual([{ calls: 3, matched: 3, unpaired_caller: 0 }]);
  expect(await counts("edges_1h", "hour")).toEqual([{ calls: 3, matched: 3, unpaired_caller: 0 }]);
});

test("a call whose halves lie in two logs is paired, and what is said of it lies in the caller's", async () => {
  const tally = await bench();
  const cards = (...halves: readonly Half[]) => tally.index.add("cards/2026-11", halves);
  await tally.add(half("caller", "agree", 1), half("caller", "differ", 1, { status: "success" }));
  await cards(half("callee", "agree", 1), half("callee", "differ", 1, { status: "error" }));
  // Two attempts, so that it is grouped as several halves; and one that the callee alone has, until later.
  await cards(half("callee", "retried", 2), half("callee", "retried", 2.1, { attempt: 1, status: "error" }));
  await tally.add(half("caller", "retried", 2, { status: "success" }));
  await cards(half("callee", "forged", 3));
  await tally.passTo(120);
  /** Of each call in which log its newest verdict lies, once all are searchable. */
  const logs = async () => {
    const rows = () =>
      tally.select<{ id: string; log: string }>(
        `SELECT splitByChar('/', attributes['tally.call_id'])[3] AS id, toString(log) AS log FROM records
         WHERE event_type = 'TALLY_VERDICT' AND operation != 'summary' ORDER BY observed_received_at`,
      );
    await until(async () => (await rows()).length >= tally.verdicts.length);
    return Object.fromEntries((await rows()).map((row) => [row.id, row.log]));
  };
  expect((await tally.calls()).map(({ call_id: id, state }) => [id.split("/")[2], state])).toEqual([
    ["agree", "matched"],
    ["differ", "discrepant"],
    ["forged", "unpaired_callee"],
    ["retried", "discrepant"],
  ]);
  expect(await logs()).toMatchObject({ differ: "default", forged: "cards", retried: "default" });
  await tally.add(half("caller", "forged", 130));
  await tally.passTo(300);
  expect(await logs()).toMatchObject({ forged: "default" });
  await forgetTree(tally.index.index.deriver, {
    tree: "cards/2026-11",
    log: "cards",
    firstReceivedUs: 0,
    lastReceivedUs: 1,
  });
  expect(await tally.calls()).toEqual([]);
});

test("a record that is erased leaves no call behind, be it of two halves or of several", async () => {
  const tally = await bench();
  const retried = half("callee", "retried", 1.1, { attempt: 1 });
  await tally.add(...pair("simple", 1), ...pair("retried", 1), retried, ...pair("kept", 1));
  await tally.passTo(120);
  expect(await tally.calls()).toHaveLength(3);
  const erased = (index: number) => ({
    tree: "default/2026-11",
    leaf_index: index,
    service_id: "orders",
    target_id: "payments",
    recorder_id: "orders",
    operation: "POST /payments",
    credential_id: "",
    auth_token_id: "",
    auth_key_thumbprint: "",
    auth_scopes: [],
    digests: [],
    producer_id: "",
  });
  // The callee's half of the first call, and the second execution of the other.
  await purgeCalls(tally.index.index.deriver, [erased(1), erased(4)], { timeoutMs: 30_000, maxMemoryBytes: 5e8 });
  expect((await tally.calls()).map(({ call_id: id }) => id.split("/")[2])).toEqual(["kept"]);
});
