/**
 * OpenTelemetry's Python SDK sends spans of all kinds and log records over OTLP/HTTP (protobuf, gzip), twice: what a
 * lost answer makes it do. Every span that is a call is found once, under the service's name, with both sides of a
 * call under one call id.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer, until, type RunningServer } from "../integrity/running-server.ts";
import { pythonWith, runPython } from "./python.ts";

const VERSION = "1.45.2";
const PACKAGES = [`opentelemetry-sdk==${VERSION}`, `opentelemetry-exporter-otlp-proto-http==${VERSION}`];

interface Found {
  readonly records: readonly { readonly call_id: string; readonly record: Readonly<Record<string, unknown>> }[];
}

async function main(): Promise<void> {
  const bin = pythonWith(`otel-python-${VERSION}`, PACKAGES);
  const data = mkdtempSync(join(tmpdir(), "tallystick-interop-"));
  const server = await startServer(data);
  try {
    const key = await server.json<{ readonly secret: string }>("/api/keys", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "python", relay: true, services: "*" }),
    });
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: server.url,
      OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer%20${key.secret}`,
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    };
    process.stdout.write(runPython(bin, "./otel-python.py", env));
    await check(server);
  } finally {
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

async function check(server: RunningServer): Promise<void> {
  const found = await until(20_000, "the SDK's records to be found", async () => {
    const answer = await server.json<Found>("/api/search?limit=100&q=environment:interop");
    return answer.records.length >= 7 ? answer.records : undefined;
  });
  const types = found.map(({ record }) => `${String(record["event_type"])}/${String(record["side"])}`).toSorted();
  const expected = [
    "API_CALL/callee",
    "API_CALL/caller",
    "AUTH/caller",
    "DB_QUERY/caller",
    "LOG/observer",
    "MESSAGE_CONSUME/callee",
    "MESSAGE_PUBLISH/caller",
  ];
  if (types.join() !== expected.join()) throw new Error(`records are ${types.join(", ")}`);
  const calls = found.filter(({ record }) => record["event_type"] === "API_CALL").map(({ call_id }) => call_id);
  if (new Set(calls).size !== 1) throw new Error(`the two sides of the call have call ids ${calls.join(" and ")}`);
  if (JSON.stringify(found).includes("hunter2")) throw new Error("a secret reached the log");
  process.stdout.write(`${JSON.stringify({ program: `opentelemetry-python ${VERSION}`, records: found.length })}\n`);
}

await main();
