/**
 * Every built-in detector but two, on a real server, from traffic as services send it over HTTP: each is made to fire
 * once, and each says what was expected, what was seen, how to check it and how to silence it. Before that the same
 * services go about their business, and nothing is said of it.
 *
 * `npm run integrity -- detectors-fire [--rows]`; with `--rows` what each says goes to standard error.
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { collectorKey } from "../bench/tally/collector.ts";
import { DETECTORS } from "../packages/server/src/detect/detectors/detector.ts";
import { caughtUp, startServer, until, type RunningServer } from "./running-server.ts";

const { values: options } = parseArgs({
  options: { rows: { type: "boolean", default: false }, small: { type: "boolean", default: false } },
});
const CONFIG = `detectors: {learn: 8s, dormant_after: 30s}
tally: {deadline: 2s, producers: {silent_after: {"quiet-*": 5s}}}
http: {trusted_proxies: [127.0.0.1]}
ledger: {copies: [{kind: webhook, to: "http://127.0.0.1:9/"}]}
alerts: {allow_private: [127.0.0.1]}
`;
const TIMEOUT_MS = 120_000;
/** The tally tells of them by whole minutes, of many calls and hours: `tally/findings.test.ts` shows both. */
const TAKES_LONGER = new Set(["coverage", "clock-skew"]);
/** Gaps settle for two minutes, and what lasts is looked at each minute. */
const DORMANT_MS = 35_000;
const LASTING_TIMEOUT_MS = 400_000;
const HOME = "10.9.0.1";
const ELSEWHERE = "203.0.113.9";

const WANTED = DETECTORS.map(({ name }) => name).filter((name) => !TAKES_LONGER.has(name));
type Row = Readonly<Record<string, unknown>>;
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString();
const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

let made = 0;
interface Call {
  readonly caller?: Row | null;
  readonly callee?: Row | null;
}

/** Both halves of a call, unless one is left out; `fields` are in both. */
function call(from: string, to: string, fields: Row = {}, { caller = {}, callee = {} }: Call = {}): readonly Row[] {
  made += 1;
  const both = {
    timestamp: ago(0),
    event_type: "API_CALL",
    service_id: from,
    target_id: to,
    request_id: `r${made}`,
    operation: "GET /balance",
    status: "success",
    protocol: "http",
    ...fields,
  };
  const seen = { side: "callee", credential_id: `cert-${from}`, peer_address: "10.1.0.7", auth_scopes: ["pay:read"] };
  return [
    ...(caller === null ? [] : [{ ...both, side: "caller", recorder_id: from, ...caller }]),
    ...(callee === null ? [] : [{ ...both, ...seen, recorder_id: to, ...callee }]),
  ];
}

const many = (count: number, make: () => readonly Row[]): readonly Row[] => Array.from({ length: count }, make).flat();

/** A call of a producer that numbers its records. */
const numbered = (producer: string, seq: number): readonly Row[] =>
  call(producer, "payments", {}, { caller: { producer_id: producer, producer_seq: seq } });

/** What the fleet does in the log's first seconds. */
const usual = (): readonly Row[] => [
  ...call("web", "payments"),
  ...call("batch", "payments"),
  ...call("batch", "ledger"),
  ...call("web", "payments", { operation: "GET /cards", data_class: "confidential" }),
];
const once = (): readonly Row[] => [
  ...call("old", "payments"),
  ...call("web", "payments", {}, { callee: { auth_token_id: "t1", auth_key_thumbprint: "k1" } }),
  ...call("web", "payments", {}, { callee: { auth_token_id: "t2", auth_key_thumbprint: "k1" } }),
  {
    ...call("idp", "none", { event_type: "AUTH", operation: "revoke", action: "revoke" }, { callee: null })[0],
    credential_id: "cert-gone",
  },
];

