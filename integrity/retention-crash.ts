/**
 * Kills the server with SIGKILL in the middle of deletions, again and again: at a random moment of a pass, or when a
 * chosen step of it has just become visible on the disk. After each kill the folder is clean for `verify`, the next
 * start goes on, nothing of a deleted tree is left but what proves its deletion, every record that is not due is there,
 * and the chain of epochs verifies to its first leaf. A legal hold keeps its epochs all along.
 *
 * `npm run integrity -- retention-crash [--places 40] [--seed N] [--small]`
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { generator } from "../bench/generator.ts";
import { seeded } from "./random.ts";
import { BIN, startServer, until, type RunningServer } from "./running-server.ts";

const { values: options } = parseArgs({
  options: {
    places: { type: "string", default: "40" },
    seed: { type: "string", default: String(randomBytes(4).readUInt32LE()) },
    small: { type: "boolean", default: false },
  },
});
const PLACES = options.small ? 6 : Number(options.places);
const EPOCH_S = 10;
const KEEP_S = 1;
/** Slow enough that a deletion of a few hundred kilobytes is under way for a second or two. */
const BYTES_PER_SECOND = 200_000;
/** Own logs have an epoch each ten seconds too, and their trees go one after the other. */
const TIMEOUT_MS = 900_000;

/** What becomes visible on the disk in the course of a deletion, in its order. */
const STEPS = [
  "decided",
  "marked",
  "committed",
  "key gone",
  "segments gone",
  "tiles gone",
  "unmarked",
  "random",
] as const;
type Step = (typeof STEPS)[number];

const random = seeded(Number(options.seed));
const work = mkdtempSync(join(tmpdir(), "tallystick-retention-"));
const data = join(work, "data");
const config = join(work, "config.yaml");

interface Plan {
  readonly trees: readonly { readonly tree: string; readonly state: string; readonly records: number }[];
}

const list = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);
const at = (path: string): boolean => existsSync(join(data, path));

/** Whether the step has been taken with the epoch. */
function isAt(step: Step, epoch: string): boolean {
  switch (step) {
    case "decided":
    case "random":
      return true;
    case "marked":
      return at(`deleted/default/${epoch}.removing`) || at(`deleted/default/${epoch}.json`);
    case "committed":
      return at(`deleted/default/${epoch}.json`);
    case "key gone":
      return at(`deleted/default/${epoch}.json`) && !at(`keys/epoch.default.${epoch}.json`);
    case "segments gone":
      return at(`deleted/default/${epoch}.json`) && list(join(data, `journal/default/${epoch}`)).length === 0;
    case "tiles gone":
      return at(`deleted/default/${epoch}.json`) && !at(`ledger/default/${epoch}`);
    case "unmarked":
      return at(`deleted/default/${epoch}.json`) && !at(`deleted/default/${epoch}.removing`);
  }
}

interface Verdict {
  readonly clean: boolean;
  readonly faults: readonly unknown[];
  readonly deleted: readonly { readonly tree: string }[];
}

function verify(): Verdict {
  const done = spawnSync(process.execPath, [BIN, "verify", data, "--json"], { encoding: "utf8" });
  const verdict = JSON.parse(done.stdout) as Verdict;
  if (done.status !== 0) throw new Error(`verify: ${JSON.stringify(verdict.faults).slice(0, 2_000)}\n${done.stderr}`);
  return verdict;
}

