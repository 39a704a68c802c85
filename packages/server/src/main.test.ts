/** The built program as an operator has it: processes, signals, exit codes. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { learnSecret, watchFolder, watchLog } from "./secret-watch.contract.ts";

const BIN = fileURLToPath(new URL("../bin/tallystick.js", import.meta.url));
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
let folder: string;
const running: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tallystick-main-"));
});
afterEach(async () => {
  for (const child of running.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  const token = await readFile(join(folder, "data", "admin.token"), "utf8").catch(() => "");
  if (token !== "") learnSecret(token.trim());
  watchFolder(folder);
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

interface Program {
  readonly child: ChildProcess;
  out(): string;
  err(): string;
  exit(): Promise<number | null>;
}

const run = (...words: readonly string[]) => start(process.execPath, [BIN, ...words]);

function start(program: string, words: readonly string[]): Program {
  const child = spawn(program, words, { cwd: ROOT, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  running.push(child);
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => void (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (err += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => watchLog(chunk.toString()));
  const exited = once(child, "close");
  return { child, out: () => out, err: () => err, exit: async () => (await exited)[0] as number | null };
}

async function until<Value>(what: string, check: () => Value | null | Promise<Value | null>): Promise<Value> {
  const end = performance.now() + 30_000;
  for (;;) {
    const value = await check();
    if (value !== null) return value;
    if (performance.now() > end) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const serve = (...more: readonly string[]) =>
  run("serve", "--data", join(folder, "data"), "--listen", "127.0.0.1:0", ...more);
const urlOf = (program: Program) => until("the server", () => /listening on (\S+)/.exec(program.out())?.[1] ?? null);
async function ready(program: Program): Promise<string> {
  const url = await urlOf(program);
  return until("readiness", async () =>
    (await fetch(`${url}/readyz`).catch(() => null))?.status === 200 ? url : null,
  );
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => {
      try {
        const text = readFileSync(`/proc/${candidate}/stat`, "utf8");
        return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]) === pid;
      } catch {
        return false;
      }
    });
}
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("serve", () => {
  it("says where it listens, the login link and where the token is, and logs to standard error only", async () => {
    const program = serve();
    const url = await ready(program);
    expect(program.out().split("\n")).toEqual([
      `tallystick listening on ${url}`,
      expect.stringMatching(/^dashboard, one-time login: http:\/\/127\.0\.0\.1:\d+\/login\?token=\S+$/),
      `administrator's token: ${join(folder, "data")}/admin.token`,
      "",
    ]);
    for (const line of program.err().trim().split("\n"))
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number) });
    await expectWholeAnswer(url);
  });

  it.each([
    ["to it alone", (pid: number) => process.kill(pid, "SIGTERM")],
    ["to its whole group", (pid: number) => process.kill(-pid, "SIGTERM")],
    ["from a terminal", (pid: number) => process.kill(-pid, "SIGINT")],
  ])("ends with 0 within ten seconds of a signal %s, its engine with it", async (_, signal) => {
    const program = serve();
    const url = await ready(program);
    const token = readFileSync(join(folder, "data/admin.token"), "utf8").trim();
    const engines = childrenOf(program.child.pid!);
    expect(engines).toHaveLength(1);
    // A live tail and a connection kept alive do not hold it up.
    const tail = await fetch(`${url}/api/tail`, { headers: { authorization: `Bearer ${token}` } });
    const began = performance.now();
    signal(program.child.pid!);
    expect(await program.exit()).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(engines.filter(isAlive)).toEqual([]);
    await expect(stat(join(folder, "data/run.json"))).rejects.toThrow();
    await tail.body?.cancel().catch(() => undefined);
  });

  it("ends in order when npx, which started it, was stopped alone", async () => {
    const npx = start("npx", ["tallystick", "serve", "--data", join(folder, "data"), "--listen", "127.0.0.1:0"]);
    await ready(npx);
    const { pid } = JSON.parse(readFileSync(join(folder, "data/run.json"), "utf8")) as { pid: number };
    process.kill(npx.child.pid!, "SIGTERM");
    await until("the server's end", () => (isAlive(pid) ? null : true));
    await expect(stat(join(folder, "data/lock"))).rejects.toThrow();
    expect(npx.err()).toContain('"msg":"stopped"');
  });

  it("ends in order also when the signal comes while it starts", async () => {
    const program = serve();
    await until("the lock", () =>
      stat(join(folder, "data/lock")).then(
        () => true,
        () => null,
      ),
    );
    process.kill(program.child.pid!, "SIGTERM");
    expect(await program.exit()).toBe(0);
    await expect(stat(join(folder, "data/lock"))).rejects.toThrow();
  });

  it("starts again after it was killed, and its engine does not outlive it", async () => {
    const first = serve();
    await ready(first);
    const engines = childrenOf(first.child.pid!);
    process.kill(first.child.pid!, "SIGKILL");
    await first.exit();
    const second = serve();
    await ready(second);
    await until("the first engine's end", () => (engines.some(isAlive) ? null : true));
    process.kill(second.child.pid!, "SIGTERM");
    expect(await second.exit()).toBe(0);
  });

  it("ends with 2 when it cannot start, with a sentence and no stack", async () => {
    const program = serve("--listen", "0.0.0.0:0");
    expect(await program.exit()).toBe(2);
    expect(program.err()).toContain("--insecure-network");
    expect(program.err()).not.toContain("    at ");
    expect(program.out()).toBe("");
  });
});

/** More than a pipe holds: a command that ends before its reader has read on would cut it. */
async function expectWholeAnswer(url: string): Promise<void> {
  const token = readFileSync(join(folder, "data/admin.token"), "utf8").trim();
  const records = Array.from({ length: 300 }, (_, place) => ({ ...CALL, request_id: `call-${place}` }));
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  await fetch(`${url}/v1/records`, { method: "POST", headers, body: JSON.stringify(records) });
  await until("the records", async () => {
    const asked = run("search", "service_id:whole", "--data", join(folder, "data"), "--limit", "1000", "--json");
    expect(await asked.exit()).toBe(0);
    const answer = JSON.parse(asked.out()) as { readonly records: readonly unknown[] };
    return answer.records.length === records.length ? true : null;
  });
}

const CALL = {
  timestamp: "2026-11-27T08:20:43Z",
  event_type: "API_CALL",
  service_id: "whole",
  target_id: "service-b",
  status: "success",
  error_message: "x".repeat(500),
};

describe("the program", () => {
  it("prints help for a pipe that closes early without complaint", async () => {
    const program = run("--help");
    program.child.stdout?.destroy();
    expect(await program.exit()).toBe(0);
    expect(program.err()).toBe("");
  });
});