/** What each detector fires by, sent through the collector. */
const odd = (): readonly Row[] => [
  ...numbered("quiet-1", 1),
  ...numbered("gappy", 1),
  ...numbered("gappy", 5),
  ...call("batch", "payments", {}, { callee: { credential_id: "cert-web" } }),
  ...call("web", "payments", {}, { callee: { peer_address: "198.51.100.9" } }),
  ...many(2, () => call("web", "payments", {}, { callee: { auth_nonce_digest: digestOf("nonce") } })),
  ...call("batch", "payments", {}, { callee: { auth_token_id: "t1", auth_key_thumbprint: "k1" } }),
  ...call("web", "payments", {}, { callee: { auth_token_id: "t2", auth_key_thumbprint: "k2" } }),
  ...call("web", "payments", {}, { caller: null }),
  ...call("web", "payments", {}, { callee: null }),
  ...call("web", "payments", { response_size: 10 }, { callee: { response_size: 999 } }),
  ...call("web", "ledger"),
  ...call("newcomer", "payments"),
  ...call("batch", "payments", { operation: "GET /cards", data_class: "confidential" }),
  ...call("web", "payments", {}, { callee: { credential_id: "cert-gone" } }),
  ...call("web", "payments", {}, { callee: { auth_expires_at: ago(3_600) } }),
  ...call("web", "payments", {}, { callee: { auth_scopes: ["pay:read", "pay:admin"] } }),
  ...call("old", "payments"),
];

interface ShownAlert {
  readonly rule_id: string;
  readonly level: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly expected: string;
  readonly seen: string;
  readonly check: string;
  readonly silence: string;
  readonly records: readonly object[];
  readonly count: number;
  readonly quiet: boolean;
}

const JSON_TYPE = { "content-type": "application/json" };

class Fleet {
  readonly #server: RunningServer;
  readonly #collector: string;

  constructor(server: RunningServer, collector: string) {
    this.#server = server;
    this.#collector = collector;
  }

