/**
 * Makes backups of a server under load, again and again into the same folder, kills the server at a random moment after
 * the last one, and restores. What the backup holds verifies; every record that was acknowledged before a backup began
 * and under a checkpoint is in it, byte for byte; the trees are closed and new ones follow under origins of their own;
 * the restored server takes records again; a head store that knows more refuses. Prints how much is lost (RPO) and how
 * long it takes (RTO).
 *
 * `npm run integrity -- backup-under-load [--rounds 5] [--seed N] [--small]`
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { generator } from "../bench/generator.ts";
import { seeded } from "./random.ts";
import { BIN, caughtUp, startServer, type RunningServer } from "./running-server.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seed: { type: "string", default: String(randomBytes(4).readUInt32LE()) },
    small: { type: "boolean", default: false },
  },
});
const ROUNDS = options.small ? 2 : Number(options.rounds);
const SENDERS = 2;
const BATCH = 500;
const CATCH_UP_MS = 120_000;

const random = seeded(Number(options.seed));
const work = mkdtempSync(join(tmpdir(), "tallystick-backup-"));
const [data, backup, head] = [join(work, "data"), join(work, "backup"), join(work, "head")];

interface Tree {
  readonly tree: string;
  readonly size: number;
}

interface Made {
  readonly madeAt: string;
  readonly trees: readonly Tree[];
  readonly copiedBytes: number;
  readonly bytes: number;
}

interface Restored {
  readonly logs: readonly {
    readonly closed: string | null;
    readonly size: number;
    readonly next: string;
    readonly lost: number;
  }[];
  readonly verify: { readonly clean: boolean; readonly faults: readonly unknown[] };
}

/** Runs a command of the built program; its exit code and what it printed as JSON. */
async function command(
  ...args: readonly string[]
): Promise<{ readonly exit: number | null; readonly answer: unknown }> {
  const child = spawn(process.execPath, [BIN, ...args, "--json"], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => void (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (errors += chunk.toString()));
  await once(child, "close");
  if (out === "") throw new Error(`${args[0]}: ${errors.slice(-2_000)}`);
  return { exit: child.exitCode, answer: JSON.parse(out) as unknown };
}

async function done<T>(...args: readonly string[]): Promise<T> {
  const { exit, answer } = await command(...args);
  if (exit !== 0) throw new Error(`${args[0]} ended with ${exit}: ${JSON.stringify(answer).slice(0, 2_000)}`);
  return answer as T;
}

function sender(server: RunningServer, next: () => Uint8Array, stopped: () => boolean): Promise<number> {
  return (async () => {
    let acknowledged = 0;
    while (!stopped()) {
      const headers = { "content-type": "application/x-ndjson" };
      const response = await server
        .fetch("/v1/records", { method: "POST", headers, body: Buffer.from(next()) })
        .catch(() => null);
      if (response?.status === 200) acknowledged += BATCH;
      await response?.arrayBuffer().catch(() => undefined);
    }
    return acknowledged;
  })();
}

async function published(server: RunningServer): Promise<ReadonlyMap<string, number>> {
  const trees = await server.json<readonly Tree[]>("/api/trees");
  return new Map(trees.map(({ tree, size }) => [tree, size]));
}

async function leaf(server: RunningServer, tree: string, index: number): Promise<string> {
  return (await server.json<{ readonly leaf: string }>(`/api/records/${tree}/${index}`)).leaf;
}

/** Backups under load; what the last one holds, and leaves to compare with. */
async function backUp(
  server: RunningServer,
): Promise<{ readonly made: Made; readonly seen: ReadonlyMap<number, string> }> {
  const source = generator(Number(options.seed), Date.now(), 20);
  const state = { stopped: false };
  const senders = Array.from({ length: SENDERS }, () =>
    sender(
      server,
      () => source.batch(BATCH),
      () => state.stopped,
    ),
  );
  let made: Made | null = null;
  for (let round = 1; round <= ROUNDS; round += 1) {
    await pause(500 + random() * 1_500);
    const before = await published(server);
    made = await done<Made>("backup", backup, "--data", data, "--config", join(work, "config.yaml"));
    for (const { tree, size } of made.trees)
      if (size < (before.get(tree) ?? 0))
        throw new Error(`the backup has ${size} of ${before.get(tree)} leaves of ${tree}`);
    process.stderr.write(`backup ${round}/${ROUNDS}: ${made.bytes} bytes, ${made.copiedBytes} new\n`);
  }
  if (made === null) throw new Error("no backup was made");
  const { tree, size } = made.trees.find((one) => one.tree.startsWith("default/"))!;
  const seen = new Map<number, string>();
  for (let sample = 0; sample < 20; sample += 1) {
    const index = sample === 0 ? size - 1 : Math.floor(random() * size);
    seen.set(index, await leaf(server, tree, index));
  }
  await pause(1_500);
  state.stopped = true;
  await server.kill();
  await Promise.all(senders);
  return { made, seen };
}

async function restore(
  made: Made,
): Promise<{ readonly target: string; readonly restored: Restored; readonly lost: number }> {
  const target = join(work, "restored");
  mkdirSync(target);
  copyFileSync(join(data, "kms.key"), join(target, "kms.key"));
  const args = ["restore", backup, "--data", target, "--config", join(work, "config.yaml")];
  const refused = await command(...args);
  if (refused.exit === 0 || !JSON.stringify(refused.answer).includes("ledger_rollback"))
    throw new Error(`a restore behind the head store was not refused: ${JSON.stringify(refused)}`);
  if (readdirSync(target).some((name) => name !== "kms.key")) throw new Error("a refused restore left something");
  const restored = await done<Restored>(...args, "--accept-loss");
  if (!restored.verify.clean) throw new Error(`verify: ${JSON.stringify(restored.verify.faults).slice(0, 2_000)}`);
  const own = restored.logs.find(({ closed }) => closed?.startsWith("default/"))!;
  const size = made.trees.find(({ tree }) => tree === own.closed)!.size;
  if (own.size !== size || own.next !== `${own.closed}.r1`)
    throw new Error(`not closed as it should: ${JSON.stringify(own)}`);
  return { target, restored, lost: own.lost };
}

async function useRestored(target: string, closed: string, seen: ReadonlyMap<number, string>): Promise<void> {
  const server = await startServer(target, { args: ["--config", join(work, "config.yaml")] });
  try {
    for (const [index, text] of seen)
      if ((await leaf(server, closed, index)) !== text) throw new Error(`leaf ${index} of ${closed} is another one`);
    const source = generator(Number(options.seed) + 1, Date.now(), 20);
    const headers = { "content-type": "application/x-ndjson" };
    const response = await server.fetch("/v1/records", {
      method: "POST",
      headers,
      body: Buffer.from(source.batch(BATCH)),
    });
    const stored = (await response.json()) as { readonly tree: string; readonly first_index: number };
    if (response.status !== 200 || stored.tree !== `${closed}.r1`)
      throw new Error(`stored in ${JSON.stringify(stored)}`);
    await caughtUp(server, CATCH_UP_MS);
    const code = await server.stop();
    if (code !== 0) throw new Error(`a clean stop ended with ${code}`);
  } catch (error) {
    process.stderr.write(server.log().slice(-4_000));
    await server.kill();
    throw error;
  }
  await done("verify", target, "--config", join(work, "config.yaml"));
}

async function main(): Promise<void> {
  // The head store lies elsewhere, as it should; the restore has to be told that what it knows is lost.
  writeFileSync(join(work, "config.yaml"), `ledger:\n  head: ${head}\njournal:\n  segment_bytes: 4194304\n`);
  const server = await startServer(data, { args: ["--config", join(work, "config.yaml")] });
  try {
    const { made, seen } = await backUp(server);
    const began = performance.now();
    const { target, restored, lost } = await restore(made);
    const restoredMs = performance.now() - began;
    const closed = restored.logs.find((one) => one.closed?.startsWith("default/"))!.closed!;
    await useRestored(target, closed, seen);
    const serving = performance.now() - began;
    if (existsSync(join(backup, "files", "kms.key"))) throw new Error("the KMS key is in the backup");
    rmSync(work, { recursive: true, force: true });
    const leaves = made.trees.reduce((sum, { size }) => sum + size, 0);
    const figures = { leaves, bytes: made.bytes, rpo_lost_leaves: lost, restore_ms: Math.round(restoredMs) };
    process.stdout.write(
      `${JSON.stringify({ property: "backup-under-load", rounds: ROUNDS, ...figures, rto_ms: Math.round(serving), seed: options.seed, verify: "clean" })}\n`,
    );
  } catch (error) {
    process.stderr.write(`seed ${options.seed}, data kept in ${work}\n`);
    if (server.process.exitCode === null && server.process.signalCode === null) await server.kill();
    throw error;
  }
}

await main();
