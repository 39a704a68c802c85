/** Rules in a whole server with its engine: from what the configuration and the rules say to alerts. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import type { Clock } from "../clock.ts";
import { MEASURE_EVERY_MS } from "../detect/measure/measure-watch.ts";
import { until } from "../index/sample.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { realClock } from "../real-clock.ts";

const PIPELINE = `name: mesh
priority: 10
transformations:
  - id: names
    type: field_name_mapping
    mapping: { SourceService: caller }
`;
const YAML = `ledger: { publish_interval_ms: 60000 }
tally: { deadline: 1s }
detectors: { learn: 1ms }
alerts: { runbook_url: "https://runbooks.example/{rule}" }
rules:
  pipelines: [PIPELINE]
  placeholders: { wanted: [intruder] }
`;
const MAPPED = "0f0c4d0e-0000-4000-8000-000000000001";
const MATCH_RATE = "0f0c4d0e-0000-4000-8000-000000000002";
const CHECKPOINT_AGE = "0f0c4d0e-0000-4000-8000-000000000003";
const PATIENCE_MS = 120_000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let aheadUs = 0;

/** Measures are looked at often, and a window of them passes when it is told to. */
function hastyClock(): Clock {
  const real = realClock();
  return {
    nowUs: () => real.nowUs() + aheadUs,
    monotonicMs: () => real.monotonicMs() + aheadUs / 1_000,
    after: (delayMs, callback) => real.after(delayMs === MEASURE_EVERY_MS ? 200 : delayMs, callback),
  };
}
const clock = hastyClock();

beforeAll(async () => {
  folder = await temporaryFolder();
  const pipeline = join(folder.path, "mesh.yml");
  writeFileSync(pipeline, PIPELINE);
  server = await startTestServer(join(folder.path, "data"), YAML.replace("PIPELINE", pipeline), {
    ...withEngine(),
    clock,
  });
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const json = { "content-type": "application/json" };

async function addRule(id: string, text: string): Promise<void> {
  const added = await server.fetch("/api/rules", { method: "POST", headers: json, body: JSON.stringify({ text }) });
  expect(await added.text()).toContain(id);
  const on = await server.fetch(`/api/rules/${id}/on`, { method: "PUT", headers: json, body: '{"on":true}' });
  expect(on.status).toBe(200);
}

const call = (request: string, side: "caller" | "callee", fields: object = {}) => ({
  timestamp: new Date(clock.nowUs() / 1_000).toISOString(),
  event_type: "API_CALL",
  side,
  service_id: "orders",
  target_id: "payments",
  recorder_id: side === "caller" ? "orders" : "payments",
  request_id: request,
  operation: "POST /payments",
  status: "success",
  ...fields,
});

async function send(...records: readonly object[]): Promise<void> {
  const sent = await server.fetch("/v1/records", { method: "POST", headers: json, body: JSON.stringify(records) });
  expect(sent.status).toBe(200);
}

interface ShownAlert {
  readonly id: string;
  readonly rule_id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly seen: string;
  readonly runbook_url: string | null;
  readonly records: readonly { readonly tree: string; readonly leaf_index: number; readonly call_id: string }[];
}

async function alertOf(ruleId: string): Promise<ShownAlert> {
  let found: ShownAlert | undefined;
  await until(async () => {
    const { alerts } = (await (await server.fetch("/api/alerts?limit=100")).json()) as {
      readonly alerts: readonly ShownAlert[];
    };
    found = alerts.find((alert) => alert.rule_id === ruleId);
    return found !== undefined;
  }, PATIENCE_MS);
  return (await (await server.fetch(`/api/alerts/${found!.id}`)).json()) as ShownAlert;
}

test("the configuration's pipelines and placeholders hold for rules of the running server", async () => {
  await addRule(
    MAPPED,
    `title: Intruder\nid: ${MAPPED}\nlogsource: {product: mesh}\ndetection:
  sel: {"SourceService|expand": "%wanted%"}\n  condition: sel\n`,
  );
  await send(call("r-1", "caller"), call("r-2", "caller", { service_id: "intruder", recorder_id: "intruder" }));
  const { records } = await alertOf(MAPPED);
  expect(records.map(({ call_id }) => call_id)).toEqual([expect.stringContaining("r-2")]);
});

test("a rule says the runbook that its alerts name: its own, else by the configuration", async () => {
  const text = `title: Other\nid: ${CHECKPOINT_AGE}\nrunbook_url: https://wiki.example/other
measure: {of: checkpoint_age, window: 1m, condition: {gt: 1000000}}\n`;
  await addRule(CHECKPOINT_AGE, text);
  const shown = async (id: string) => {
    const rule = (await (await server.fetch(`/api/rules/${id}`)).json()) as { readonly runbook_url: string };
    const line = ["rules", "show", id, "--url", server.url, "--token", server.adminToken];
    return [rule.runbook_url, (await runLine(line)).out.split("\n").filter((one) => one.includes("https:"))];
  };
  expect(await shown(CHECKPOINT_AGE)).toEqual([
    "https://wiki.example/other",
    ["runbook_url: https://wiki.example/other"],
  ]);
  const byDefault = `https://runbooks.example/${MAPPED}`;
  expect(await shown(MAPPED)).toEqual([byDefault, [`# Its alerts name the runbook ${byDefault}`]]);
  expect((await alertOf(MAPPED)).runbook_url).toBe(byDefault);
});

test("from traffic to the alert: a match rate that falls, with its calls, and records that wait for a checkpoint", async () => {
  await addRule(
    MATCH_RATE,
    `title: Halves differ\nid: ${MATCH_RATE}\nmeasure:\n  of: match_rate\n  group-by: [caller, callee]
  window: 5m\n  condition: {lt: 0.9}\n  at-least: 3\n`,
  );
  await addRule(
    CHECKPOINT_AGE,
    `title: Records wait\nid: ${CHECKPOINT_AGE}
measure: {of: checkpoint_age, window: 1m, condition: {gt: 2}}\n`,
  );
  aheadUs += 600_000_000;
  const other = { operation: "DELETE /payments" };
  await send(...["a", "b", "c"].flatMap((name) => [call(name, "caller"), call(name, "callee", other)]));
  const waits = await alertOf(CHECKPOINT_AGE);
  expect(waits.seen).toMatch(/^records not published for \d+(\.\d+)? s$/);
  expect(waits.labels["tree"]).toMatch(/^[a-z]+\/\d{4}-\d\d$/);
  const differ = await alertOf(MATCH_RATE);
  expect(differ).toMatchObject({
    labels: { caller: "orders", callee: "payments" },
    seen: "0% of calls whose halves agree",
  });
  expect(differ.records).toHaveLength(3);
  for (const { call_id: id } of differ.records) {
    const answer = (await (await server.fetch(`/api/calls/${encodeURIComponent(id)}`)).json()) as object;
    expect(JSON.stringify(answer)).toContain("discrepant");
  }
});
