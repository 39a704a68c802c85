/**
 * Kills the server, its index engine, or both, with SIGKILL at random moments while records come in that rules and
 * detectors must find. In the end each of them is an alert, none is there twice, nothing else was found, each alert was
 * raised by one record of the log, and `verify` is clean.
 *
 * Four kinds are found: by a rule of our own and by three detectors that need no learning (a nonce used by a second
 * call, a token with another key, a credential after its expiry). Each is about a pair of its own, so that each is an
 * alert.
 *
 * `npm run integrity -- alerts-survive [--each 150] [--kills 25] [--seed N] [--small]`
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { collectorKey } from "../bench/tally/collector.ts";
import { seeded } from "./random.ts";
import { caughtUp, startServer, until, verifyFolder, type RunningServer } from "./running-server.ts";
import { deliver, killAtRandom, type Home } from "./victims.ts";

const { values: options } = parseArgs({
  options: {
    each: { type: "string", default: "150" },
    kills: { type: "string", default: "25" },
    seed: { type: "string", default: String(randomBytes(2).readUInt16LE()) },
    small: { type: "boolean", default: false },
  },
});
/** Records to be found, of each kind. */
const EACH = options.small ? 16 : Number(options.each);
const KILLS = options.small ? 3 : Number(options.kills);
const SEED = Number(options.seed);
/** Records that nothing is found in, beside each one in which something is. */
const ORDINARY = 20;
/** Mean time from a start to the next kill; the load is spread over as many of them as there are kills. */
const LIFE_MS = 2_000;
const CATCH_UP_TIMEOUT_MS = 120_000;
const RULE_ID = "7d2f5f9e-2a35-4a8e-9d0e-7f3f6f0f5a11";
const RULE = `title: A marked operation
id: ${RULE_ID}
level: medium
logsource: {category: call}
detection:
  marked: {operation|startswith: "GET /marked/"}
  condition: marked
`;

const random = seeded(SEED);
type Row = Readonly<Record<string, unknown>>;

let made = 0;
function call(caller: string, fields: Row = {}): Row {
  made += 1;
  return {
    timestamp: new Date().toISOString(),
    event_type: "API_CALL",
    side: "callee",
    service_id: caller,
    target_id: "payments",
    request_id: `r${made}`,
    operation: "GET /balance",
    status: "success",
    protocol: "http",
    credential_id: `cert-${caller}`,
    ...fields,
  };
}

const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** The records by which each kind is found, one after the other. */
const KINDS: Readonly<Record<string, (caller: string) => readonly Row[]>> = {
  [RULE_ID]: (caller) => [call(caller, { operation: `GET /marked/${caller}` })],
  "builtin/replay": (caller) => {
    const nonce = { auth_nonce_digest: digestOf(caller) };
    return [call(caller, nonce), call(caller, nonce)];
  },
  "builtin/token-other-key": (caller) =>
    ["own", "other"].map((key) => call(caller, { auth_token_id: `token-${caller}`, auth_key_thumbprint: key })),
  "builtin/use-after-expiry": (caller) => [call(caller, { auth_expires_at: "2026-01-01T00:00:00Z" })],
};

/** What must be found, as `rule caller`, and batches in which it is, halves of one finding in different ones. */
function load(): { readonly expected: ReadonlySet<string>; readonly batches: readonly (readonly Row[])[] } {
  const expected = new Set<string>();
  const batches: Row[][] = [];
  let late: readonly Row[] = [];
  for (let one = 0; one < EACH; one += 1)
    for (const [rule, make] of Object.entries(KINDS)) {
      const caller = `${rule === RULE_ID ? "marked" : rule.slice("builtin/".length)}-${one}`;
      expected.add(`${rule} ${caller}`);
      const [first, ...rest] = make(caller);
      const ordinary = Array.from({ length: ORDINARY }, (_, at) => call(`usual-${at}`));
      batches.push([...ordinary, first!, ...late]);
      late = rest;
    }
  return { expected, batches: [...batches, [...late]] };
}

interface ShownAlert {
  readonly id: string;
  readonly rule_id: string;
  readonly labels: Readonly<Record<string, string>>;
}

async function alertsOf(server: RunningServer): Promise<readonly ShownAlert[]> {
  const alerts: ShownAlert[] = [];
  for (let before = ""; ;) {
    const page = await server.json<{ readonly alerts: readonly ShownAlert[] }>(`/api/alerts?limit=100${before}`);
    const last = page.alerts.at(-1);
    if (last === undefined) return alerts.filter(({ rule_id: rule }) => rule in KINDS);
    alerts.push(...page.alerts);
    before = `&before=${encodeURIComponent(last.id)}`;
  }
}

