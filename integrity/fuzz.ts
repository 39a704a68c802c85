/**
 * Malformed bodies, queries and paths at every endpoint: no crash, no 5xx but an honest 503, no hang, and a valid
 * record beside a broken one is kept. Seeded: the seed of a failing run is printed.
 *
 * `npm run integrity -- fuzz [--bodies 100000] [--seed N] [--small]`
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { EPOCH, shots as arbitraryShots } from "./fuzz-shots.ts";
import type { Shot } from "./fuzz-shots.ts";
import { startServer, until, type RunningServer } from "./running-server.ts";

const { values: options } = parseArgs({
  options: {
    bodies: { type: "string", default: "100000" },
    seed: { type: "string", default: String(randomBytes(4).readInt32LE()) },
    small: { type: "boolean", default: false },
  },
});
const BODIES = options.small ? 3_000 : Number(options.bodies);
const IN_FLIGHT = 8;
/** Of seconds in which this process ran: where the whole machine stood still, nobody hung. */
const HANG_SECONDS = 20;

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });

function shoot(server: RunningServer, shot: Shot): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | number> = { authorization: `Bearer ${server.token}` };
    if (shot.type) headers["content-type"] = shot.type;
    if (shot.encoding) headers["content-encoding"] = shot.encoding;
    if (shot.body !== undefined) headers["content-length"] = shot.body.length;
    const sending = request(`${server.url}${shot.path}`, { method: shot.method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    let waitedSeconds = 0;
    const waiting = setInterval(() => {
      waitedSeconds += 1;
      if (waitedSeconds < HANG_SECONDS) return;
      sending.destroy(new Error(`no answer in ${HANG_SECONDS} s: ${describe(shot)}`));
    }, 1_000);
    sending.on("close", () => clearInterval(waiting));
    sending.on("error", (error: NodeJS.ErrnoException) =>
      // The server may close a connection whose request it refused before all of it was sent.
      ["ECONNRESET", "EPIPE"].includes(error.code ?? "")
        ? resolve({ status: 0, headers: {}, text: "" })
        : reject(error),
    );
    sending.end(shot.body);
  });
}

function judge(shot: Shot, reply: Reply): string | null {
  if (reply.status >= 500 && !(reply.status === 503 && reply.headers["retry-after"] !== undefined)) return "5xx";
  if (shot.neighbour !== undefined && reply.status !== 200) return `a valid neighbour was refused with ${reply.status}`;
  return null;
}

async function main(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "tallystick-fuzz-"));
  const server = await startServer(data);
  const shots = fc.sample(arbitraryShots, { seed: Number(options.seed), numRuns: BODIES });
  const statuses: Record<string, number> = {};
  const kept: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < shots.length) {
      const shot = shots[next++]!;
      const reply = await shoot(server, shot);
      const wrong = server.process.exitCode === null ? judge(shot, reply) : "the server ended";
      if (wrong !== null) throw new Error(`${wrong}: ${describe(shot)} → ${reply.status} ${reply.text.slice(0, 500)}`);
      statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
      if (shot.neighbour !== undefined) kept.push(shot.neighbour);
      if (next % 500 === 0) process.stderr.write(`\r${next}/${shots.length}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    await allKept(server, kept);
    if ((await server.stop()) !== 0) throw new Error("the server did not stop cleanly");
  } catch (error) {
    process.stderr.write(`\nseed ${options.seed}\n${server.log().slice(-3_000)}\n`);
    await server.kill();
    throw error;
  } finally {
    agent.destroy();
    rmSync(data, { recursive: true, force: true });
  }
  process.stdout.write(
    `\n${JSON.stringify({ property: "fuzz", seed: options.seed, bodies: shots.length, statuses, neighbours_kept: kept.length })}\n`,
  );
}

async function allKept(server: RunningServer, kept: readonly string[]): Promise<void> {
  const expected = new Set(kept);
  let found = 0;
  await until(60_000, `${expected.size} valid neighbours to be found`, async () => {
    const text = await (await server.fetch(`/api/export?format=ndjson&q=producer_epoch:${EPOCH}`)).text();
    found = text.split("\n").filter(Boolean).length;
    return found === expected.size ? true : undefined;
  }).catch((cause: unknown) => {
    throw new Error(`${found} of ${expected.size} valid neighbours were found`, { cause });
  });
}

function describe(shot: Shot): string {
  return `${shot.method} ${shot.path} ${shot.type ?? ""} ${shot.encoding ?? ""} ${shot.body?.subarray(0, 300).toString("latin1") ?? ""}`;
}

await main();
