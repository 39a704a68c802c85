import { expect, test } from "vitest";

import { WHOLE_SCOPE } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { realClock } from "../real-clock.ts";
import { EdgeDays } from "./edge-days.ts";
import { readGraph } from "./graph.ts";
import type { GraphAnswer, GraphRequest } from "./graph.ts";
import { half, benchesOfTests, pair, SECOND_US, START_US } from "./tally-bench.contract.ts";
import type { TallyBench } from "./tally-bench.contract.ts";

const bench = benchesOfTests();

/** The day after the records', so that theirs is over. */
const NOW_US = START_US + 20 * 3_600 * SECOND_US;
const CLOCK = { ...realClock(), nowUs: () => NOW_US };
const WHOLE = { from: "2026-11-25T08:00:00Z", to: "2026-11-25T08:10:00Z" };

function graph(tally: TallyBench, request: GraphRequest = WHOLE, settledS = 660, scope: Scope = WHOLE_SCOPE) {
  const settled = { throughUs: START_US + settledS * SECOND_US, longestDeadlineUs: 60 * SECOND_US };
  const names = { aliasNames: ["address:10.0.0.9"], aliasServices: ["kiosk"] };
  return readGraph({ reader: tally.index.index.reader, clock: CLOCK }, scope, request, { settled, names });
}

const named = ({ edges }: GraphAnswer) => edges.map(({ caller, callee, calls }) => [`${caller} → ${callee}`, calls]);

test("an edge says how many calls it had, how they ended, how long they took, and how many are confirmed", async () => {
  const tally = await bench();
  await tally.add(
    ...pair("a", 1, { duration_us: 10_000 }),
    ...pair("b", 2, { duration_us: 10_000 }),
    ...pair("c", 3, { duration_us: 10_000, status: "error" }),
    ...pair("d", 4, { duration_us: 200_000, status: "timeout" }),
    ...pair("e", 5, { duration_us: 10_000, status: "denied" }),
    ...pair("f", 6, { duration_us: 10_000 }, { duration_us: 10_000, operation: "DELETE /payments" }),
    half("caller", "g", 66, { duration_us: 10_000 }),
  );
  await tally.passTo(660);
  const answer = await graph(tally);
  expect(answer).toMatchObject({
    from: "2026-11-25T08:00:00Z",
    to: "2026-11-25T08:10:00Z",
    settled_through: "2026-11-25T08:11:00Z",
    partial: false,
    services: [
      { name: "orders", kind: "service" },
      { name: "payments", kind: "service" },
    ],
  });
  const [edge] = answer.edges;
  expect(answer.edges).toHaveLength(1);
  expect(edge).toMatchObject({ caller: "orders", callee: "payments", calls: 7, errors: 2, denied: 1 });
  expect(edge!.calls_per_second).toBeCloseTo(7 / 600, 9);
  expect(edge!.error_ratio).toBeCloseTo(2 / 7, 9);
  expect(edge!.match_rate).toBeCloseTo(5 / 7, 9);
  expect(edge!.states).toEqual({
    matched: 5,
    discrepant: 1,
    unpaired_caller: 1,
    unpaired_callee: 0,
    one_sided: 0,
    unknown_caller: 0,
  });
  expect(Math.abs(edge!.p50_us! - 10_000)).toBeLessThan(910);
  expect(Math.abs(edge!.p99_us! - 200_000)).toBeLessThan(18_200);
  expect(edge).toMatchObject({
    first_seen: "2026-11-25T08:00:01Z",
    last_seen: "2026-11-25T08:01:06Z",
    protocols: ["http"],
  });
  expect(edge).not.toHaveProperty("operations");
});

test("parties that never record are counterparts, and callers without a name one node for each callee", async () => {
  const tally = await bench();
  await tally.add(
    ...pair("a", 1),
    half("caller", "b", 2, { service_id: "orders", target_id: "database" }),
    half("callee", "c", 3, { service_id: "address:10.0.0.9" }),
    half("callee", "d", 4, { service_id: "address:10.0.0.8" }),
  );
  await tally.passTo(660);
  const answer = await graph(tally);
  expect(answer.services).toEqual([
    { name: "database", kind: "counterpart" },
    { name: "orders", kind: "service" },
    { name: "payments", kind: "service" },
    { name: "unknown callers of payments", kind: "unknown_callers" },
  ]);
  expect(named(answer)).toEqual([
    ["unknown callers of payments → payments", 2],
    ["orders → database", 1],
    ["orders → payments", 1],
  ]);
  const [unknown, database] = answer.edges;
  expect([unknown!.match_rate, database!.match_rate]).toEqual([null, null]);
});

