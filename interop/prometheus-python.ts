/**
 * The OpenMetrics parser of Prometheus' Python client, which is the format's reference, reads /metrics/edges of a
 * server that settled real calls: some fail, one has lost a half, one service's name needs escaping.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer, until, type RunningServer } from "../integrity/running-server.ts";
import { pythonWith, runPython } from "./python.ts";

const VERSION = "0.23.1";
const CALLS = 40;
const STRANGE_NAME = 'ledger "east"\\2';

interface Read {
  readonly content_type: string;
  readonly families: readonly {
    readonly name: string;
    readonly type: string;
    readonly unit: string;
    readonly samples: readonly (readonly [name: string, labels: Readonly<Record<string, string>>, value: number])[];
  }[];
}

function halves(): readonly object[] {
  const timestamp = new Date().toISOString();
  return Array.from({ length: CALLS }, (_, at) => {
    const call = {
      timestamp,
      event_type: "API_CALL",
      service_id: "orders",
      target_id: at % 4 === 0 ? STRANGE_NAME : "payments",
      request_id: `call-${at}`,
      status: at % 10 === 1 ? "error" : "success",
      duration_us: 1_000 * (at + 1),
    };
    const sides = at === 2 ? ["caller"] : ["caller", "callee"];
    return sides.map((side) => ({ ...call, side }));
  }).flat();
}

async function main(): Promise<void> {
  const bin = pythonWith(`prometheus-python-${VERSION}`, [`prometheus_client==${VERSION}`]);
  const data = mkdtempSync(join(tmpdir(), "tallystick-interop-"));
  const server = await startServer(data, { env: { TALLYSTICK_TALLY_DEADLINE: "1s" } });
  try {
    await server.json("/v1/records", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(halves()),
    });
    await settled(server);
    const env = { TALLYSTICK_URL: server.url, TALLYSTICK_TOKEN: server.token };
    check(JSON.parse(runPython(bin, "./prometheus-python.py", env)) as Read);
  } finally {
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

async function settled(server: RunningServer): Promise<void> {
  await until(30_000, "the calls to be settled", async () => {
    const response = await server.fetch("/api/graph");
    if (!response.ok) return undefined;
    const { edges } = (await response.json()) as { readonly edges: readonly { readonly calls: number }[] };
    return edges.reduce((sum, { calls }) => sum + calls, 0) === CALLS ? true : undefined;
  });
}

function check({ content_type: contentType, families }: Read): void {
  expectEqual("Content-Type", contentType, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  const types = Object.fromEntries(families.map(({ name, type }) => [name, type]));
  expectEqual("families", types, {
    tallystick_edge_requests: "counter",
    tallystick_edge_errors: "counter",
    tallystick_edge_denied: "counter",
    tallystick_edge_matched: "counter",
    tallystick_edge_unmatched: "counter",
    tallystick_edge_match_ratio: "gauge",
    tallystick_edge_duration_seconds: "histogram",
    tallystick_edges: "gauge",
    tallystick_tally_settled_timestamp_seconds: "gauge",
  });
  const samples = families.flatMap((family) => family.samples);
  const byCallee = (wanted: string) =>
    Object.fromEntries(samples.filter(([name]) => name === wanted).map(([, { callee }, value]) => [callee, value]));
  expectEqual("requests", byCallee("tallystick_edge_requests_total"), { payments: 30, [STRANGE_NAME]: 10 });
  expectEqual("errors", byCallee("tallystick_edge_errors_total"), { payments: 4, [STRANGE_NAME]: 0 });
  expectEqual("unmatched", byCallee("tallystick_edge_unmatched_total"), { payments: 1, [STRANGE_NAME]: 0 });
  expectEqual("durations", byCallee("tallystick_edge_duration_seconds_count"), { payments: 30, [STRANGE_NAME]: 10 });
  process.stdout.write(`${JSON.stringify({ program: `prometheus_client ${VERSION}`, samples: samples.length })}\n`);
}

const sorted = (value: unknown): string =>
  JSON.stringify(typeof value === "object" && value !== null ? Object.entries(value).map(String).toSorted() : value);

function expectEqual(what: string, read: unknown, expected: unknown): void {
  if (sorted(read) !== sorted(expected)) throw new Error(`${what}: read ${sorted(read)}, not ${sorted(expected)}`);
}

await main();
