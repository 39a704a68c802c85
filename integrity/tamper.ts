/**
 * Changes one place in one file of a cleanly stopped data folder: a flipped bit, a removed, repeated or swapped
 * range, a truncation, a deleted file, a file put back to an earlier day. `verify` finds every one and names the
 * file.
 *
 * `npm run integrity -- tamper [--places 200] [--seed N] [--small]`
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { generator } from "../bench/generator.ts";
import { seeded } from "./random.ts";
import { BIN, startServer, until, type RunningServer } from "./running-server.ts";

const { values: options } = parseArgs({
  options: {
    places: { type: "string", default: "200" },
    seed: { type: "string", default: String(randomBytes(4).readUInt32LE()) },
    small: { type: "boolean", default: false },
  },
});
const PLACES = options.small ? 24 : Number(options.places);
const EPOCH_MS = 10_000;
const BATCHES = 6;
/** May be deleted: what they hold begins anew, and a folder need not have them. */
const MAY_BE_GONE = /^(quotas|rules|backups|fsck)\.json$/;
/** Derived, and compared with the journal by `fsck`, not by `verify`. */
const NOT_VERIFIED = /^(index\/|lock$|run\.json$|reserve$)/;

interface Verdict {
  readonly exit: number | null;
  readonly faults: readonly { readonly code: string; readonly file?: string }[];
  readonly output: string;
}

function verify(folder: string, ...more: string[]): Verdict {
  const done = spawnSync(process.execPath, [BIN, "verify", folder, "--json", ...more], { encoding: "utf8" });
  let faults: Verdict["faults"] = [];
  try {
    faults = (JSON.parse(done.stdout) as { readonly faults: Verdict["faults"] }).faults;
  } catch {
    // Said with the output by whoever asked.
  }
  return { exit: done.status, faults, output: `${done.stdout}${done.stderr}` };
}

/** A folder of two epochs with records in each, and a copy of it as it was in the first. */
async function makeFolders(work: string): Promise<{ readonly folder: string; readonly earlier: string }> {
  const folder = join(work, "data");
  const earlier = join(work, "earlier");
  const source = generator(Number(options.seed), Date.now(), 20);
  const config = join(work, "config.yaml");
  writeFileSync(config, `ledger:\n  epoch: ${EPOCH_MS / 1_000}s\n`);
  let server = await startServer(folder, { args: ["--config", config] });
  await fill(server, source.batch(300).toString("latin1"), BATCHES);
  await server.stop();
  cpSync(folder, earlier, { recursive: true });
  server = await startServer(folder, { args: ["--config", config] });
  await until(EPOCH_MS * 3, "a second epoch", async () => {
    await fill(server, source.batch(300).toString("latin1"), 1);
    const trees = await server.json<readonly { readonly tree: string; readonly size: number }[]>("/api/trees");
    return trees.filter((tree) => tree.tree.startsWith("default/")).length > 1 ? true : undefined;
  });
  await fill(server, source.batch(300).toString("latin1"), BATCHES);
  await server.stop();
  return { folder, earlier };
}

