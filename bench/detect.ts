/**
 * What detection costs and how soon it tells: the same records are loaded with two hundred rules, all detectors and
 * the baselines on, and with none of them, in turns, as fast as the server takes them. With them, records that must
 * become alerts are sent among the load, and both the alert and its notification are waited for.
 * `npm run bench -- detect [--records 2000000] [--rounds 2] [--rules 200] [--batch 1000] [--connections 4] [--seed 1]`
 *
 * A round is one load with detection and one without. `rules`: our own pack, every one of it switched on, and as many
 * of a team's own.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { caughtUp, startServer, type RunningServer } from "../integrity/running-server.ts";
import { ownRules, PROBE_RULE } from "./detect/own-rules.ts";
import { Listener, Probes } from "./detect/probes.ts";
import type { ProbeFigures } from "./detect/probes.ts";
import { runLoader } from "./load.ts";
import { measuring, type LoadFigures } from "./load-figures.ts";
import { rounded } from "./measure.ts";

const CATCH_UP_TIMEOUT_MS = 600_000;
/** Alerts are waited for so long after the load; what comes later counts as missing. */
const ALERTS_WITHIN_MS = 60_000;

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "2000000" },
    rounds: { type: "string", default: "2" },
    rules: { type: "string", default: "200" },
    batch: { type: "string", default: "1000" },
    connections: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    "step-us": { type: "string", default: "20" },
  },
});
const RECORDS = Number(options.records);
const ROUNDS = Number(options.rounds);

interface Figures extends LoadFigures {
  readonly detection: boolean;
  readonly ack_to_alert_ms: ProbeFigures | null;
  /** After the load, till detection had looked at everything. */
  readonly detectors_behind_s: number | null;
}

async function measure(detection: boolean): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "tallystick-bench-detect-"));
  const listener = new Listener();
  const config = join(folder, "tallystick.yaml");
  const secret = join(folder, "webhook.secret");
  writeFileSync(secret, `whsec_${randomBytes(32).toString("base64")}`, { mode: 0o600 });
  writeFileSync(config, configText(detection, await listener.listen(), secret));
  const server = await startServer(join(folder, "data"), { args: ["--config", config] });
  try {
    if (detection) await switchOn(server, Number(options.rules));
    return await load(server, detection, listener);
  } finally {
    await server.stop();
    listener.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function configText(detection: boolean, url: string, secret: string): string {
  return `rules: {enabled: ${detection}}
detectors: {enabled: ${detection}}
alerts:
  allow_private: [127.0.0.0/8]
  channels: [{name: phone, kind: webhook, url: "${url}", secret_file: "${secret}", per_minute: 6000}]
  routes: [{match: ['caller=~"probe-.*"'], channels: [phone], group_by: ["..."], group_wait: 1ms}]
`;
}

interface ListedRule {
  readonly id: string;
  readonly on: boolean;
}

async function switchOn(server: RunningServer, count: number): Promise<void> {
  const headers = { "content-type": "application/json" };
  const listed = async () => (await server.json<{ readonly rules: readonly ListedRule[] }>("/api/rules")).rules;
  const pack = (await listed()).length;
  for (const text of [PROBE_RULE, ...ownRules(Math.max(0, count - pack - 1))])
    await server.json("/api/rules", { method: "POST", headers, body: JSON.stringify({ text }) });
  for (const { id, on } of await listed())
    if (!on) await server.json(`/api/rules/${id}/on`, { method: "PUT", headers, body: '{"on":true}' });
  const running = (await listed()).filter(({ on }) => on).length;
  process.stderr.write(`${running} rules are on\n`);
}

async function load(server: RunningServer, detection: boolean, listener: Listener): Promise<Figures> {
  const stepUs = Number(options["step-us"]);
  const probes = detection ? new Probes(server) : null;
  const loadFigures = measuring(server);
  const told = detection ? "with" : "without";
  const report = await runLoader(
    {
      url: server.url,
      token: server.token,
      what: "records",
      records: RECORDS,
      batch: Number(options.batch),
      connections: Number(options.connections),
      seed: Number(options.seed),
      startMs: Date.now() - (RECORDS * stepUs) / 1_000,
      stepUs,
    },
    (n) => process.stderr.write(`\r${n} acknowledged ${told} detection`),
  );
  await probes?.stop();
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  const measured = loadFigures(report);
  process.stderr.write("\n");
  return {
    detection,
    ...measured,
    ack_to_alert_ms: probes === null ? null : await figures(probes, listener),
    detectors_behind_s: detection ? await behind(server) : null,
  };
}

async function figures(probes: Probes, listener: Listener): Promise<ProbeFigures> {
  const end = performance.now() + ALERTS_WITHIN_MS;
  while (!probes.areHeard(listener.heard) && performance.now() < end) await pause(100);
  return probes.figures(listener.heard);
}

async function behind(server: RunningServer): Promise<number> {
  const started = performance.now();
  for (;;) {
    const { lag_records: lag } = await server.json<{ readonly lag_records: number }>("/api/detectors");
    if (lag === 0 || performance.now() - started > CATCH_UP_TIMEOUT_MS)
      return rounded((performance.now() - started) / 1_000);
    await pause(100);
  }
}

async function main(): Promise<void> {
  const runs: Figures[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    for (const detection of round % 2 === 0 ? [false, true] : [true, false]) {
      const run = await measure(detection);
      process.stderr.write(`${JSON.stringify(run)}\n`);
      runs.push(run);
    }
  const mean = (detection: boolean): number =>
    runs.filter((run) => run.detection === detection).reduce((sum, run) => sum + run.records_per_second, 0) / ROUNDS;
  const result = {
    bench: "detect",
    records: RECORDS,
    rounds: ROUNDS,
    rules: Number(options.rules),
    records_per_second: { without: Math.round(mean(false)), with: Math.round(mean(true)) },
    throughput_kept: rounded(mean(true) / mean(false), 3),
    runs,
  };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

await main();