test("questions narrow it to a service, an edge, a protocol and a window; operations come on request", async () => {
  const tally = await bench();
  await tally.add(
    ...pair("a", 1),
    ...pair("b", 2, { operation: "GET /payments/{id}" }),
    ...pair("c", 200, { service_id: "payments", target_id: "ledger", protocol: "grpc" }),
  );
  await tally.passTo(660);
  const asked = async (request: GraphRequest) => named(await graph(tally, { ...WHOLE, ...request }));
  expect(await asked({ service: "ledger" })).toEqual([["payments → ledger", 1]]);
  expect(await asked({ edge: "orders:payments" })).toEqual([["orders → payments", 2]]);
  expect(await asked({ protocol: "grpc" })).toEqual([["payments → ledger", 1]]);
  expect(await asked({ from: "2026-11-25T08:03:30Z" })).toEqual([["payments → ledger", 1]]);
  expect(await asked({ to: "2026-11-25T08:03:00Z" })).toEqual([["orders → payments", 2]]);
  expect(await asked({ from: "2026-11-24" })).toHaveLength(2);
  const [edge] = (await graph(tally, { ...WHOLE, operations: true })).edges;
  expect(edge!.operations).toMatchObject([
    { operation: "GET /payments/{id}", calls: 1, match_rate: 1 },
    { operation: "POST /payments", calls: 1, match_rate: 1 },
  ]);
  await expect(asked({ edge: "orders" })).rejects.toMatchObject({ code: "bad_request" });
});

test("it names the credentials that confirmed calls used, and nothing of logs out of scope", async () => {
  const tally = await bench();
  await tally.add(...pair("a", 1, { credential_id: "key-1" }), ...pair("b", 2, { credential_id: "key-2" }));
  await tally.passTo(660);
  const [edge] = (await graph(tally)).edges;
  expect(edge!.credentials).toEqual([
    { credential_id: "key-2", first_seen: "2026-11-25T08:00:02Z", last_seen: "2026-11-25T08:00:02Z" },
    { credential_id: "key-1", first_seen: "2026-11-25T08:00:01Z", last_seen: "2026-11-25T08:00:01Z" },
  ]);
  expect((await graph(tally, WHOLE, 660, { ...WHOLE_SCOPE, logs: ["default"] })).edges).toHaveLength(1);
  expect((await graph(tally, WHOLE, 660, { ...WHOLE_SCOPE, logs: ["other"] })).edges).toEqual([]);
});

test("the rate is over the settled part of the window alone", async () => {
  const tally = await bench();
  await tally.add(...pair("a", 1), ...pair("b", 50));
  await tally.passTo(160);
  expect((await graph(tally, WHOLE, 160)).edges[0]!.calls_per_second).toBeCloseTo(2 / 100, 9);
  expect((await graph(tally, WHOLE, 30)).edges[0]!.calls_per_second).toBeNull();
});

test("calls that are not settled yet come apart, on request, each once and under the names that are known", async () => {
  const tally = await bench();
  await tally.add(
    ...pair("settled", 1),
    ...pair("a", 70),
    half("caller", "b", 71, { status: "error" }),
    half("callee", "c", 72, { service_id: "address:10.0.0.9" }),
  );
  await tally.passTo(100);
  const answer = await graph(tally, { ...WHOLE, pending: true }, 100);
  expect(named(answer)).toEqual([["orders → payments", 1]]);
  expect(answer.pending).toEqual([
    {
      caller: "orders",
      callee: "payments",
      calls: 2,
      errors: 1,
      first_seen: "2026-11-25T08:01:10Z",
      last_seen: "2026-11-25T08:01:11Z",
    },
    expect.objectContaining({ caller: "kiosk", callee: "payments", calls: 1 }),
  ]);
  const ofKiosk = await graph(tally, { ...WHOLE, pending: true, service: "kiosk" }, 100);
  expect(ofKiosk.pending).toMatchObject([{ caller: "kiosk" }]);
  expect((await graph(tally, { ...WHOLE, pending: true }, 100, { ...WHOLE_SCOPE, logs: ["other"] })).pending).toEqual(
    [],
  );
  expect((await graph(tally, WHOLE, 100)).pending).toBeNull();
  await tally.passTo(660);
  expect((await graph(tally, { ...WHOLE, pending: true })).pending).toEqual([]);
});

test("a long window gives the same with its days added up, without, and after a late half changed one", async () => {
  const tally = await bench();
  const yesterday = { from: "2026-11-24T07:00:00Z", to: "2026-11-26T03:00:00Z" };
  const days = () => tally.select<{ days: number }>("SELECT toUInt32(count()) AS days FROM edges_1d");
  await tally.add(...pair("a", 1, { duration_us: 70_000 }), ...pair("b", 4_000), half("caller", "c", 4_001));
  await tally.passTo(8_000);
  const plain = (await graph(tally, yesterday, 8_000)).edges;
  expect(plain[0]).toMatchObject({ calls: 3, states: { matched: 2, unpaired_caller: 1 } });
  await new EdgeDays(tally.index.index.deriver, CLOCK).count();
  expect(await days()).toEqual([{ days: 1 }]);
  expect((await graph(tally, yesterday, 8_000)).edges).toEqual(plain);
  await tally.add(half("callee", "c", 9_000, { timestamp: "2026-11-25T09:06:41Z" }));
  await tally.passTo(10_000);
  const late = (await graph(tally, yesterday, 8_000)).edges;
  expect(late[0]).toMatchObject({ calls: 3, states: { matched: 3, unpaired_caller: 0 } });
  await new EdgeDays(tally.index.index.deriver, CLOCK).count();
  expect((await graph(tally, yesterday, 8_000)).edges).toEqual(late);
});
