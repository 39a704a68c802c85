/**
 * Kills the server, its index engine, or both, with SIGKILL at random moments under load, and starts it again. Every
 * acknowledged record is found exactly once, an unanswered batch is there whole or not at all, sending it again
 * stores nothing twice, the producer's sequence is complete, each number counted once, and `verify` is clean.
 *
 * `npm run integrity -- no-acked-record-lost [--rounds 50] [--seed N] [--small]`
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { seeded } from "./random.ts";
import { caughtUp, startServer, until, verifyFolder, type RunningServer } from "./running-server.ts";
import { killVictim, VICTIMS, type Victim } from "./victims.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "50" },
    seed: { type: "string", default: String(randomBytes(4).readUInt32LE()) },
    small: { type: "boolean", default: false },
  },
});
const ROUNDS = options.small ? 6 : Number(options.rounds);
const BATCH = 200;
const SENDERS = 4;
const CATCH_UP_TIMEOUT_MS = 60_000;

interface Batch {
  readonly ids: readonly string[];
  readonly body: string;
  acknowledged: boolean;
}

const random = seeded(Number(options.seed));

function makeBatch(round: number, number: number): Batch {
  const ids = Array.from({ length: BATCH }, (_, i) => uuid(round, number, i));
  const timestamp = new Date().toISOString();
  const body = ids
    .map((id, i) =>
      JSON.stringify({
        id,
        timestamp,
        event_type: "API_CALL",
        service_id: `sender-${number % SENDERS}`,
        target_id: "receiver",
        request_id: `r${round}-${number}`,
        status: "success",
        producer_id: "senders",
        producer_epoch: `round-${round}`,
        producer_seq: number * BATCH + i,
      }),
    )
    .join("\n");
  return { ids, body, acknowledged: false };
}

async function send(server: RunningServer, batch: Batch): Promise<void> {
  const headers = { "content-type": "application/x-ndjson" };
  const response = await server.fetch("/v1/records", { method: "POST", headers, body: batch.body });
  if (response.status === 200) batch.acknowledged = true;
  else if (response.status !== 503) throw new Error(`answered ${response.status}: ${await response.text()}`);
  await response.arrayBuffer().catch(() => {});
}

/** Sends until told to stop or until the server is gone. */
async function sender(server: RunningServer, next: () => Batch, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    try {
      await send(server, next());
    } catch (error) {
      if (stopped() || server.process.exitCode !== null || server.process.signalCode !== null) return;
      if (error instanceof Error && error.message.startsWith("answered")) throw error;
    }
  }
}

async function killRound(server: RunningServer, round: number, batches: Batch[]): Promise<Victim> {
  const victim = VICTIMS[Math.floor(random() * VICTIMS.length)]!;
  let stopped = false;
  const next = (): Batch => {
    const batch = makeBatch(round, batches.length);
    batches.push(batch);
    return batch;
  };
  const senders = Array.from({ length: SENDERS }, () => sender(server, next, () => stopped));
  await pause(150 + random() * 1_500);
  await killVictim(server, victim);
  if (victim === "engine") await pause(200 + random() * 500);
  stopped = true;
  await Promise.all(senders);
  return victim;
}

async function found(server: RunningServer, round: number): Promise<Map<string, number>> {
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  const counts = new Map<string, number>();
  const text = await until(60_000, "an index that answers", async () => {
    const response = await server.fetch(`/api/export?format=ndjson&q=producer_epoch:round-${round}`);
    return response.ok ? response.text() : undefined;
  });
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const { record } = JSON.parse(line) as { readonly record: { readonly id: string } };
    counts.set(record.id, (counts.get(record.id) ?? 0) + 1);
  }
  return counts;
}

function check(batches: readonly Batch[], counts: ReadonlyMap<string, number>, resent: boolean): void {
  for (const batch of batches) {
    const times = batch.ids.map((id) => counts.get(id) ?? 0);
    const there = times.filter((n) => n > 0).length;
    if (times.some((n) => n > 1)) throw new Error("a record is found more than once");
    if ((batch.acknowledged || resent) && there !== BATCH)
      throw new Error(`${BATCH - there} acknowledged records lost`);
    if (there !== 0 && there !== BATCH) throw new Error(`half a batch is there: ${there} of ${BATCH}`);
  }
}

interface Run {
  readonly producer_epoch: string;
  readonly count: number;
  readonly missing: number;
  readonly duplicates: number;
}

/** The server itself says that every number of the round is there, and none twice. */
async function checkCompleteness(server: RunningServer, round: number, records: number): Promise<void> {
  let seen: Run | undefined;
  await until(60_000, "the round's numbers to be counted", async () => {
    const response = await server.fetch("/api/producers?producer_id=senders&history=true&limit=1000");
    if (!response.ok) return undefined;
    const { producers } = (await response.json()) as { readonly producers: readonly Run[] };
    seen = producers.find((run) => run.producer_epoch === `round-${round}`);
    return seen !== undefined && seen.count >= records ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`of ${records} numbers: ${JSON.stringify(seen)}`, { cause: error });
  });
  if (seen?.count !== records || seen.missing !== 0 || seen.duplicates !== 0)
    throw new Error(`not complete with ${records} numbers: ${JSON.stringify(seen)}`);
}

async function main(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "tallystick-kill-"));
  let server = await startServer(data);
  let acknowledged = 0;
  let unanswered = 0;
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const batches: Batch[] = [];
      const victim = await killRound(server, round, batches);
      if (victim !== "engine") server = await startServer(data);
      check(batches, await found(server, round), false);
      const open = batches.filter((batch) => !batch.acknowledged);
      for (const batch of open) await send(server, batch);
      check(batches, await found(server, round), true);
      await checkCompleteness(server, round, batches.length * BATCH);
      acknowledged += (batches.length - open.length) * BATCH;
      unanswered += open.length * BATCH;
      process.stderr.write(
        `round ${round}/${ROUNDS}: ${victim}, ${batches.length} batches, ${open.length} unanswered\n`,
      );
    }
    const code = await server.stop();
    if (code !== 0) throw new Error(`a clean stop ended with ${code}`);
    verifyFolder(data);
  } catch (error) {
    process.stderr.write(`seed ${options.seed}, data kept in ${data}\n${server.log().slice(-4_000)}\n`);
    await server.kill();
    throw error;
  }
  rmSync(data, { recursive: true, force: true });
  const result = { property: "no-acked-record-lost", rounds: ROUNDS, acknowledged, unanswered, lost: 0, duplicated: 0 };
  process.stdout.write(`${JSON.stringify({ ...result, seed: options.seed, verify: "clean" })}\n`);
}

function uuid(round: number, batch: number, index: number): string {
  const tail = `${round.toString(16).padStart(3, "0")}${batch.toString(16).padStart(5, "0")}${index.toString(16).padStart(4, "0")}`;
  return `${RUN}-${tail}`;
}
const RUN = `${randomBytes(4).toString("hex")}-${randomBytes(2).toString("hex")}-7000-8000`;

await main();
