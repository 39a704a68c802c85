/**
 * Rotates every key there is under load: the wrapping key and the signing key beside a running server, the wrapping
 * key of one that SIGKILL ends in the middle, and the move into an HSM and back. Every acknowledged record is found
 * exactly once, no segment was written again, batches stay signed, a verifier that knows only the first key follows,
 * a copy of `keys/` from before opens with the retired key alone, and `verify --producers` is clean.
 *
 * `npm run integrity -- key-rotation-under-load [--rounds 8] [--seed N] [--small]`
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { batchSignedBytes, canonicalOf, formatBatchSignature } from "@tallystick/record";
import { foldHashes, hex, leafHash, sha256 } from "@tallystick/tlog";
import { ensurePrograms, SOFTHSM } from "../scripts/ensure-programs.ts";
import { seeded } from "./random.ts";
import { BIN, caughtUp, startServer, until, type RunningServer } from "./running-server.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "8" },
    seed: { type: "string", default: String(randomBytes(4).readUInt32LE()) },
    small: { type: "boolean", default: false },
  },
});
const ROUNDS = options.small ? 3 : Number(options.rounds);
const BATCH = 100;
const SENDERS = 3;
const CATCH_UP_MS = 120_000;
const random = seeded(Number(options.seed));

interface Load {
  readonly acknowledged: Map<string, number>;
  stop(): Promise<void>;
}

const pair = generateKeyPairSync("ed25519");
let kid = "";
let nextNumber = 0;

function makeBatch(): { body: string; signature: string; ids: readonly string[] } {
  const first = nextNumber;
  nextNumber += BATCH;
  const records = Array.from({ length: BATCH }, (_, at) => ({
    attempt: 0,
    event_type: "API_CALL",
    id: `${RUN}-${String(first + at).padStart(12, "0")}`,
    operation: "GET /orders/{id}",
    phase: "outcome",
    producer_epoch: "run",
    producer_id: "orders-1",
    producer_seq: first + at,
    protocol: "http",
    recorder_id: "orders",
    request_id: `r-${first + at}`,
    service_id: "orders",
    side: "caller",
    status: "success",
    target_id: "billing",
    timestamp: "2026-11-26T08:00:00Z",
  }));
  const lines = records.map((record) => canonicalOf(record));
  const hashes = Buffer.concat(lines.map((line) => leafHash(sha256(Buffer.from(line)))));
  const claim = {
    alg: "ed25519" as const,
    first_seq: first,
    kid,
    last_seq: first + BATCH - 1,
    producer_epoch: "run",
    producer_id: "orders-1",
    root: hex(foldHashes(hashes, 0, BATCH)),
  };
  const signature = formatBatchSignature({ claim, signature: sign(null, batchSignedBytes(claim), pair.privateKey) });
  return { body: lines.join("\n"), signature, ids: records.map(({ id }) => id) };
}
const RUN = `${randomBytes(4).toString("hex")}-${randomBytes(2).toString("hex")}-7000-8000`;

/** Sends signed batches until told to stop; each again until it is acknowledged or the server is gone. */
function load(server: () => RunningServer, acknowledged: Map<string, number>): Load {
  const stop = new AbortController();
  const sender = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const { body, signature, ids } = makeBatch();
      for (let isStored = false; !isStored;) {
        const headers = { "content-type": "application/x-ndjson", "tallystick-signature": signature };
        const response = await server()
          .fetch("/v1/records", { method: "POST", headers, body })
          .catch(() => null);
        if (response !== null && response.status !== 200 && response.status !== 503)
          throw new Error(`answered ${response.status}: ${await response.text()}`);
        isStored = response?.status === 200;
        await response?.arrayBuffer().catch(() => undefined);
        if (!isStored) await pause(50);
      }
      for (const id of ids) acknowledged.set(id, 0);
    }
  };
  const senders = Array.from({ length: SENDERS }, sender);
  return {
    acknowledged,
    async stop() {
      stop.abort();
      await Promise.all(senders);
    },
  };
}

function tallystick(...words: readonly string[]): { status: number | null; out: string } {
  const done = spawnSync(process.execPath, [BIN, ...words], { encoding: "utf8", env: process.env });
  return { status: done.status, out: `${done.stdout}\n${done.stderr}` };
}