  async send(rows: readonly Row[], key = this.#collector, from = HOME): Promise<void> {
    await this.#server.json("/v1/records", {
      method: "POST",
      headers: { "content-type": "application/x-ndjson", authorization: `Bearer ${key}`, "x-forwarded-for": from },
      body: rows.map((row) => JSON.stringify(row)).join("\n"),
    });
  }

  /** A call of `orders`, whose half comes by its own key. */
  async ownCall(key: string, from = HOME): Promise<void> {
    const [half, other] = call("orders", "payments");
    await this.send([half!], key, from);
    await this.send([other!]);
  }

  async key(body: object): Promise<string> {
    const init = { method: "POST", headers: JSON_TYPE, body: JSON.stringify(body) };
    return (await this.#server.json<{ readonly secret: string }>("/api/keys", init)).secret;
  }

  async ask(path: string, key: string, from = HOME): Promise<number> {
    const headers = { authorization: `Bearer ${key}`, "x-forwarded-for": from };
    return (await this.#server.fetch(path, { headers })).status;
  }

  async alerts(): Promise<readonly ShownAlert[]> {
    const { alerts } = await this.#server.json<{ readonly alerts: readonly ShownAlert[] }>("/api/alerts?limit=100");
    return alerts.filter(({ rule_id: rule }) => rule.startsWith("builtin/") && !rule.startsWith("builtin/baseline"));
  }

  /** Until all that was sent is looked at. */
  async lookedAt(): Promise<void> {
    await caughtUp(this.#server, TIMEOUT_MS);
    await until(TIMEOUT_MS, "the detectors to have looked at everything", async () => {
      const state = await this.#server.json<{ ready: boolean; lag_records: number }>("/api/detectors");
      return state.ready && state.lag_records === 0 ? true : undefined;
    });
  }
}

async function learn(server: RunningServer, fleet: Fleet, own: string, viewer: string): Promise<void> {
  await fleet.send([...usual(), ...once()]);
  await fleet.ownCall(own);
  await fleet.ask("/api/search?q=status:error", viewer);
  const dormantAt = Date.now() + DORMANT_MS;
  // What is usual goes on, and nothing is said of it.
  await until(TIMEOUT_MS, "the first seconds of every log to be over", async () => {
    await fleet.send(usual());
    await pause(3_000);
    const { learning } = await server.json<{ learning: readonly { until: string }[] }>("/api/detectors");
    const isOver = learning.length > 0 && learning.every(({ until: us }) => Date.parse(us) < Date.now());
    return isOver && Date.now() > dormantAt ? true : undefined;
  });
  await fleet.lookedAt();
  const early = (await fleet.alerts()).filter(({ rule_id: rule }) => rule !== "builtin/checkpoint-failed");
  if (early.length > 0) throw new Error(`ordinary traffic was told of: ${JSON.stringify(early[0])}`);
}

async function provoke(server: RunningServer, fleet: Fleet, own: string, viewer: string): Promise<void> {
  await fleet.send(odd());
  await fleet.send([call("payments", "orders", {}, { callee: null })[0]!], own);
  await fleet.ownCall(own, ELSEWHERE);
  await fleet.ask("/api/search?q=status:error", viewer, ELSEWHERE);
  for (const path of ["keys", "users", "holds", "approvals", "secrets", "credentials/revoked", "batch-keys"])
    await fleet.ask(`/api/${path}`, viewer);
  const gone = await fleet.key({ name: "gone", service: "gone" });
  const { keys } = await server.json<{ readonly keys: readonly { name: string; id: string }[] }>("/api/keys");
  await server.fetch(`/api/keys/${keys.find(({ name }) => name === "gone")!.id}`, { method: "DELETE" });
  if ((await fleet.ask("/api/search", gone)) !== 401) throw new Error("a revoked key opens something");
}

/** Where a checkpoint is published stands a folder: nothing can be written there any more. */
function stopCheckpoints(folder: string): void {
  const home = join(folder, "ledger", "default");
  for (const epoch of readdirSync(home)) {
    const file = join(home, epoch, "checkpoint");
    renameSync(file, `${file}.kept`);
    mkdirSync(file);
    writeFileSync(join(file, "in the way"), "");
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tallystick-detectors-"));
  const file = join(folder, "config.yaml");
  writeFileSync(file, CONFIG);
  const data = join(folder, "data");
  const server = await startServer(data, { args: ["--config", file] });
  let missing: readonly string[] = [];
  try {
    const fleet = new Fleet(server, await collectorKey(server));
    const own = await fleet.key({ name: "orders", service: "orders" });
    const viewer = await fleet.key({ name: "grafana", role: "viewer" });
    await learn(server, fleet, own, viewer);
    await provoke(server, fleet, own, viewer);
    await fleet.lookedAt();
    stopCheckpoints(data);
    await fleet.send(usual());
    await until(LASTING_TIMEOUT_MS, "every detector", async () => {
      const found = new Set((await fleet.alerts().catch(() => [])).map(({ rule_id: rule }) => rule));
      missing = WANTED.filter((name) => !found.has(`builtin/${name}`));
      return missing.length === 0 ? true : undefined;
    }).catch((error: unknown) => {
      throw new Error(`not found: ${missing.join(", ")}`, { cause: error });
    });
  } finally {
    await tell(server);
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(`${JSON.stringify({ property: "detectors-fire", detectors: WANTED.length })}\n`);
}

async function tell(server: RunningServer): Promise<void> {
  const alerts = await new Fleet(server, "").alerts().catch(() => []);
  const empty = alerts.filter(({ summary, expected, seen, check, silence }) =>
    [summary, expected, seen, check, silence].some((text) => text === ""),
  );
  if (options.rows)
    for (const { rule_id: rule, level, labels, summary, expected, seen, records, count, quiet } of alerts)
      process.stderr.write(
        `${rule} ${level}${quiet ? " (quiet)" : ""} ${JSON.stringify(labels)}\n  ${summary}\n  expected: ${expected}\n` +
          `  seen: ${seen}\n  ${records.length} of ${count} records\n`,
      );
  if (empty.length > 0) throw new Error(`says too little: ${JSON.stringify(empty[0])}`);
}

await main();
