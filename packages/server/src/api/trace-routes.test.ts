/** Traces, bottlenecks, timelines and neighbours through HTTP and the command line, over a real engine. */
import type { StoredRecord } from "@tallystick/record";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import type { BottlenecksAnswer } from "../search/bottlenecks/bottlenecks.ts";
import type { NeighboursAnswer } from "../search/neighbours.ts";
import type { TimelineAnswer } from "../search/timeline.ts";
import type { TraceAnswer } from "../search/trace/trace.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const data = () => `${folder.path}/data`;
const TREE = `default/${new Date().toISOString().slice(0, 7)}`;
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const span = (name: string) => name.padStart(16, "0");
const timestamp = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();

/** A shop asks orders, which asks payments twice: the first attempt fails, and payments' own half is missing. */
const RECORDS = [
  half("caller", "shop", "orders", { span_id: span("a1"), duration_us: 90_000, status: "success" }),
  half("callee", "shop", "orders", { span_id: span("b1"), parent_span_id: span("a1"), duration_us: 80_000 }, 5),
  half(
    "caller",
    "orders",
    "payments",
    {
      span_id: span("a2"),
      parent_span_id: span("b1"),
      duration_us: 20_000,
      credential_id: "kid-17",
      status: "timeout",
      error_type: "ETIMEDOUT",
      error_message: "no answer\u001b[2J",
    },
    10,
  ),
  half(
    "caller",
    "orders",
    "payments",
    {
      span_id: span("a3"),
      parent_span_id: span("b1"),
      duration_us: 30_000,
      attempt: 1,
      credential_id: "kid-17",
    },
    40,
  ),
  half(
    "callee",
    "orders",
    "payments",
    {
      span_id: span("b3"),
      parent_span_id: span("a3"),
      duration_us: 10_000,
      attempt: 1,
      credential_id: "kid-17",
    },
    50,
  ),
];

function half(side: string, service: string, target: string, fields: object, ms = 0): object {
  return {
    timestamp: timestamp(ms),
    event_type: "API_CALL",
    side,
    service_id: service,
    target_id: target,
    trace_id: TRACE,
    request_id: `visit-${service}`,
    operation: `POST /${target}`,
    protocol: "http",
    status: "success",
    subject_refs: ["person-1"],
    ...fields,
  };
}

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(data(), "", withEngine());
  const response = await server.fetch("/v1/records?wait=published", {
    method: "POST",
    body: JSON.stringify(RECORDS),
    headers: { "content-type": "application/json" },
  });
  expect(response.status).toBe(200);
  const end = performance.now() + 30_000;
  while (
    (await get<{ records: readonly unknown[] }>("/api/search").catch(() => null))?.records.length !== RECORDS.length
  ) {
    if (performance.now() > end) throw new Error("waited too long");
    await new Promise((resolve) => setImmediate(resolve));
  }
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

