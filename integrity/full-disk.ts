/**
 * The server, its engine included, on a small file system that fills up: producers are told 503 and lose nothing that
 * was acknowledged; reads go on and each is a record, in the space that is reserved for them; when that is used up they
 * are told 503 `access_unrecorded`; and when there is space again all of it goes on by itself and the folder verifies.
 *
 * The file system is a tmpfs in a mount namespace of our own (`unshare`), which an ordinary user may make; it is gone
 * with the process. `npm run integrity -- full-disk [--mib 256] [--small]`
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startServer, until, verifyFolder, type RunningServer } from "./running-server.ts";

const INSIDE = "TALLYSTICK_FULL_DISK";
const { values: options } = parseArgs({
  options: { mib: { type: "string", default: "256" }, small: { type: "boolean", default: false } },
});
const RESERVE_BYTES = options.small ? 2 * 2 ** 20 : 16 * 2 ** 20;
const BATCH = 500;
const READERS = 8;
const MOST_READS = 200_000;
const REASON_BYTES = 700;
const WAIT_MS = 120_000;

/** What this ends with where nothing may be mounted; counted, never hidden. */
const NOT_HERE = 77;

/** Runs this file again where it may mount something. */
function enterNamespace(): never {
  const folder = mkdtempSync(join(tmpdir(), "tallystick-full-"));
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const mounted = `mount -t tmpfs -o size=${options.mib}m,mode=0700 none "$0" || exit ${NOT_HERE}; exec "$@"`;
  const command = [...user, "--mount", "sh", "-c", mounted, folder, process.execPath, ...process.execArgv];
  if (spawnSync("unshare", [...user, "--mount", "true"], { stdio: "inherit" }).status !== 0) {
    process.stderr.write("this machine lets nobody mount a file system of their own\n");
    process.exit(NOT_HERE);
  }
  const args = [...command, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const { status } = spawnSync("unshare", args, { stdio: "inherit", env: { ...process.env, [INSIDE]: folder } });
  rmSync(folder, { recursive: true, force: true });
  process.exit(status ?? 1);
}

const freeBytes = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

/** Takes what is left of the file system, to the last block. */
function fill(path: string): void {
  const file = openSync(path, "a");
  for (let size = 2 ** 20; size >= 512;) {
    try {
      writeSync(file, Buffer.alloc(size, 1));
    } catch {
      size /= 2;
    }
  }
  closeSync(file);
}

async function send(server: RunningServer, from: number): Promise<{ readonly status: number; readonly code: string }> {
  const lines = Array.from({ length: BATCH }, (_, place) =>
    JSON.stringify({
      id: `018b0000-0000-7000-8000-${(from + place).toString(16).padStart(12, "0")}`,
      timestamp: "2026-11-26T08:00:00Z",
      event_type: "API_CALL",
      service_id: "shop",
      target_id: "pay",
      request_id: `r-${from + place}`,
      resource: `/orders/${randomBytes(150).toString("base64url")}`,
      status: "success",
    }),
  );
  const response = await server.fetch("/v1/records", {
    method: "POST",
    body: lines.join("\n"),
    headers: { "content-type": "application/x-ndjson" },
  });
  const { code = "" } = (await response.json()) as { readonly code?: string };
  return { status: response.status, code };
}

/** Opens a body, for a reason that is new each time, so that no codec makes the record of it small. */
async function read(server: RunningServer, place: string): Promise<{ readonly status: number; readonly code: string }> {
  const reason = randomBytes(REASON_BYTES).toString("base64url");
  const response = await server.fetch(`/api/records/${place}/payload?part=request&reason=${reason}`);
  const { code = "" } = (await response.json()) as { readonly code?: string };
  return { status: response.status, code };
}

async function leavesOf(server: RunningServer, log: string): Promise<number> {
  const metrics = await (await server.fetch("/metrics")).text();
  const found = new RegExp(`^tallystick_tree_journaled_leaves\\{tree="${log}/[^"]*"\\} (\\d+)$`, "m").exec(metrics);
  return Number(found?.[1] ?? 0);
}

/** Stores a record with a body; where it lies. */
async function withBody(server: RunningServer): Promise<string> {
  const { tree, first_index: index } = await server.json<{ tree: string; first_index: number }>(
    "/v1/records?wait=published",
    {
      method: "POST",
      body: JSON.stringify({
        timestamp: "2026-11-26T08:00:00Z",
        event_type: "API_CALL",
        service_id: "shop",
        status: "success",
        request_body: "a body",
      }),
      headers: { "content-type": "application/json" },
    },
  );
  return `${tree}/${index}`;
}

/** Until producers are refused because there is no space; returns how many records were acknowledged. */
async function fillWithRecords(server: RunningServer): Promise<number> {
  for (let acknowledged = 0; ; acknowledged += BATCH) {
    const { status, code } = await send(server, acknowledged);
    if (status === 503 && code === "journal_full") return acknowledged;
    if (status !== 200) throw new Error(`a batch was answered ${status} ${code}`);
  }
}

/** Until reads are refused; returns how many were answered. */
async function readUntilRefused(server: RunningServer, place: string): Promise<number> {
  let answered = 0;
  for (let refused = false; !refused;) {
    if (answered > MOST_READS) throw new Error(`${answered} reads were answered, and the reserve is not used up`);
    for (const { status, code } of await Promise.all(Array.from({ length: READERS }, () => read(server, place)))) {
      if (status === 200) answered += 1;
      else if (status === 503 && code === "access_unrecorded") refused = true;
      else throw new Error(`of ${place} a read was answered ${status} ${code} after ${answered}`);
    }
  }
  return answered;
}

async function main(folder: string): Promise<void> {
  const data = join(folder, "data");
  const filler = join(folder, "filler");
  const server = await startServer(data, { env: { TALLYSTICK_JOURNAL_RESERVE_BYTES: String(RESERVE_BYTES) } });
  try {
    // Most of it at once, the rest by records.
    const file = openSync(filler, "a");
    while (freeBytes(folder) > 24 * 2 ** 20) writeSync(file, Buffer.alloc(2 ** 20, 1));
    closeSync(file);
    const place = await withBody(server);
    const acknowledged = await fillWithRecords(server);
    fill(filler);
    const full = { free_bytes: freeBytes(folder), refused: (await send(server, acknowledged)).code };
    const before = await leavesOf(server, "access");
    const search = await server.fetch("/api/search?q=service_id:shop&limit=1");
    if (search.status !== 200) throw new Error(`on a full disk a search was answered ${await search.text()}`);
    const answered = 1 + (await readUntilRefused(server, place));
    const recorded = (await leavesOf(server, "access")) - before;
    if (recorded < answered) throw new Error(`${answered} reads were answered and ${recorded} recorded`);
    const refusedChange = await server.fetch("/api/keys", {
      method: "POST",
      body: JSON.stringify({ name: "late", service: "shop" }),
      headers: { "content-type": "application/json" },
    });
    unlinkSync(filler);
    await until(WAIT_MS, "records to be taken again", async () =>
      (await send(server, acknowledged)).status === 200 ? true : undefined,
    );
    await until(WAIT_MS, "reads to be answered again", async () =>
      (await read(server, place)).status === 200 ? true : undefined,
    );
    // The leaf that opens the tree, and the record with the body.
    const kept = (await leavesOf(server, "default")) - 2;
    if (kept < acknowledged + BATCH) throw new Error(`${acknowledged + BATCH} acknowledged, ${kept} there`);
    await server.stop();
    verifyFolder(data);
    const result = { property: "full-disk", file_system_mib: Number(options.mib), reserve_bytes: RESERVE_BYTES };
    const figures = { acknowledged, ...full, reads_answered: answered, reads_recorded: recorded };
    const changed = { a_change_then: refusedChange.status };
    process.stdout.write(`${JSON.stringify({ ...result, ...figures, ...changed, verify: "clean" })}\n`);
  } catch (error) {
    process.stderr.write(`${server.log().slice(-4_000)}\n`);
    await server.kill();
    throw error;
  }
}

const folder = process.env[INSIDE];
if (folder === undefined) enterNamespace();
await main(folder);