function must(...words: readonly string[]): string {
  const { status, out } = tallystick(...words);
  if (status !== 0) throw new Error(`tallystick ${words.join(" ")} ended with ${status}:\n${out}`);
  return out;
}

/** SHA-256 by name of every sealed segment: those that have another after them are never written again. */
function segments(data: string): Map<string, string> {
  const names = readdirSync(join(data, "journal"), { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => name.endsWith(".seg"));
  return new Map(
    files.map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(data, "journal", name)))
        .digest("hex"),
    ]),
  );
}

function wrappedUnder(data: string): ReadonlySet<string> {
  const files = readdirSync(join(data, "keys")).filter((name) => name.endsWith(".json"));
  return new Set(
    files.map((name) => (JSON.parse(readFileSync(join(data, "keys", name), "utf8")) as { kms: string }).kms),
  );
}

async function postJson<T>(server: RunningServer, path: string, body: object): Promise<T> {
  const headers = { "content-type": "application/json" };
  return server.json<T>(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function checkFound(server: RunningServer, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  await caughtUp(server, CATCH_UP_MS);
  const counts = new Map<string, number>();
  const response = await server.fetch("/api/export?format=ndjson&q=producer_id:orders-1");
  for (const line of (await response.text()).split("\n")) {
    if (line === "") continue;
    const { record } = JSON.parse(line) as { readonly record: { readonly id: string } };
    counts.set(record.id, (counts.get(record.id) ?? 0) + 1);
  }
  const lost = [...acknowledged.keys()].filter((id) => counts.get(id) === undefined);
  const twice = [...counts.values()].filter((count) => count > 1);
  if (lost.length > 0 || twice.length > 0)
    throw new Error(`${lost.length} acknowledged records lost, ${twice.length} twice`);
}

/** Undefined until the log has a checkpoint. */
async function vkeyOf(server: RunningServer): Promise<string | undefined> {
  const trees = await server.json<readonly ListedTree[]>("/api/trees");
  return trees.find(({ tree, size }) => tree.startsWith("default/") && size > 0)?.vkey;
}

interface ListedTree {
  readonly tree: string;
  readonly size: number;
  readonly vkey: string;
}

interface Tried {
  wrapping: number;
  signing: number;
  killed: number;
  halfDone: number;
}

async function round(data: string, server: RunningServer, tried: Tried): Promise<RunningServer> {
  await pause(100 + random() * 400);
  const choice = random();
  if (choice < 0.35) {
    await postJson(server, "/api/signing-key/rotate", { overlap_s: random() < 0.5 ? 0 : 3_600 });
    tried.signing += 1;
    return server;
  }
  const rotation = server.fetch("/api/kms/rotate", { method: "POST" }).catch(() => null);
  if (choice < 0.65) {
    if ((await rotation)?.status !== 200) throw new Error("the rotation was refused");
    tried.wrapping += 1;
    return server;
  }
  await pause(random() * 12);
  await server.kill();
  await rotation;
  tried.killed += 1;
  if (wrappedUnder(data).size > 1) tried.halfDone += 1;
  const next = await startServer(data);
  if (wrappedUnder(data).size !== 1) throw new Error("a killed rotation was not finished by the next start");
  return next;
}

/** The folder into a token, out of it again, and what neither opens. */
function moveThroughHsm(data: string, work: string): void {
  const hsm = join(work, "hsm");
  mkdirSync(join(hsm, "tokens"), { recursive: true });
  process.env["SOFTHSM2_CONF"] = join(hsm, "softhsm2.conf");
  writeFileSync(process.env["SOFTHSM2_CONF"], `directories.tokendir = ${join(hsm, "tokens")}\nlog.level = ERROR\n`);
  const pin = randomBytes(8).toString("hex");
  execFileSync("softhsm2-util", [
    "--init-token",
    "--free",
    "--label",
    "rotation",
    "--pin",
    pin,
    "--so-pin",
    `${pin}so`,
  ]);
  writeFileSync(join(hsm, "pin"), `${pin}\n`, { mode: 0o600 });
  const module = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"].find(
    existsSync,
  );
  const config = join(hsm, "config.yaml");
  const pkcs11 = `{module: ${module}, token: rotation, pin_file: ${join(hsm, "pin")}}`;
  writeFileSync(config, `kms: {provider: pkcs11, pkcs11: ${pkcs11}}\n`);
  must("keys", "rewrap", "--data", data, "--to", config);
  if (tallystick("verify", data, "--producers").status === 0)
    throw new Error("the file KMS still opens what the HSM wraps");
  must("verify", data, "--producers", "--config", config);
  must("keys", "rotate", "--data", data, "--config", config);
  const empty = join(work, "back.yaml");
  writeFileSync(empty, "log: {level: warn}\n");
  must("keys", "rewrap", "--data", data, "--config", config, "--to", empty);
}

/** Keys as they were copied before any rotation open with the key that was retired, and with no later one. */
function checkOldCopy(data: string, copy: string): void {
  const opens = (): boolean => tallystick("keys", "export-integrity", "--data", copy).status === 0;
  if (!opens()) throw new Error("a copy with its own key does not open");
  writeFileSync(join(copy, "kms.key"), readFileSync(join(data, "kms.key")));
  if (opens()) throw new Error("a copy of the keys from before opens with the new key");
}

async function main(): Promise<void> {
  ensurePrograms(SOFTHSM);
  const work = mkdtempSync(join(tmpdir(), "tallystick-rotation-"));
  const data = join(work, "data");
  let server = await startServer(data);
  const tried: Tried = { wrapping: 0, signing: 0, killed: 0, halfDone: 0 };
  try {
    const publicKey = pair.publicKey.export({ type: "spki", format: "pem" });
    const made = { name: "orders", service: "orders", alg: "ed25519", public_key: publicKey };
    kid = (await postJson<{ kid: string }>(server, "/api/batch-keys", made)).kid;
    const running = load(() => server, new Map());
    const first = await until(CATCH_UP_MS, "the first checkpoint", () => vkeyOf(server));
    const copy = join(work, "copy");
    for (const name of ["keys", "kms.key", "server.json"])
      cpSync(join(data, name), join(copy, name), { recursive: true });
    const before = segments(data);
    for (let number = 1; number <= ROUNDS; number += 1) {
      server = await round(data, server, tried);
      process.stderr.write(`round ${number}/${ROUNDS}: ${JSON.stringify(tried)}\n`);
    }
    // At least one of each, whatever the dice say.
    await postJson(server, "/api/kms/rotate", {}).then(() => (tried.wrapping += 1));
    await postJson(server, "/api/signing-key/rotate", { overlap_s: 0 }).then(() => (tried.signing += 1));
    await pause(300);
    await running.stop();
    await checkFound(server, running.acknowledged);
    must("verify", server.url, "--vkey", first);
    must("verify", server.url, "--vkey", first, "--token", server.token);
    if ((await server.stop()) !== 0) throw new Error("a clean stop failed");
    must("verify", data, "--producers", "--vkey", first);
    const sealed = segments(data);
    moveThroughHsm(data, work);
    const after = segments(data);
    for (const [name, digest] of sealed) if (after.get(name) !== digest) throw new Error(`${name} was written again`);
    for (const name of before.keys()) if (!after.has(name)) throw new Error(`${name} is gone`);
    checkOldCopy(data, copy);
    const verified = /(\d[\d,]*) of \1 batches right/.exec(must("verify", data, "--producers", "--vkey", first))?.[1];
    if (verified === undefined) throw new Error("not every batch's signature is right");
    server = await startServer(data);
    await checkFound(server, running.acknowledged);
    await server.stop();
    report(running.acknowledged.size, verified, tried);
  } catch (error) {
    process.stderr.write(`seed ${options.seed}, data kept in ${work}\n${server.log().slice(-4_000)}\n`);
    await server.kill();
    throw error;
  }
  rmSync(work, { recursive: true, force: true });
}

function report(acknowledged: number, batches: string, tried: Tried): void {
  const found = { lost: 0, duplicated: 0, segmentsRewritten: 0, batchesVerified: Number(batches.replaceAll(",", "")) };
  const property = "key-rotation-under-load";
  process.stdout.write(
    `${JSON.stringify({ property, ...tried, hsmMoves: 2, acknowledged, ...found, seed: options.seed })}\n`,
  );
}

await main();
