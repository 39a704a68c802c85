/**
 * Kills the server, its index engine, or both, with SIGKILL at random moments while calls are loaded and tallied. The
 * breaks that hold at the end, as a set of (kind, call_id, field), are those of an undisturbed run of the same calls
 * and those that were seeded; each verdict is in the log once; `verify` is clean. The first calls, by which the tally
 * gets to know every caller's credential, come before the first kill: what is known by a deadline is part of a verdict.
 *
 * `npm run integrity -- tally-survives [--calls 50000] [--kills 25] [--seed N] [--small]`
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { collectorKey } from "../bench/tally/collector.ts";
import type { Timeline } from "../bench/tally/half-record.ts";
import { lateHalves, shuffledHalves, type Source } from "../bench/tally/shuffle.ts";
import { compare, readTally, seededBreaks, verdicts, type Break } from "../bench/tally/truth.ts";
import { seeded } from "./random.ts";
import { caughtUp, startServer, verifyFolder, type RunningServer } from "./running-server.ts";
import { deliver, killAtRandom, type Home } from "./victims.ts";

const { values: options } = parseArgs({
  options: {
    calls: { type: "string", default: "50000" },
    kills: { type: "string", default: "25" },
    seed: { type: "string", default: String(randomBytes(2).readUInt16LE()) },
    small: { type: "boolean", default: false },
  },
});
const CALLS = options.small ? 4_000 : Number(options.calls);
const KILLS = options.small ? 4 : Number(options.kills);
const SEED = Number(options.seed);
const BATCH = 200;
const SENDERS = 2;
/** Halves come within five seconds of each other, and need a moment on their way. */
const DEADLINE_MS = 6_000;
const FIRST_KILL_MS = DEADLINE_MS * 1.5;
/** Mean time from a start to the next kill; the load is spread over as many of them as there are kills, after the first calls. */
const LIFE_MS = 2_000;
const CATCH_UP_TIMEOUT_MS = 120_000;
const SETTLE_TIMEOUT_MS = 120_000;
const POLL_MS = 500;

const random = seeded(SEED);
const timeline: Timeline = { seed: SEED, startMs: Date.now() - CALLS, stepUs: 1_000 };

interface Outcome {
  readonly breaks: ReadonlySet<string>;
  readonly verdicts: number;
}

/** What of the breaks that hold is not as it has to be. */
type Check = (breaks: readonly Break[]) => readonly string[];

async function start(folder: string): Promise<RunningServer> {
  return startServer(folder, { env: { TALLYSTICK_TALLY_DEADLINE: `${DEADLINE_MS / 1_000}s` } });
}

/** Sends all calls, late halves last; `disturb` runs beside it and beside the verdicts that follow. */
async function run(disturb: (home: Home) => Promise<void>, check: Check): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "tallystick-tally-kill-"));
  const server = await start(folder);
  const home: Home = { folder, token: await collectorKey(server), server };
  try {
    const ended = await Promise.allSettled([load(home), pause(FIRST_KILL_MS).then(() => disturb(home))]);
    for (const one of ended) if (one.status === "rejected") throw one.reason;
    const outcome = await settled(home, check);
    const code = await home.server.stop();
    if (code !== 0) throw new Error(`a clean stop ended with ${code}`);
    verifyFolder(folder);
    rmSync(folder, { recursive: true, force: true });
    return outcome;
  } catch (error) {
    process.stderr.write(`seed ${SEED}, data kept in ${folder}\n${home.server.log().slice(-4_000)}\n`);
    await home.server.kill();
    throw error;
  }
}

async function load(home: Home): Promise<void> {
  const batches = (CALLS * 2) / BATCH / SENDERS;
  await send(
    home,
    shuffledHalves(timeline, CALLS, () => performance.now()),
    (FIRST_KILL_MS + KILLS * LIFE_MS) / batches,
  );
  await pause(DEADLINE_MS * 1.5);
  await send(home, lateHalves(timeline, CALLS), 0);
}

async function send(home: Home, source: Source, betweenMs: number): Promise<void> {
  const sender = async (): Promise<void> => {
    for (let lines = source(BATCH); lines !== null; lines = source(BATCH)) {
      await deliver(home, lines.toString("latin1"));
      await pause(betweenMs);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

/** The tally once it is as it has to be, and stays so. */
async function settled(home: Home, check: Check): Promise<Outcome> {
  const { server } = home;
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  const end = performance.now() + SETTLE_TIMEOUT_MS;
  // An engine that was killed last is away for a moment.
  const faults = () =>
    readTally(server).then(
      ({ breaks }) => check(breaks).length,
      () => Infinity,
    );
  while ((await faults()) > 0 && performance.now() < end) await pause(POLL_MS);
  await pause(DEADLINE_MS * 1.5);
  const { breaks } = await readTally(server);
  const wrong = check(breaks);
  if (wrong.length > 0) throw new Error(`${wrong.length} breaks: ${wrong.slice(0, 10).join("; ")}`);
  const ids = (await verdicts(server)).map(({ record }) => record.id);
  if (new Set(ids).size !== ids.length) throw new Error(`${ids.length - new Set(ids).size} verdicts are there twice`);
  return { breaks: new Set(breaks.map(named)), verdicts: ids.length };
}

const named = ({ kind, call_id: id, field }: Break): string => `${kind} ${id} ${field ?? ""}`;

function without(left: ReadonlySet<string>, right: ReadonlySet<string>): readonly string[] {
  return [...left].filter((one) => !right.has(one));
}

async function main(): Promise<void> {
  const truth = seededBreaks(timeline, CALLS);
  const undisturbed = await run(
    async () => {},
    (breaks) => compare(truth, breaks).examples.map(({ call_id: id, fault }) => `${id} ${fault}`),
  );
  process.stderr.write(`undisturbed: ${undisturbed.breaks.size} breaks, ${undisturbed.verdicts} verdicts\n`);
  // While calls come in, and while the last ones are judged.
  const disturb = (home: Home) => killAtRandom(home, { kills: KILLS + 3, lifeMs: LIFE_MS, random, start });
  const killed = await run(disturb, (breaks) => {
    const found = new Set(breaks.map(named));
    const lost = without(undisturbed.breaks, found).map((one) => `lost ${one}`);
    return [...lost, ...without(found, undisturbed.breaks).map((one) => `added ${one}`)];
  });
  const result = { property: "tally-survives", calls: CALLS, kills: KILLS + 3, breaks: killed.breaks.size };
  process.stdout.write(`${JSON.stringify({ ...result, verdicts: killed.verdicts, seed: SEED, verify: "clean" })}\n`);
}

await main();
