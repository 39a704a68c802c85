/**
 * Composition root: alone takes time, randomness, environment, disk and signals from the process, and runs the
 * command line.
 */
import { randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { destination, pino, stdTimeFunctions } from "pino";

import { runCommandLine } from "./cli/program.ts";
import { terminal } from "./cli/terminal.ts";
import { startServer } from "./compose.ts";
import { poolCompute } from "./compute/pool.ts";
import { procProcesses } from "./disk/folder-lock.ts";
import { nodeBulkDisk } from "./disk/node-bulk-disk.ts";
import { nodeDisk } from "./disk/node-disk.ts";
import { errorLine } from "./error-line.ts";
import { folderWork } from "./folder-work.ts";
import { countLeftIndex, openConfiguredIndex } from "./index-home.ts";
import type { Machine } from "./machine.ts";
import { realClock } from "./real-clock.ts";

const WORKERS = 2;
const PIPELINES = fileURLToPath(new URL("../src/detect/pipelines", import.meta.url));

function thisMachine(): Machine {
  // What this process writes is nobody else's affair; the index engine inherits it.
  process.umask(0o077);
  const disk = nodeDisk();
  const clock = realClock();
  const taskSeconds = new Map<string, number>();
  const onTask = (task: string, ms: number): void =>
    void taskSeconds.set(task, (taskSeconds.get(task) ?? 0) + ms / 1_000);
  return {
    disk,
    bulk: nodeBulkDisk(),
    clock,
    random: (length) => randomFillSync(new Uint8Array(length)),
    processes: procProcesses(disk, process.pid),
    openCompute: () => poolCompute({ threads: WORKERS, onTask }),
    taskSeconds: () => taskSeconds,
    pid: process.pid,
    host: hostname(),
    version: ownVersion(),
    rulesFolder: fileURLToPath(new URL("../src/detect/rules", import.meta.url)),
    pipelinesFolder: PIPELINES,
    dashboardFolder: fileURLToPath(new URL("../../dashboard/dist", import.meta.url)),
    openIndex: (request) => openConfiguredIndex(request, disk, process.env),
    countIndex: (place) => countLeftIndex(place, clock, disk, process.env),
    fetch,
    openLog: (level) =>
      pino(
        { level, base: null, timestamp: stdTimeFunctions.isoTime, serializers: { err: errorLine } },
        destination({ fd: 2, sync: true }),
      ),
  };
}

function ownVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

const IMPATIENT_MS = 2_000;
const PARENT_CHECK_MS = 200;

/**
 * The first signal asks for an orderly end. A later one does not wait for it, but not one that comes along with the
 * first: Ctrl-C reaches every process of the terminal, and a parent may pass it on once more.
 */
function onStop(stop: () => void): void {
  if (process.env["npm_command"] === "exec") onLeftBehind(stop);
  let askedAtMs: number | null = null;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      const nowMs = performance.now();
      if (askedAtMs !== null && nowMs - askedAtMs > IMPATIENT_MS) process.exit(signal === "SIGINT" ? 130 : 143);
      askedAtMs ??= nowMs;
      stop();
    });
  }
}

/**
 * npx puts a shell between itself and us, which dies of a signal and does not pass it on. So what npx started stops
 * when the shell is gone.
 */
function onLeftBehind(stop: () => void): void {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop();
  }, PARENT_CHECK_MS);
  watch.unref();
}

function rawOut(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
}

/** To a pipe, what was written may still wait for its reader; ending before that would cut it. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

const machine = thisMachine();
// A reader that has seen enough, as `head`, closes the pipe; that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 2));
// A command that waits for something, as for a server that does not answer, waits although nothing else is going on.
setInterval(() => {}, 2 ** 30);
const exitCode = await runCommandLine(
  {
    terminal: terminal(process.stdout, process.stderr, process.env),
    environment: process.env,
    version: machine.version,
    fetch,
    http: { fetch, wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)) },
    rawOut,
    pipelinesFolder: PIPELINES,
    readStdin: () => text(process.stdin),
    onStop,
    startServer: (request, stopped) => startServer(machine, request, stopped),
    folder: folderWork(machine),
  },
  process.argv.slice(2),
);
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// Idle connections and timers must not hold up the end of a command that is done.
process.exit(exitCode);
