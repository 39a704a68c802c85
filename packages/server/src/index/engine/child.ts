/**
 * The engine process: opens the folder, answers on loopback and says on standard output where. It ends when the pipe
 * from the server closes, and only then: SIGTERM and SIGINT reach the whole process group and are the server's to
 * decide on. Killing it at any moment is safe, since parts are written beside their place and renamed, and the
 * follower compares with the journal at each start.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ENGINE_DRAIN_MS, ENGINE_LOCK_RETRY_MS, ENGINE_LOCK_WAIT_MS, ENGINE_MAX_WAITING } from "../limits.ts";
import { OPTIONS_VARIABLE } from "./child-options.ts";
import type { ChildMessage, ChildOptions } from "./child-options.ts";
import { DISK_KEY_VARIABLE, engineConfig } from "./engine-config.ts";
import { engineServer } from "./protocol.ts";
import { openEngine } from "./sessions.ts";
import type { Engine, EngineOptions } from "./sessions.ts";

const say = (message: ChildMessage): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** False only when the machine's list of locks says so: then waiting is of no use. */
function mayBeHeld(folder: string): boolean {
  const status = join(folder, "status");
  if (!existsSync(status)) return false;
  if (!existsSync("/proc/locks")) return true;
  const inode = String(statSync(status).ino);
  return readFileSync("/proc/locks", "utf8").split(/[\s:]/).includes(inode);
}

/** Waits for an old engine that has not yet let go of the folder. */
async function openWhenFree(options: EngineOptions): Promise<Engine> {
  const deadline = Date.now() + ENGINE_LOCK_WAIT_MS;
  for (;;) {
    try {
      return openEngine(options);
    } catch (error) {
      if (Date.now() >= deadline || !mayBeHeld(options.folder)) throw error;
      await pause(ENGINE_LOCK_RETRY_MS);
    }
  }
}

/** The end of the pipe is the order to stop: what runs may finish, for a moment. */
function endWithPipe(server: Server): void {
  process.stdin.resume();
  const end = (): void => {
    server.close(() => process.kill(process.pid, "SIGKILL"));
    server.closeIdleConnections();
    setTimeout(() => process.kill(process.pid, "SIGKILL"), ENGINE_DRAIN_MS);
  };
  process.stdin.once("end", end);
  process.stdin.once("error", end);
}

async function main(): Promise<void> {
  process.umask(0o077);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  const options = JSON.parse(process.env[OPTIONS_VARIABLE] ?? "{}") as ChildOptions;
  delete process.env[OPTIONS_VARIABLE];
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const configFile = join(options.folder, "engine.xml");
  writeFileSync(configFile, engineConfig(options), { mode: 0o600 });
  const engine = await openWhenFree({
    folder: join(options.folder, "engine"),
    configFile,
    database: options.database,
    readers: options.readers,
    maxWaiting: ENGINE_MAX_WAITING,
  });
  delete process.env[DISK_KEY_VARIABLE];
  const server = engineServer(engine, options.password);
  server.listen(0, "127.0.0.1", () => {
    endWithPipe(server);
    say({ kind: "listening", port: (server.address() as AddressInfo).port });
  });
}

main().catch((error: unknown) => {
  say({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
  process.stdin.destroy();
});
