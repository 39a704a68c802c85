/**
 * What the tally costs and whether it is right: the same seeded calls are loaded with it and without it, in turns, as
 * fast as the server takes them. With it, all that `/api/tally` says at the end is compared with what was seeded.
 * `npm run bench -- tally [--records 2000000] [--rounds 2] [--late-s 60] [--batch 1000] [--connections 4] [--seed 1]`
 *
 * A round is one load with the tally and one without. `--late-s`: how long after the load the late halves come; they
 * are as much later than their firsts as that and what was left of the load. The exit code is 1 when a break was
 * missed, wrong or false; the other figures are told, not judged.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { caughtUp, startServer, type RunningServer } from "../integrity/running-server.ts";
import { runLoader } from "./load.ts";
import { measuring, type LoadFigures } from "./load-figures.ts";
import type { LoadOrder } from "./loader.ts";
import { quantile, rounded } from "./measure.ts";
import type { BreakKind } from "./tally/calls.ts";
import { collectorKey } from "./tally/collector.ts";
import { compare, readTally, seededBreaks, stateOf, verdictDelays, type Comparison } from "./tally/truth.ts";

/** Halves come within five seconds of each other, and need a moment on their way. */
const DEADLINE_MS = 6_000;
const ALLOWED_DELAY_MS = 5_000;
const CATCH_UP_TIMEOUT_MS = 600_000;
const SETTLE_TIMEOUT_MS = 60_000;
const SETTLE_POLL_MS = 1_000;
const SMALL_RECORDS = 200_000;

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "2000000" },
    rounds: { type: "string" },
    "late-s": { type: "string" },
    batch: { type: "string", default: "1000" },
    connections: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    "step-us": { type: "string", default: "40" },
  },
});
const RECORDS = Number(options.records);
const IS_SMALL = RECORDS <= SMALL_RECORDS;
const ROUNDS = Number(options.rounds ?? (IS_SMALL ? 1 : 2));
const LATE_MS = Number(options["late-s"] ?? (IS_SMALL ? 1 : 60)) * 1_000;

interface Figures extends LoadFigures {
  readonly tally: boolean;
  readonly verdicts: VerdictFigures | null;
}

interface VerdictFigures extends Comparison {
  readonly counts: Readonly<Record<string, number>>;
  /** From when a verdict was due to when it was in the log. */
  readonly delay_ms: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly within_deadline_and_5_s: number;
}

async function measure(tally: boolean): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "tallystick-bench-tally-"));
  const server = await startServer(folder, {
    env: { TALLYSTICK_TALLY_ENABLED: String(tally), TALLYSTICK_TALLY_DEADLINE: `${DEADLINE_MS / 1_000}s` },
  });
  try {
    return await loadAndCompare(server, tally);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function loadAndCompare(server: RunningServer, tally: boolean): Promise<Figures> {
  const stepUs = Number(options["step-us"]);
  const order: LoadOrder = {
    url: server.url,
    token: await collectorKey(server),
    what: "calls",
    records: RECORDS,
    batch: Number(options.batch),
    connections: Number(options.connections),
    seed: Number(options.seed),
    startMs: Math.floor(Date.now() - (RECORDS * stepUs) / 2_000),
    stepUs,
  };
  const figures = measuring(server);
  const told = tally ? "with" : "without";
  const report = await runLoader(order, (n) => process.stderr.write(`\r${n} acknowledged ${told} the tally`));
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  const load = figures(report);
  process.stderr.write("\n");
  return { tally, ...load, verdicts: tally ? await verdictFigures(server, order) : null };
}

async function verdictFigures(server: RunningServer, order: LoadOrder): Promise<VerdictFigures> {
  // The last call's first half comes due, and its late one is late indeed.
  await pause(DEADLINE_MS + LATE_MS);
  await runLoader({ ...order, what: "late_halves" }, () => {});
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  const seeded = seededBreaks(order, order.records / 2);
  // What is false shows by then as well.
  await pause(DEADLINE_MS + ALLOWED_DELAY_MS);
  const { comparison, counts } = await settled(server, seeded);
  const examples = await Promise.all(
    comparison.examples.map(async (example) => ({ ...example, now: await stateOf(server, example.call_id) })),
  );
  const delays = await verdictDelays(server, DEADLINE_MS);
  return {
    ...comparison,
    examples,
    counts,
    delay_ms: {
      p50: rounded(quantile(delays, 0.5)),
      p99: rounded(quantile(delays, 0.99)),
      max: rounded(delays.at(-1) ?? 0),
    },
    within_deadline_and_5_s: rounded(delays.filter((ms) => ms <= ALLOWED_DELAY_MS).length / delays.length, 4),
  };
}

/** The tally once it says what was seeded, or as it stands when it did not come to that in time. */
async function settled(server: RunningServer, seeded: ReadonlyMap<string, BreakKind>) {
  const end = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const { breaks, counts } = await readTally(server);
    const comparison = compare(seeded, breaks);
    if (comparison.examples.length === 0 || performance.now() > end) return { comparison, counts };
    await pause(SETTLE_POLL_MS);
  }
}

async function main(): Promise<void> {
  const runs: Figures[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const tally of round % 2 === 0 ? [false, true] : [true, false]) runs.push(await measure(tally));
  }
  const mean = (tally: boolean): number =>
    runs.filter((run) => run.tally === tally).reduce((sum, run) => sum + run.records_per_second, 0) / ROUNDS;
  const result = {
    bench: "tally",
    records: RECORDS,
    rounds: ROUNDS,
    deadline_ms: DEADLINE_MS,
    records_per_second: { without: Math.round(mean(false)), with: Math.round(mean(true)) },
    throughput_kept: rounded(mean(true) / mean(false), 3),
    runs,
  };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  const isWrong = runs.some(({ verdicts }) => verdicts !== null && verdicts.examples.length > 0);
  process.exitCode = isWrong ? 1 : 0;
}

await main();
