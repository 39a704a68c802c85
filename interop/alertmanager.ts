/** Debian's Alertmanager takes what the Alertmanager channel sends: an alert that fires, and its end. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startServer, until } from "../integrity/running-server.ts";
import type { RunningServer } from "../integrity/running-server.ts";
import { freePort } from "../test/free-port.ts";
import { debianProgram, seeingItsFiles } from "./debian.ts";

const NOT_HERE = 77;
const PACKAGE = "prometheus-alertmanager";

interface Taken {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly status: { readonly state: string };
}

async function main(): Promise<void> {
  const program = debianProgram(PACKAGE, "/usr/bin/prometheus-alertmanager");
  const commandLine = program === null ? null : seeingItsFiles(PACKAGE, program);
  if (program === null || commandLine === null) process.exit(NOT_HERE);
  const said = spawnSync(program, ["--version"], { encoding: "utf8" });
  const version = /version (\S+)/.exec(`${said.stdout ?? ""}${said.stderr ?? ""}`)?.[1];
  if (version === undefined) throw new Error(`${program} does not say its version`);
  const folder = mkdtempSync(join(tmpdir(), "tallystick-interop-"));
  const port = await freePort();
  writeFileSync(join(folder, "am.yml"), "route: {receiver: none}\nreceivers: [{name: none}]\n");
  const args = ["--config.file", join(folder, "am.yml"), "--storage.path", join(folder, "am")];
  const peers = ["--web.listen-address", `127.0.0.1:${port}`, "--cluster.listen-address", ""];
  const [command, ...before] = commandLine;
  const alertmanager = spawn(command, [...before, ...args, ...peers], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  const config = `alerts:
  allow_private: [127.0.0.0/8]
  channels: [{name: am, kind: alertmanager, url: "${url}"}]
`;
  writeFileSync(join(folder, "tallystick.yaml"), config);
  const server = await startServer(join(folder, "data"), { args: ["--config", join(folder, "tallystick.yaml")] });
  try {
    await until(20_000, "Alertmanager", async () =>
      (await fetch(`${url}/-/ready`).catch(() => null))?.ok ? true : undefined,
    );
    await replay(server);
    const taken = async () => (await (await fetch(`${url}/api/v2/alerts`)).json()) as readonly Taken[];
    const firing = await until(30_000, `the alert to arrive\n${server.log().slice(-2_000)}`, async () =>
      (await taken()).find(({ labels }) => labels["rule_id"] === "builtin/replay"),
    );
    const { alerts } = await server.json<{ readonly alerts: readonly { readonly id: string }[] }>(
      "/api/alerts?match=rule_id%3Dbuiltin/replay",
    );
    for (const { id } of alerts) await server.json(`/api/alerts/${id}/resolve`, { method: "POST" });
    await until(120_000, "the end to arrive", async () =>
      (await taken()).some(({ labels }) => labels["rule_id"] === "builtin/replay") ? undefined : true,
    );
    process.stdout.write(`${JSON.stringify({ program: `Alertmanager ${version}`, labels: firing.labels })}\n`);
  } finally {
    await server.stop();
    alertmanager.kill("SIGTERM");
    if (alertmanager.exitCode === null) await once(alertmanager, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Two calls with one signature. */
async function replay(server: RunningServer): Promise<void> {
  const record = (request: string) => ({
    timestamp: new Date().toISOString(),
    event_type: "API_CALL",
    side: "callee",
    service_id: "web",
    target_id: "orders",
    request_id: request,
    operation: "POST /orders",
    status: "success",
    credential_id: "fp:0123456789abcdef0123456789abcdef",
    auth_method: "hmac",
    auth_signature_digest: `sha256:${"5".repeat(64)}`,
  });
  await server.json("/v1/records", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([record("first"), record("again")]),
  });
}

await main();
