/**
 * A real `tallystick serve` in a process group of its own, for benches and whole-system tests. Every process started
 * here is ended here.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { learnSecret, watchAnswer, watchLog } from "../packages/server/src/secret-watch.contract.ts";

export const BIN = fileURLToPath(new URL("../packages/server/bin/tallystick.js", import.meta.url));
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const POLL_MS = 20;

export interface RunningServer {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly process: ChildProcess;
  /** Process ids of the server's children (the index engine). */
  children(): readonly number[];
  /** SIGKILL to the server alone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  json<T>(path: string, init?: RequestInit): Promise<T>;
  /** The server's standard error so far. */
  log(): string;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The way to a server whose certificate the machine does not know. */
  readonly fetch?: typeof globalThis.fetch;
}

export async function startServer(data: string, options: StartOptions = {}): Promise<RunningServer> {
  const args = ["serve", "--data", data, "--listen", "127.0.0.1:0", ...(options.args ?? [])];
  const child = spawn(BIN, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  let out = "";
  let errors = "";
  child.stdout?.on("data", (chunk: Buffer) => void (out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => watchLog(chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => void (errors = (errors + chunk.toString()).slice(-200_000)));
  const url = await until(START_TIMEOUT_MS, `server to listen\n${errors}`, () => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${errors}`);
    return /listening on (https?:\/\/\S+)/.exec(out)?.[1];
  });
  const token = readFileSync(join(data, "admin.token"), "utf8").trim();
  learnSecret(token);
  const fetch = options.fetch ?? globalThis.fetch;
  const server = handle(child, url, token, () => errors, fetch);
  await until(START_TIMEOUT_MS, "server to be ready", async () => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${errors}`);
    return (await fetch(`${url}/readyz`).catch(() => null))?.status === 200 ? true : undefined;
  });
  return server;
}

function handle(
  child: ChildProcess,
  url: string,
  token: string,
  log: () => string,
  fetch: typeof globalThis.fetch,
): RunningServer {
  const pid = child.pid ?? 0;
  const ended = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.exitCode;
  };
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${token}`);
    const response = await fetch(`${url}${path}`, { ...init, headers });
    watchAnswer(path, init, response);
    return response;
  };
  return {
    url,
    token,
    pid,
    process: child,
    children: () => childrenOf(pid),
    async kill() {
      child.kill("SIGKILL");
      await ended();
    },
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      const code = await ended();
      clearTimeout(late);
      return code;
    },
    fetch: call,
    async json<T>(path: string, init?: RequestInit): Promise<T> {
      const response = await call(path, init);
      if (!response.ok) throw new Error(`${path}: ${response.status} ${(await response.text()).slice(0, 500)}`);
      return (await response.json()) as T;
    },
    log,
  };
}

/** A look takes no longer than this, as far as the wait is concerned: a machine that stood still has not waited. */
const LOOK_MAX_MS = 1_000;

/** Waits for a condition; throws with `what` after `timeoutMs`. */
export async function until<T>(
  timeoutMs: number,
  what: string,
  check: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  let waitedMs = 0;
  for (;;) {
    const startedMs = performance.now();
    const found = await check();
    if (found !== undefined) return found;
    if (waitedMs > timeoutMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    waitedMs += Math.min(performance.now() - startedMs, LOOK_MAX_MS);
  }
}

/** For `until`: an engine that is starting, or has much to do, answers later (503, 504). */
export function notYet(error: unknown): undefined {
  if (!/: 50[34] /.test(String(error))) throw error;
}

/** Waits until all that is journaled is published and indexed; an engine that is being restarted is waited for. */
export async function caughtUp(server: RunningServer, timeoutMs: number): Promise<void> {
  await until(timeoutMs, "ledger and index to catch up", async () => {
    const response = await server.fetch("/api/status");
    if (!response.ok) return undefined;
    const { trees } = (await response.json()) as Status;
    const behind = trees.some((tree) => tree.published < tree.journaled || tree.indexed < tree.journaled);
    return behind ? undefined : true;
  });
}

interface Status {
  readonly trees: readonly { readonly journaled: number; readonly published: number; readonly indexed: number }[];
}

/** Throws with what `verify` said unless it finds the folder of a stopped server clean. */
export function verifyFolder(data: string): void {
  const done = spawnSync(process.execPath, [BIN, "verify", data, "--json"], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`verify ended with ${done.status}:\n${done.stdout}\n${done.stderr}`);
}

export function childrenOf(pid: number): readonly number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || !existsSync(`/proc/${name}/stat`)) continue;
    const parent = statFields(Number(name))?.[1];
    if (parent === String(pid)) found.push(Number(name), ...childrenOf(Number(name)));
  }
  return found;
}

/** Fields of /proc/<pid>/stat after the command's name: state, ppid, …; null when the process is gone. */
export function statFields(pid: number): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
