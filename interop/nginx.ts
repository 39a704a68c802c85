/**
 * Debian's nginx asks /v1/decide by auth_request. A service still takes a credential that has expired; the built-in
 * detector raises it, a rule blocks the credential, and nginx refuses the next call that carries it: measured from the
 * alert, and from the acknowledgement of the record, to the first 403. Then the server is stopped, and nginx does what
 * its configuration says: open or closed.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startServer, until } from "../integrity/running-server.ts";
import type { RunningServer } from "../integrity/running-server.ts";
import { freePort } from "../test/free-port.ts";
import { debianProgram } from "./debian.ts";

const NOT_HERE = 77;
const WITHIN_MS = 5_000;
const DECIDE_WITHIN_MS = 5;
const DECISIONS = 2_000;
const CREDENTIAL = "sk_live_stolen_0123456789abcdef01234567";

const RULES = `respond:
  cache_s: 1
  rules:
    - {name: expired, match: ["rule_id=builtin/use-after-expiry"], action: block_credential, for: 1h, dry_run: false}
`;

/** What a client could say of itself, and must not. */
const OF_CLIENTS = [
  "X-Tallystick-Operation",
  "X-Tallystick-Credential",
  "X-Tallystick-Caller",
  "X-Tallystick-Certificate",
  "X-Forwarded-Client-Cert",
];

function nginxConf(port: number, tallystick: string, key: string): string {
  // Workers of another user could not use the folder, which is this one's.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  const decide = `internal;
      proxy_pass http://tallystick/v1/decide;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Tallystick-Key "${key}";
      ${OF_CLIENTS.map((name) => `proxy_set_header ${name} "";`).join(" ")}
      proxy_connect_timeout 250ms;
      proxy_read_timeout 250ms;`;
  return `${user}daemon off;
pid nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  proxy_cache_path decisions keys_zone=decisions:1m;
  upstream tallystick { server ${tallystick}; keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    location /orders/ { auth_request /_decide; proxy_pass http://127.0.0.1:${port}/served/; }
    location /open-orders/ { auth_request /_decide_open; proxy_pass http://127.0.0.1:${port}/served/; }
    location /served/ { return 200 "served\\n"; }
    location = /_decide {
      ${decide}
      proxy_set_header X-Tallystick-Callee "orders";
      proxy_cache decisions;
      proxy_cache_methods GET HEAD;
      proxy_cache_key "orders $http_authorization";
      proxy_cache_valid 200 403 1s;
    }
    location = /_decide_open {
      ${decide}
      proxy_intercept_errors on;
      error_page 500 502 503 504 = @let_through;
    }
    location @let_through { return 204; }
  }
}
`;
}

async function main(): Promise<void> {
  const program = debianProgram("nginx", "/usr/sbin/nginx");
  if (program === null) process.exit(NOT_HERE);
  const version = /nginx\/(\S+)/.exec(spawnSync(program, ["-v"], { encoding: "utf8" }).stderr)?.[1];
  const folder = mkdtempSync(join(tmpdir(), "tallystick-interop-"));
  const config = join(folder, "tallystick.yaml");
  writeFileSync(config, RULES);
  const server = await startServer(join(folder, "data"), { args: ["--config", config] });
  let nginx: ChildProcess | null = null;
  try {
    const port = await freePort();
    const key = await server.json<{ readonly secret: string }>("/api/keys", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "gateway", role: "producer", services: "*" }),
    });
    nginx = startNginx(program, folder, nginxConf(port, new URL(server.url).host, key.secret));
    const call = (path: string, credential = CREDENTIAL) =>
      fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${credential}` } });
    await until(10_000, "nginx to listen", async () => {
      const answer = await call("/orders/1").catch(() => null);
      return answer?.status === 200 ? true : undefined;
    });
    const took = await fromUseToRefusal(server, call, key.secret);
    const other = await call("/orders/1", "sk_live_honest_0123456789abcdef01234567");
    expectEqual("another credential", other.status, 200);
    const decisions = await decisionTimes(server, key.secret);
    await server.stop();
    await until(10_000, "the kept decision to be over", async () =>
      (await call("/orders/1", "sk_live_new_0123456789abcdef0123456789")).status === 500 ? true : undefined,
    );
    expectEqual("fail-open while nobody decides", (await call("/open-orders/1")).status, 200);
    process.stdout.write(
      `${JSON.stringify({ program: `nginx ${version}`, to_first_refused_ms: took, decide_ms: decisions })}\n`,
    );
    if (took.from_alert > WITHIN_MS) throw new Error(`refused ${took.from_alert} ms after the alert, not ${WITHIN_MS}`);
    // The tail is printed above: beside other work on two cores it is the machine's.
    if (decisions.p50 > DECIDE_WITHIN_MS) throw new Error(`a decision takes ${decisions.p50} ms in the median`);
  } finally {
    nginx?.kill("SIGTERM");
    if (nginx !== null && nginx.exitCode === null) await once(nginx, "exit");
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds from a call with an expired credential, and from the alert about it, to the first 403. */
async function fromUseToRefusal(
  server: RunningServer,
  call: (path: string) => Promise<Response>,
  key: string,
): Promise<{ readonly from_alert: number; readonly from_ack: number }> {
  const { credential_id: credential } = await server.json<{ readonly credential_id: string }>(
    "/api/credentials/fingerprint",
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ credential: `Bearer ${CREDENTIAL}` }),
    },
  );
  const record = {
    timestamp: new Date().toISOString(),
    event_type: "API_CALL",
    side: "callee",
    service_id: "web",
    target_id: "orders",
    request_id: "1",
    operation: "POST /orders",
    status: "success",
    credential_id: credential,
    auth_expires_at: new Date(Date.now() - 3_600_000).toISOString(),
  };
  await server.json("/v1/records", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify(record),
  });
  const acknowledgedMs = performance.now();
  await until(30_000, `nginx to refuse the credential\n${server.log().slice(-2_000)}`, async () =>
    (await call("/orders/1")).status === 403 ? true : undefined,
  );
  const [refusedMs, refusedAt] = [performance.now(), Date.now()];
  const { alerts } = await server.json<{ readonly alerts: readonly { readonly raised_at: string }[] }>(
    "/api/alerts?match=rule_id%3Dbuiltin/use-after-expiry",
  );
  return {
    from_alert: refusedAt - Date.parse(alerts[0]!.raised_at),
    from_ack: Math.round(refusedMs - acknowledgedMs),
  };
}

/** Of decisions asked for one after another, over a kept connection; the round trip with HTTP and all. */
async function decisionTimes(server: RunningServer, key: string): Promise<{ p50: number; p99: number; max: number }> {
  const times: number[] = [];
  for (let asked = 0; asked < DECISIONS; asked++) {
    const startMs = performance.now();
    const headers = {
      "x-tallystick-key": key,
      authorization: `Bearer ${asked % 2 === 0 ? CREDENTIAL : `sk_${asked}`}`,
    };
    await (await fetch(`${server.url}/v1/decide/orders/${asked}`, { headers })).text();
    times.push(performance.now() - startMs);
  }
  const sorted = times.slice(DECISIONS / 10).toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))]! * 100) / 100;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function startNginx(program: string, folder: string, conf: string): ChildProcess {
  const prefix = join(folder, "nginx");
  mkdirSync(join(prefix, "tmp"), { recursive: true });
  writeFileSync(join(prefix, "nginx.conf"), conf, { mode: 0o600 });
  return spawn(program, ["-p", prefix, "-c", "nginx.conf"], { stdio: ["ignore", "ignore", "inherit"] });
}

function expectEqual(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)}, not ${String(expected)}`);
}

await main();