async function fill(server: RunningServer, body: string, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    const text = body.replaceAll(/"id":"[^"]+",/g, "");
    const headers = { "content-type": "application/x-ndjson" };
    const answer = await server.fetch("/v1/records?wait=published", { method: "POST", headers, body: text });
    if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${await answer.text()}`);
  }
}

function files(folder: string, below = folder): readonly string[] {
  return readdirSync(below, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(below, entry.name);
      return entry.isDirectory() ? files(folder, path) : [relative(folder, path)];
    })
    .filter((file) => !NOT_VERIFIED.test(file));
}

type Damage = (bytes: Buffer, random: () => number) => Buffer | null;
const DAMAGES: Readonly<Record<string, Damage>> = {
  "flip a bit": (bytes, random) => {
    const at = pick(bytes.length, random);
    const changed = Buffer.from(bytes);
    changed[at] = changed[at]! ^ (1 << pick(8, random));
    return changed;
  },
  "remove a range": (bytes, random) => {
    const [from, to] = range(bytes.length, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  "repeat a range": (bytes, random) => {
    const [from, to] = range(bytes.length, random);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  "swap two ranges": (bytes, random) => {
    const half = bytes.length >> 1;
    const length = 1 + pick(Math.max(1, half >> 2), random);
    const a = pick(half - length + 1, random);
    const b = half + pick(bytes.length - half - length + 1, random);
    const changed = Buffer.from(bytes);
    bytes.copy(changed, a, b, b + length);
    bytes.copy(changed, b, a, a + length);
    return changed;
  },
  truncate: (bytes, random) => bytes.subarray(0, pick(bytes.length, random)),
  "delete the file": () => null,
};

async function main(): Promise<void> {
  const random = seeded(Number(options.seed));
  const work = mkdtempSync(join(tmpdir(), "tallystick-tamper-"));
  const { folder, earlier } = await makeFolders(work);
  const clean = verify(folder);
  if (clean.exit !== 0) throw new Error(`the untouched folder is not clean:\n${clean.output}`);
  const missed: string[] = [];
  const byKind = new Map<string, number>();
  const all = files(folder);
  for (let n = 0; n < PLACES; n += 1) {
    const file = all[n < all.length ? n : pick(all.length, random)]!;
    const kinds = Object.keys(DAMAGES);
    const kind = kinds[pick(kinds.length, random)]!;
    if (kind === "delete the file" && MAY_BE_GONE.test(file)) continue;
    const outcome = tamper(folder, file, DAMAGES[kind]!, random);
    if (outcome === "unchanged") continue;
    byKind.set(kind, (byKind.get(kind) ?? 0) + 1);
    // What is gone is named by the gap beside it.
    const place = kind === "delete the file" ? dirname(file) : file;
    // A folder whose server.json says another format is refused by name before anything else is read.
    const refused = outcome.exit === 2 && file === "server.json";
    // Without the KMS key there is a verdict, and it says what it could not look at.
    const keyless = file === "kms.key" && outcome.output.includes('"contents":"not checked"');
    const named =
      refused || keyless || (outcome.exit === 1 && outcome.faults.some((fault) => fault.file?.includes(place)));
    if (!named && outcome.exit !== 1)
      missed.push(`${kind} in ${file}: exit ${outcome.exit}\n${outcome.output.slice(0, 600)}`);
    else if (!named)
      missed.push(`${kind} in ${file}: found, but not named: ${JSON.stringify(outcome.faults).slice(0, 600)}`);
    process.stderr.write(`\r${n + 1}/${PLACES}, ${missed.length} missed`);
  }
  process.stderr.write("\n");
  missed.push(...rolledBack(folder, earlier, work));
  if (missed.length > 0) throw new Error(`seed ${options.seed}, folder kept in ${work}\n${missed.join("\n")}`);
  rmSync(work, { recursive: true, force: true });
  const result = { property: "tamper", seed: options.seed, files: all.length, places: Object.fromEntries(byKind) };
  process.stdout.write(`${JSON.stringify({ ...result, missed: 0, rollback: "found with --since" })}\n`);
}

function tamper(folder: string, file: string, damage: Damage, random: () => number): Verdict | "unchanged" {
  const path = join(folder, file);
  const { mode } = statSync(path);
  const bytes = readFileSync(path);
  const changed = damage(bytes, random);
  if (changed?.equals(bytes) === true) return "unchanged";
  if (changed === null) rmSync(path);
  else writeFileSync(path, changed);
  const outcome = verify(folder);
  writeFileSync(path, bytes, { mode });
  return outcome;
}

/** The whole folder of an earlier day is consistent in itself; only what one already knew tells. */
function rolledBack(folder: string, earlier: string, work: string): readonly string[] {
  const known = files(folder)
    .filter((file) => /^ledger\/default\/.*checkpoint$/.test(file))
    .toSorted()
    .at(-1)!;
  const since = join(work, "since.note");
  writeFileSync(since, readFileSync(join(folder, known)));
  const missed: string[] = [];
  if (verify(folder, "--since", since).exit !== 0) missed.push("--since refuses the folder it came from");
  if (verify(earlier).exit !== 0) missed.push("the earlier folder is not clean in itself");
  if (verify(earlier, "--since", since).exit !== 1) missed.push("a folder put back to an earlier day was not found");
  return missed;
}

/** From 0 to below `count`. */
function pick(count: number, random: () => number): number {
  return Math.floor(random() * Math.max(count, 1));
}

function range(length: number, random: () => number): readonly [number, number] {
  const from = pick(length, random);
  return [from, Math.min(length, from + 1 + pick(Math.min(length, 4_096), random))];
}

await main();
