/**
 * How long a decision takes: a server holds a list of blocks and is asked `/v1/decide` over kept connections, one
 * question after another and on several connections at once, with the headers of nginx's auth_request and of Envoy's
 * ext_authz. Every other question is about something that is blocked. The times are those of the round trip, HTTP and
 * all. `npm run bench -- decide [--blocks 10000] [--count 20000] [--connections 8] [--data DIR]`
 *
 * `--data`: a folder to keep; blocks that are in force there already are asked about and not placed again.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServer, type RunningServer } from "../integrity/running-server.ts";
import { ask } from "./decide/asking.ts";
import type { Question } from "./decide/asking.ts";
import { rounded } from "./measure.ts";

const LIMIT_MS = 5;
/** Requests under way while blocks are placed. */
const PLACING = 16;
/** Credentials that are shown, each as an Authorization header; the other blocks are of services, edges and operations. */
const SHOWN = 500;

const { values: options } = parseArgs({
  options: {
    blocks: { type: "string", default: "10000" },
    count: { type: "string", default: "20000" },
    connections: { type: "string", default: "8" },
    data: { type: "string" },
  },
});
const BLOCKS = Number(options.blocks);

type Target = Readonly<Record<string, string>>;

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const tokenOf = (index: number): string => `sk_live_${hash(`token ${index}`).slice(0, 40)}`;
const certificateOf = (index: number): string => hash(`certificate ${index}`);

/** A fifth each of certificates, edges and operations, the rest credentials. */
async function wanted(server: RunningServer, index: number): Promise<{ kind: string; target: Target }> {
  if (index % 5 === 1) return { kind: "block_credential", target: { credential_id: certificateOf(index) } };
  if (index % 5 === 2) return { kind: "block_edge", target: { caller: `caller-${index}`, callee: "orders" } };
  if (index % 5 === 3)
    return { kind: "block_operation", target: { callee: "orders", operation: `POST /orders/${index}` } };
  const id = isShown(index)
    ? await credentialIdOf(server, tokenOf(index))
    : `fp:${hash(`other ${index}`).slice(0, 32)}`;
  return { kind: "block_credential", target: { credential_id: id } };
}

const isShown = (index: number): boolean => index % 5 === 0 && index < SHOWN * 5;

const HEADERS = { "content-type": "application/json" };
const post = (server: RunningServer, path: string, body: object) =>
  server.json<Record<string, string>>(path, { method: "POST", headers: HEADERS, body: JSON.stringify(body) });

const credentialIdOf = async (server: RunningServer, token: string): Promise<string> =>
  (await post(server, "/api/credentials/fingerprint", { credential: `Bearer ${token}` }))["credential_id"] ?? "";

async function inForce(server: RunningServer): Promise<number> {
  const { list } = await server.json<{ readonly list: { readonly blocks: readonly object[] } }>("/v1/blocks");
  return list.blocks.length;
}

/** Seconds that it took. */
async function place(server: RunningServer): Promise<number> {
  if ((await inForce(server)) >= BLOCKS) return 0;
  const beganMs = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < BLOCKS; index = next++) {
      const response = { ...(await wanted(server, index)), reason: "bench", for_s: 7 * 86_400 };
      await post(server, "/api/responses", response);
      if (index % 500 === 0) process.stderr.write(`\r${index} blocks placed`);
    }
  };
  await Promise.all(Array.from({ length: PLACING }, worker));
  process.stderr.write("\n");
  const found = await inForce(server);
  if (found !== BLOCKS) throw new Error(`${found} blocks are in force, not ${BLOCKS}`);
  return rounded((performance.now() - beganMs) / 1_000);
}

/** Every second question shows something that is blocked, each time another. */
function clientOf(index: number): { readonly isRefused: boolean; readonly at: number } {
  const shown = Math.min(SHOWN, Math.ceil(BLOCKS / 5));
  return { isRefused: index % 2 === 0, at: ((index >> 1) % shown) * 5 };
}

/** As docs/guides/response.md configures nginx: the client's own headers go along. */
function asNginx(key: string): (index: number) => Question {
  return (index) => {
    const { isRefused, at } = clientOf(index);
    const headers = {
      "x-tallystick-key": key,
      "x-tallystick-callee": "orders",
      authorization: `Bearer ${isRefused ? tokenOf(at) : `sk_live_honest_${index}_0123456789abcdef`}`,
      accept: "application/json",
      "user-agent": "client/1.0",
      cookie: "session=0123456789abcdef",
    };
    return { method: "GET", path: "/v1/decide", headers, isRefused };
  };
}

/** As docs/guides/response.md configures Envoy, with the header of the client's certificate, which is what is blocked. */
function asEnvoy(key: string): (index: number) => Question {
  return (index) => {
    const { isRefused, at } = clientOf(index);
    const sha256 = isRefused ? certificateOf(at + 1) : hash(`honest ${index}`);
    const headers = {
      "x-tallystick-key": key,
      "x-tallystick-callee": "orders",
      authorization: `Bearer sk_live_honest_${index}_0123456789abcdef`,
      "x-forwarded-client-cert": `By=spiffe://mesh/orders;Hash=${sha256};URI=spiffe://mesh/web`,
      "content-length": "0",
    };
    return { method: "POST", path: `/v1/decide/orders/${index}?page=2`, headers, isRefused };
  };
}

async function measure(server: RunningServer): Promise<object> {
  const { secret = "" } = await post(server, "/api/keys", {
    name: `gateway-${Date.now()}`,
    role: "producer",
    services: "*",
  });
  const count = Number(options.count);
  const connections = Number(options.connections);
  const figures: Record<string, object> = {};
  for (const [name, questions] of [
    ["nginx", asNginx(secret)],
    ["envoy", asEnvoy(secret)],
  ] as const)
    figures[name] = {
      sequential: await ask(server.url, questions, { count, connections: 1 }),
      concurrent: await ask(server.url, questions, { count, connections }),
    };
  return { count, connections, limit_ms: LIMIT_MS, ...figures };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tallystick-bench-decide-"));
  const config = join(folder, "tallystick.yaml");
  writeFileSync(config, `respond: {max_blocks: ${BLOCKS}}\n`);
  const server = await startServer(options.data ?? join(folder, "data"), { args: ["--config", config] });
  try {
    const placedS = await place(server);
    const figures = await measure(server);
    const result = { bench: "decide", blocks: BLOCKS, placed_in_s: placedS, ...figures };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