async function send(server: RunningServer, body: Uint8Array): Promise<void> {
  const headers = { "content-type": "application/x-ndjson" };
  const response = await server.fetch("/v1/records", { method: "POST", headers, body: Buffer.from(body) });
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${await response.text()}`);
}

/** A tree that is due, with bytes enough to be caught in the middle; each record sent may open the next one. */
async function untilDue(server: RunningServer, next: () => Uint8Array): Promise<string> {
  return until(TIMEOUT_MS, "a tree that is due", async () => {
    await pause(500);
    await send(server, next());
    const { trees } = await server.json<Plan>("/api/retention/plan");
    const due = trees.find(({ tree, state }) => state === "due" && tree.startsWith("default/"));
    return due?.tree.slice("default/".length);
  });
}

async function killAt(server: RunningServer, step: Step, epoch: string): Promise<void> {
  await server.fetch("/api/retention/run", { method: "POST" });
  if (step === "random") await pause(random() * 2_500);
  else await until(TIMEOUT_MS, `${step} of ${epoch}`, () => (isAt(step, epoch) ? true : undefined));
  await server.kill();
}

/** After the next start: the deletion ends by itself, and nothing of the tree is left. */
async function untilGone(server: RunningServer, epoch: string): Promise<void> {
  await server.fetch("/api/retention/run", { method: "POST" });
  await until(TIMEOUT_MS, `the end of the deletion of ${epoch}`, () => (isAt("unmarked", epoch) ? true : undefined));
  const places = [`journal/default/${epoch}`, `ledger/default/${epoch}`, `head/default/${epoch}.note`];
  const left = [...places, `keys/epoch.default.${epoch}.json`].filter(at);
  if (left.length > 0) throw new Error(`of the deleted ${epoch} there is still ${left.join(", ")}`);
  const count = await server.fetch(`/api/records/default/${epoch}/0`);
  if (count.status !== 404) throw new Error(`a record of the deleted ${epoch} answers ${count.status}`);
}

async function main(): Promise<void> {
  writeFileSync(
    config,
    `ledger:\n  epoch: ${EPOCH_S}s\nretention:\n  keep: ${KEEP_S} seconds\n  check_every: 1 day\n` +
      `  bytes_per_second: ${BYTES_PER_SECOND}\njournal:\n  segment_bytes: 1048576\ntally:\n  enabled: false\n`,
  );
  const source = generator(Number(options.seed), Date.now(), 20);
  const caught = new Map<Step, number>();
  let deleted = 0;
  let server = await startServer(data, { args: ["--config", config] });
  try {
    await send(server, source.batch(500));
    for (let place = 0; place < PLACES; place += 1) {
      const step = STEPS[place % STEPS.length]!;
      await send(server, source.batch(2_000));
      const epoch = await untilDue(server, () => source.batch(20));
      await killAt(server, step, epoch);
      caught.set(step, (caught.get(step) ?? 0) + 1);
      verify();
      server = await startServer(data, { args: ["--config", config] });
      await untilGone(server, epoch);
      deleted += 1;
      process.stderr.write(`place ${place + 1}/${PLACES}: ${step}, ${epoch} gone\n`);
    }
    await keepsHeld(server, () => source.batch(20));
    const code = await server.stop();
    if (code !== 0) throw new Error(`a clean stop ended with ${code}`);
    const verdict = verify();
    if (verdict.deleted.length < deleted) throw new Error("verify does not know every deletion");
    checkUnrecorded();
  } catch (error) {
    process.stderr.write(`seed ${options.seed}, data kept in ${work}\n${server.log().slice(-4_000)}\n`);
    await server.kill();
    throw error;
  }
  rmSync(work, { recursive: true, force: true });
  const result = { property: "retention-crash", places: PLACES, steps: Object.fromEntries(caught), deleted };
  process.stdout.write(`${JSON.stringify({ ...result, seed: options.seed, verify: "clean" })}\n`);
}

/** A tree that a hold keeps stays when it is due, and goes when the hold is released. */
async function keepsHeld(server: RunningServer, next: () => Uint8Array): Promise<void> {
  const hold = { name: "case-1", query: "*", logs: ["default"], owner: "integrity", reason: "it must stay" };
  const json = { "content-type": "application/json" };
  const placed = await server.json<{ readonly id: string }>("/api/holds", {
    method: "POST",
    headers: json,
    body: JSON.stringify(hold),
  });
  const tree = await until(TIMEOUT_MS, "a tree that is held", async () => {
    await pause(500);
    await send(server, next());
    await server.fetch("/api/retention/run", { method: "POST" });
    const { trees } = await server.json<Plan>("/api/retention/plan");
    return trees.find(({ tree: name, state }) => state === "held" && name.startsWith("default/"))?.tree;
  });
  const epoch = tree.slice("default/".length);
  if (!at(`journal/default/${epoch}`)) throw new Error(`the held ${tree} is gone`);
  await server.json(`/api/holds/${placed.id}/release`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ reason: "it may go" }),
  });
  await untilGone(server, epoch);
}

/** Whoever takes away what proves a deletion, or a tree without one, is found. */
function checkUnrecorded(): void {
  const [proof] = list(join(data, "deleted/default")).filter((name) => name.endsWith(".json"));
  if (proof === undefined) throw new Error("no deletion left a proof");
  rmSync(join(data, "deleted/default", proof));
  const done = spawnSync(process.execPath, [BIN, "verify", data, "--json"], { encoding: "utf8" });
  if (done.status === 0) throw new Error(`verify is clean without ${proof}`);
}

await main();
