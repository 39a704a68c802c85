/** The map over a real engine: as JSON, on the command line, for Prometheus. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import { until } from "../index/sample.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import type { GraphAnswer } from "../tally/graph.ts";
import { readOpenMetrics } from "../tally/open-metrics.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const data = () => `${folder.path}/data`;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(data(), "tally:\n  deadline: 500ms\n", withEngine());
  await send([...call("one", "success"), ...call("two", "error")]);
  await until(async () => (await graph().catch(() => null))?.edges[0]?.calls === 2);
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

function call(id: string, status: string): readonly object[] {
  const timestamp = new Date().toISOString();
  const common = { timestamp, event_type: "API_CALL", operation: "POST /payments", protocol: "http", status };
  const names = { service_id: "orders", target_id: "payments", request_id: id, duration_us: 20_000 };
  return ["caller", "callee"].map((side) => ({ ...common, ...names, side }));
}

async function send(records: readonly object[]): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await server.fetch("/v1/records", { method: "POST", body: JSON.stringify(records), headers });
  expect(response.status).toBe(200);
}

async function graph(query = ""): Promise<GraphAnswer> {
  const response = await server.fetch(`/api/graph${query}`);
  return response.status === 200 ? ((await response.json()) as GraphAnswer) : Promise.reject(new Error("not ready"));
}

describe("/api/graph", () => {
  it("gives services and edges", async () => {
    const answer = await graph("?operations=true");
    expect(answer.services.map(({ name }) => name)).toEqual(["orders", "payments"]);
    expect(answer.edges).toMatchObject([
      { caller: "orders", callee: "payments", calls: 2, errors: 1, error_ratio: 0.5, match_rate: 1 },
    ]);
    expect(answer.edges[0]!.operations).toMatchObject([{ operation: "POST /payments", calls: 2 }]);
    expect(answer.partial).toBe(false);
  });

  it("refuses what it does not know, and says where", async () => {
    const status = async (query: string) => (await server.fetch(`/api/graph?${query}`)).status;
    expect(await status("servcie=orders")).toBe(400);
    const wrong = await server.fetch("/api/graph?from=yesterday");
    expect([wrong.status, ((await wrong.json()) as { at: object }).at]).toEqual([400, { parameter: "from" }]);
    expect(await status("edge=orders")).toBe(400);
    expect((await graph("?service=nobody")).edges).toEqual([]);
  });
});

describe("tallystick graph", () => {
  it("shows the edges as a table, and the server's answer as JSON", async () => {
    const shown = await runLine(["graph", "--data", data(), "--operations"]);
    expect([shown.exitCode, shown.err]).toEqual([0, expect.stringMatching(/^2 services, 1 edge; settled through /)]);
    const lines = shown.out.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^CALL +CALLS\/S +CALLS +ERRORS +P50 +P95 +P99 +MATCHED +LAST_SEEN$/);
    expect(lines[1]).toMatch(/^orders → payments +\d\S* +2 +50\.0% .* ms +100\.0% +\d{4}-\S+Z$/);
    expect(lines[2]).toMatch(/^ {2}POST \/payments +\d\S* +2 /);
    const { edges } = (await runLine(["graph", "--data", data(), "--json"])).json<GraphAnswer>();
    expect(edges).toHaveLength(1);
  });
});

describe("/metrics/edges", () => {
  it("is OpenMetrics, for a scraper on this machine or with a reader's key", async () => {
    const scraped = await server.fetch("/metrics/edges", { authorization: null });
    expect(scraped.status).toBe(200);
    expect(scraped.headers.get("content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    const families = readOpenMetrics(await scraped.text());
    const requests = families.find(({ name }) => name === "tallystick_edge_requests");
    expect(requests?.samples).toEqual([
      { name: "tallystick_edge_requests_total", labels: { caller: "orders", callee: "payments" }, value: 2 },
    ]);
    const foreign = await server.fetch("/metrics/edges", { authorization: null, headers: { via: "1.1 proxy" } });
    expect(foreign.status).toBe(401);
  });
});