async function get<Answer>(path: string): Promise<Answer> {
  const response = await server.fetch(path);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

async function refusal(path: string): Promise<readonly [number, string]> {
  const response = await server.fetch(path);
  return [response.status, ((await response.json()) as { code: string }).code];
}

describe("GET /api/traces/{id}", () => {
  it("is the tree of calls, with what each is by and what it took", async () => {
    const trace = await get<TraceAnswer>(`/api/traces/${TRACE}`);
    expect(trace).toMatchObject({ found_by: ["trace"], root: 0, first_failure: 1, partial: false, records: null });
    expect(trace.counts).toMatchObject({ records: 5, calls: 3, failed: 1, unpaired: 1, retries: 1 });
    expect(trace.nodes.map(({ parent, evidence, missing }) => [parent, evidence, missing])).toEqual([
      [null, "trace", []],
      [0, "trace", ["callee"]],
      [0, "trace", []],
    ]);
    expect(trace.nodes[0]).toMatchObject({ network_us: 10_000, self_us: 30_000, critical_us: 40_000 });
    expect(trace.nodes[2]).toMatchObject({ retry_of: 1, attempt: 1, network_us: 20_000 });
    expect(trace.nodes[1]).toMatchObject({ recovered: true, caller: { tree: TREE, leaf_index: 3 } });
  });

  it("is the same by a request id, and comes with records", async () => {
    const { nodes, found_by, records } = await get<TraceAnswer>("/api/traces/visit-shop?records=true");
    expect([nodes.length, found_by, records!.length]).toEqual([3, ["request_id"], 5]);
    const first = await get<StoredRecord>(`/api/records/${TREE}/1`);
    expect(records).toContainEqual({
      tree: first.tree,
      leaf_index: 1,
      call_id: first.call_id,
      record: first.record,
      observed: first.observed,
    });
    const callId = encodeURIComponent(nodes[2]!.call_id);
    expect((await get<TraceAnswer>(`/api/traces/${callId}?follow=false`)).nodes).toHaveLength(1);
  });

  it("is refused where there is none and where a parameter is none", async () => {
    expect(await refusal("/api/traces/nobody")).toEqual([404, "not_found"]);
    expect(await refusal(`/api/traces/${TRACE}?limit=0`)).toEqual([400, "bad_request"]);
    expect(await refusal(`/api/traces/${TRACE}?records=true&limit=1001`)).toEqual([400, "bad_request"]);
    expect(await refusal(`/api/traces/${TRACE}?from=soon`)).toEqual([400, "bad_request"]);
    expect(await refusal(`/api/traces/${TRACE}?depth=3`)).toEqual([400, "bad_request"]);
  });
});

describe("GET /api/bottlenecks", () => {
  it("ranks operations by their own time and names what failed first", async () => {
    const answer = await get<BottlenecksAnswer>("/api/bottlenecks?service=payments");
    expect(answer).toMatchObject({ sample_traces: 1, more_traces: false, sample_records: 5, failed_traces: 1 });
    expect(answer.operations.map(({ service, self_us }) => [service, self_us])).toEqual([
      ["orders", 30_000],
      ["payments", 30_000],
    ]);
    expect(answer.failures).toMatchObject([
      {
        service: "payments",
        status: "timeout",
        error_type: "ETIMEDOUT",
        traces: 1,
        share: 1,
        example: { trace_id: TRACE },
      },
    ]);
    expect(await refusal("/api/bottlenecks?traces=5001")).toEqual([400, "bad_request"]);
  });
});

describe("GET /api/timeline", () => {
  it("says what a service, a key and a person did and what was done to them", async () => {
    const directions = async (query: string) =>
      (await get<TimelineAnswer>(`/api/timeline?order=oldest&${query}`)).entries.map(({ direction }) => direction);
    expect(await directions("service=orders")).toEqual(["done_to", "done_to", "did", "did", "did"]);
    expect(await directions("credential=kid-17")).toEqual(["did", "did", "did"]);
    expect(await directions("subject_ref=person-1&limit=2")).toEqual(["done_to", "done_to"]);
    expect(await refusal("/api/timeline")).toEqual([400, "bad_request"]);
    expect(await refusal("/api/timeline?service=a&credential=b")).toEqual([400, "bad_request"]);
  });

  it("is exported page by page, with its direction", async () => {
    const csv = await server.fetch("/api/timeline/export?format=csv&credential=kid-17");
    expect(csv.headers.get("content-type")).toContain("text/csv");
    expect((await csv.text()).split("\r\n")[1]).toMatch(/,did$/);
    const page = await server.fetch("/api/timeline/export?service=orders&paged=true&proofs=true");
    const lines = (await page.text()).trimEnd().split("\n");
    expect(lines).toHaveLength(5);
    expect(JSON.parse(lines[0]!)).toMatchObject({ direction: "did", proof: expect.stringContaining("tlog-proof") });
    expect(await refusal("/api/timeline/export")).toEqual([400, "bad_request"]);
  });
});

describe("GET /api/records/{tree}/{index}/neighbours", () => {
  it("is what happened before and after", async () => {
    const answer = await get<NeighboursAnswer>(`/api/records/${TREE}/4/neighbours?by=credential&before=5`);
    const places = (records: readonly StoredRecord[]) => records.map(({ leaf_index: index }) => index);
    expect(answer).toMatchObject({ field: "credential_id", value: "kid-17", record: { leaf_index: 4 } });
    expect([places(answer.before), places(answer.after)]).toEqual([[3], [5]]);
    expect(await refusal(`/api/records/${TREE}/999/neighbours`)).toEqual([404, "not_found"]);
    expect(await refusal(`/api/records/${TREE}/1/neighbours?by=credential`)).toEqual([400, "bad_request"]);
    expect(await refusal(`/api/records/${TREE}/1/neighbours?by=host`)).toEqual([400, "bad_request"]);
  });
});

describe("the command line", () => {
  it("prints a trace as a waterfall, with what is odd about it and nothing that a terminal would obey", async () => {
    const { exitCode, out, err } = await runLine(["trace", TRACE, "--data", data()]);
    expect(exitCode).toBe(0);
    const lines = out.trimEnd().split("\n");
    expect(lines.slice(0, 3)).toEqual([
      `trace ${TRACE}`,
      "2026-01-01T00:00:00Z  90.0 ms  3 calls, 5 records, 3 services, 1 failed, 1 unpaired, 1 retry",
      `first failure orders → payments POST /payments: timeout: ETIMEDOUT: no answer (${TREE}/3)`,
    ]);
    expect(lines[4]).toMatch(/^ {2}shop → orders POST \/orders +90\.0 ms {2}░+█+░+$/);
    expect(lines[6]).toMatch(/^✗ {3}payments POST \/payments +20\.0 ms +▒+$/);
    expect(lines.slice(7, 10).map((line) => line.trim())).toEqual([
      "first failure: timeout: ETIMEDOUT: no answer",
      "callee's half missing",
      "a later attempt succeeded",
    ]);
    expect(lines[10]).toMatch(/^ {4}payments POST \/payments +30\.0 ms +░+█+░+$/);
    expect(lines[11]).toContain("attempt after one that failed (attempt 1); network 20.0 ms");
    expect(out).not.toContain("\u001b");
    expect(err).toContain("other half missing");
    const coloured = await runLine(["trace", TRACE, "--data", data()], { isTTY: true });
    expect(coloured.out).toContain("\u001b[31m");
    expect(coloured.out).not.toContain("\u001b[2J");
  });

  it("gives the answer as JSON, and ends with 1 for an id that nobody has", async () => {
    const { json } = await runLine(["trace", "visit-orders", "--json", "--records", "--data", data()]);
    expect(json<TraceAnswer>().records).toHaveLength(5);
    const alone = await runLine(["trace", "visit-orders", "--no-follow", "--json", "--data", data()]);
    expect(alone.json<TraceAnswer>().counts.records).toBe(3);
    const nobody = await runLine(["trace", "nobody", "--data", data()]);
    expect([nobody.exitCode, nobody.out, nobody.err]).toEqual([1, "", expect.stringContaining("No record has nobody")]);
  });

  it("shows a timeline, and writes all of it", async () => {
    const { exitCode, out } = await runLine(["timeline", "--service", "orders", "--data", data()]);
    expect([exitCode, out]).toEqual([
      0,
      expect.stringMatching(/^DIRECTION +TIMESTAMP[^]*\ndone to +2026-[^]*\ndid +2026-/),
    ]);
    const csv = await runLine(["timeline", "--credential", "kid-17", "--format", "csv", "--data", data()]);
    expect(csv.out.trimEnd().split("\r\n")).toHaveLength(4);
    const none = await runLine(["timeline", "--data", data()]);
    expect([none.exitCode, none.err]).toEqual([2, expect.stringContaining("exactly one")]);
  });

  it("shows bottlenecks and what failed first", async () => {
    const { exitCode, out, err } = await runLine(["bottlenecks", "--service", "orders", "--data", data()]);
    expect([exitCode, out]).toEqual([0, expect.stringMatching(/orders +POST \/orders +30\.0 ms +33\.3% +30\.0 ms/)]);
    expect(out).toMatch(new RegExp(`payments +POST /payments +timeout +ETIMEDOUT +1 +100\\.0% +${TRACE}`));
    expect(err).toContain("counted over 1 traces");
  });
});