const named = ({ rule_id: rule, labels }: ShownAlert): string =>
  `${rule} ${labels["caller"] ?? labels["auth_token_id"]?.replace("token-", "")}`;

/** Nothing is missing, and nothing more comes. */
async function settled(home: Home, expected: ReadonlySet<string>): Promise<readonly ShownAlert[]> {
  const { server } = home;
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  await until(CATCH_UP_TIMEOUT_MS, "the detectors to have looked at everything", async () => {
    const { ready, lag_records: lag } = await server.json<{ ready: boolean; lag_records: number }>("/api/detectors");
    return ready && lag === 0 ? true : undefined;
  });
  let missing: readonly string[] = [];
  await until(CATCH_UP_TIMEOUT_MS, "every alert", async () => {
    const found = new Set((await alertsOf(server)).map(named));
    missing = [...expected].filter((one) => !found.has(one));
    return missing.length === 0 ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`${missing.length} of ${expected.size} are not found: ${missing.slice(0, 5).join(", ")}`, {
      cause: error,
    });
  });
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  return alertsOf(server);
}

/** How often each alert was raised, by the records of the log. */
async function raised(server: RunningServer): Promise<ReadonlyMap<string, number>> {
  const q = encodeURIComponent('event_type:ALERT AND operation:"alert fired"');
  const text = await (await server.fetch(`/api/export?q=${q}&own=true&format=ndjson`)).text();
  const times = new Map<string, number>();
  for (const line of text.split("\n").filter((one) => one.startsWith("{"))) {
    const { record } = JSON.parse(line) as { readonly record?: { readonly attributes?: Record<string, string> } };
    const id = record?.attributes?.["tallystick.alert_id"];
    if (id !== undefined) times.set(id, (times.get(id) ?? 0) + 1);
  }
  return times;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tallystick-alerts-kill-"));
  const server = await startServer(folder);
  const home: Home = { folder, token: await collectorKey(server), server };
  try {
    const json = { method: "POST", headers: { "content-type": "application/json" } };
    await server.json("/api/rules", { ...json, body: JSON.stringify({ text: RULE }) });
    await server.json(`/api/rules/${RULE_ID}/on`, { ...json, method: "PUT", body: JSON.stringify({ on: true }) });
    const { expected, batches } = load();
    const send = async (): Promise<void> => {
      for (const [at, batch] of batches.entries()) {
        // The same records are stored once.
        const body = batch.map((row) => JSON.stringify(row)).join("\n");
        await deliver(home, body, { "idempotency-key": `${SEED}-${at}` });
        await pause((KILLS * LIFE_MS) / batches.length);
      }
    };
    const ended = await Promise.allSettled([
      send(),
      killAtRandom(home, { kills: KILLS, lifeMs: LIFE_MS, random, start: (kept) => startServer(kept) }),
    ]);
    for (const one of ended) if (one.status === "rejected") throw one.reason;
    const alerts = await settled(home, expected);
    const names = alerts.map(named);
    const twice = names.filter((name, at) => names.indexOf(name) !== at);
    if (twice.length > 0) throw new Error(`${twice.length} are there twice: ${twice.slice(0, 5).join(", ")}`);
    const more = names.filter((name) => !expected.has(name));
    if (more.length > 0) throw new Error(`${more.length} are of nothing: ${more.slice(0, 5).join(", ")}`);
    const times = await raised(home.server);
    const wrong = alerts.filter(({ id }) => times.get(id) !== 1);
    if (wrong.length > 0) throw new Error(`${wrong.length} alerts were not raised by one record: ${wrong[0]!.id}`);
    const code = await home.server.stop();
    if (code !== 0) throw new Error(`a clean stop ended with ${code}`);
    verifyFolder(folder);
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    process.stderr.write(`seed ${SEED}, data kept in ${folder}\n${home.server.log().slice(-4_000)}\n`);
    await home.server.kill();
    throw error;
  }
  const result = { property: "alerts-survive", alerts: EACH * Object.keys(KINDS).length, kills: KILLS };
  process.stdout.write(`${JSON.stringify({ ...result, seed: SEED, verify: "clean" })}\n`);
}

await main();
