/** Breaks, counts and single calls over a real engine, by the API. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { until } from "../index/sample.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import type { BreaksAnswer } from "../tally/breaks.ts";
import type { CallView } from "../tally/call-view.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const CONFIG = `tally:
  deadline: 500ms
  deadlines:
    - {caller: web, callee: payments, deadline: 10m}
    - {caller: "address:10.0.0.7", callee: payments, deadline: 10m}
  aliases:
    "address:10.0.0.7": web
`;
const EDGE = "edge=orders:payments";

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`, CONFIG, withEngine());
  await send(
    ...["good", "broken"].map((id) => half("caller", id, { request_size: 100 })),
    half("callee", "good", { request_size: 100 }),
    // Two fields that disagree.
    half("callee", "broken", { request_size: 101, status: "error" }),
    half("caller", "lost"),
    half("caller", "foreign", { target_id: "bank" }),
    half("caller", "slow", { service_id: "web" }),
    half("callee", "slow-too", { service_id: "address:10.0.0.7" }),
  );
  const isSettled = async () => {
    const { breaks, counts } = await tally(EDGE);
    return breaks.length === 3 && counts["calls"] === 3 && (await tally("edge=orders:bank")).counts["calls"] === 1;
  };
  // Until the engine is up the answer is a refusal.
  await until(() => isSettled().catch(() => false));
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

function half(side: "caller" | "callee", id: string, fields: object = {}): object {
  const names = { service_id: "orders", target_id: "payments", request_id: id };
  const timestamp = new Date().toISOString();
  return {
    timestamp,
    event_type: "API_CALL",
    side,
    ...names,
    operation: "POST /payments",
    status: "success",
    ...fields,
  };
}

async function send(...records: readonly object[]): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await server.fetch("/v1/records", { method: "POST", body: JSON.stringify(records), headers });
  expect(response.status).toBe(200);
}

async function tally(query: string): Promise<BreaksAnswer> {
  const response = await server.fetch(`/api/tally?${query}`);
  const body = await response.text();
  if (response.status !== 200) throw new Error(body);
  return JSON.parse(body) as BreaksAnswer;
}

async function refusal(path: string): Promise<readonly unknown[]> {
  const response = await server.fetch(path);
  return [response.status, ((await response.json()) as { readonly code: string }).code];
}

const kinds = ({ breaks }: BreaksAnswer) => breaks.map(({ kind }) => kind).toSorted();
const KINDS = ["discrepancy_size", "discrepancy_status", "unpaired_caller"];

describe("/api/tally", () => {
  it("lists one break for each field that disagrees, with the halves that were judged", async () => {
    const { breaks, settled_through: settled, next } = await tally(EDGE);
    const judged = breaks.map(({ kind, call_id: id, records }) => `${kind} ${id} ${records.length}`);
    expect(judged.toSorted()).toEqual([
      "discrepancy_size orders/payments/broken/0 2",
      "discrepancy_status orders/payments/broken/0 2",
      "unpaired_caller orders/payments/lost/0 1",
    ]);
    expect(breaks.find(({ kind }) => kind === "discrepancy_size")).toMatchObject({
      field: "request_size",
      caller_value: "100",
      callee_value: "101",
      tolerance: "equal",
      holds: true,
    });
    const sides = breaks.flatMap(({ records }) => records.map(({ record }) => record.side));
    expect(sides.toSorted()).toEqual(["callee", "callee", "caller", "caller", "caller"]);
    const due = breaks.map(({ timestamp }) => Date.parse(timestamp));
    expect(Date.parse(settled ?? "")).toBeGreaterThanOrEqual(Math.max(...due));
    expect(next).toBeNull();
  });

  it("counts a call once, however many of its fields disagree, and what is not due as pending", async () => {
    const { counts } = await tally(EDGE);
    expect(counts).toMatchObject({ calls: 3, matched: 1, discrepant: 1, unpaired_caller: 1, pending: 0 });
    const waiting = await tally("edge=web:payments");
    expect([waiting.breaks, waiting.counts]).toEqual([[], expect.objectContaining({ calls: 2, pending: 2 })]);
    expect((await tally("")).counts).toMatchObject({ discrepant: 1, pending: 2 });
  });

  it("takes a window and a kind", async () => {
    expect(kinds(await tally(`${EDGE}&from=now-1h`))).toEqual(KINDS);
    expect(kinds(await tally(`${EDGE}&to=now-1h`))).toEqual([]);
    const [{ timestamp } = { timestamp: "" }] = (await tally(EDGE)).breaks;
    // The window begins with its first moment and ends before its last.
    expect(kinds(await tally(`${EDGE}&from=${timestamp}`))).not.toEqual([]);
    expect(kinds(await tally(`${EDGE}&to=${timestamp}`)).length).toBeLessThan(3);
    expect(kinds(await tally(`${EDGE}&kind=discrepancy_status`))).toEqual(["discrepancy_status"]);
    expect(await refusal("/api/tally?kind=boredom")).toEqual([400, "bad_request"]);
    expect(await refusal("/api/tally?from=soon")).toEqual([400, "bad_request"]);
  });

  it("gives pages, each break once", async () => {
    const pages: BreaksAnswer[] = [];
    for (let cursor: string | null = ""; cursor !== null; cursor = pages.at(-1)!.next)
      pages.push(await tally(`${EDGE}&limit=1&cursor=${cursor}`));
    expect(pages.map(({ breaks }) => breaks.length)).toEqual([1, 1, 1]);
    expect(pages.flatMap(({ breaks }) => breaks)).toEqual((await tally(EDGE)).breaks);
    expect(await refusal("/api/tally?cursor=nonsense")).toEqual([400, "cursor_invalid"]);
    expect(await refusal("/api/tally?limit=1001")).toEqual([400, "bad_request"]);
  });

  it("leaves out what a later half resolved, unless its history is asked for", async () => {
    const cart = { service_id: "cart", timestamp: new Date().toISOString() };
    await send(half("caller", "late", cart));
    await until(async () => (await tally("edge=cart:payments")).breaks.length === 1);
    await send(half("callee", "late", cart));
    await until(async () => (await tally("edge=cart:payments")).breaks.length === 0);
    const { breaks } = await tally("edge=cart:payments&history=true");
    expect(breaks).toMatchObject([{ kind: "unpaired_caller", call_id: "cart/payments/late/0", holds: false }]);
  });
});

describe("/api/calls", () => {
  const call = async (id: string) => (await (await server.fetch(`/api/calls/${id}`)).json()) as CallView;

  it("says why a missing half is no break, and since when it is settled", async () => {
    const before = Date.now();
    const found = await call("orders/bank/foreign/0");
    expect(found).toMatchObject({
      call_id: "orders/bank/foreign/0",
      state: "one_sided",
      reason: "bank has never recorded a call that it received",
      settled: true,
      breaks: [],
    });
    const received = Date.parse(found.halves.caller[0]!.observed.received_at);
    expect(Date.parse(found.due) - received).toBe(500);
    expect(Date.parse(found.due)).toBeLessThan(before);
    expect(await call("web/payments/slow/0")).toMatchObject({ state: "pending", settled: false });
  });

  it("takes the slashes of an id as they are or percent-encoded", async () => {
    const found = await call("orders/payments/broken/0");
    expect(found.breaks.map(({ kind }) => kind).toSorted()).toEqual(["discrepancy_size", "discrepancy_status"]);
    expect(await call("orders%2Fpayments%2Fbroken%2F0")).toEqual(found);
  });

  it("knows nothing of a call without records", async () => {
    expect(await refusal("/api/calls/orders/payments/nobody/0")).toEqual([404, "not_found"]);
  });
});
