/**
 * A machine for tests: a real disk in a temporary folder, tasks on the calling thread, and, unless asked for, an
 * index that is never there.
 */
import { randomFillSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";

import type { FolderRequest, RunningServer } from "./cli/parts.ts";
import { startServer } from "./compose.ts";
import { inlineCompute } from "./compute/inline.ts";
import { readConfig } from "./config/config.ts";
import { procProcesses } from "./disk/folder-lock.ts";
import { nodeBulkDisk } from "./disk/node-bulk-disk.ts";
import { nodeDisk } from "./disk/node-disk.ts";
import { TallystickError } from "./errors.ts";
import { openConfiguredIndex } from "./index-home.ts";
import type { Deriver } from "./index/derived-tables.ts";
import type { IndexReader } from "./index/index-seam.ts";
import type { Index } from "./index/open-index.ts";
import type { Machine } from "./machine.ts";
import { realClock } from "./real-clock.ts";
import { isWatching, learnSecret, watchAnswer, watchFolder, watchLog } from "./secret-watch.contract.ts";

/** Answers as an engine that is down: for tests of everything else. */
export function absentIndex(): Index {
  const down = () => new TallystickError("index_unavailable", "The index is starting.");
  const deriver: Deriver = {
    prepare: () => Promise.reject(down()),
    derive: () => Promise.reject(down()),
    select: () => Promise.reject(down()),
    empty: () => Promise.reject(down()),
    remove: () => Promise.reject(down()),
    generation: () => 0,
    isUp: () => false,
  };
  const reader: IndexReader = {
    select: () => Promise.reject(down()),
    // eslint-disable-next-line require-yield
    async *stream() {
      throw down();
    },
  };
  return {
    reader,
    queries: { underWay: 0, stopped: 0 },
    background: reader,
    prompt: reader,
    follower: {
      positions: () => [],
      onIndexed: () => () => {},
      caughtUp: () => Promise.reject(down()),
      state: () => "starting",
      close: async () => {},
    },
    deriver,
    deriverOf: () => deriver,
    lagRecords: () => 0,
    reindex: () => Promise.reject(down()),
    prune: async () => {},
    replaceLeaves: () => Promise.reject(down()),
    trouble: () => null,
    enginePid: () => null,
    engineAddress: () => null,
    close: async () => {},
  };
}

export function testMachine(parts: Partial<Machine> = {}): Machine {
  const disk = nodeDisk();
  return {
    disk,
    bulk: nodeBulkDisk(),
    clock: realClock(),
    random: (length) => randomFillSync(new Uint8Array(length)),
    processes: procProcesses(disk, process.pid),
    openCompute: inlineCompute,
    taskSeconds: () => new Map(),
    openIndex: async () => absentIndex(),
    countIndex: () => Promise.reject(new TallystickError("index_unavailable", "There is no index.")),
    pid: process.pid,
    host: "test",
    version: "0.0.0-test",
    rulesFolder: join(tmpdir(), "tallystick-no-rules"),
    pipelinesFolder: join(tmpdir(), "tallystick-no-pipelines"),
    dashboardFolder: join(tmpdir(), "tallystick-no-dashboard"),
    fetch,
    passwordCost: { logN: 4, r: 8, p: 1 },
    openLog: () => (isWatching ? pino({ level: "debug" }, { write: watchLog }) : pino({ level: "silent" })),
    ...parts,
  };
}

/** The embedded engine, as a server has it: for tests of what reads the index. */
export function withEngine(): Partial<Machine> {
  const disk = nodeDisk();
  return { openIndex: (request) => openConfiguredIndex(request, disk, process.env) };
}

export interface TestServer extends RunningServer {
  /** With the administrator's token unless `authorization` is given; null sends none. */
  fetch(path: string, init?: RequestInit & { readonly authorization?: string | null }): Promise<Response>;
  /** Stops the server and starts it again on the same folder. */
  restart(): Promise<TestServer>;
}

/** Hundreds of servers in tests would each write it. */
const NO_RESERVE = { TALLYSTICK_JOURNAL_RESERVE_BYTES: "0" };

export function folderRequest(folder: string, yaml = ""): FolderRequest {
  const text = `http:\n  listen: 127.0.0.1:0\n${yaml}`;
  return {
    folder,
    config: readConfig({
      file: { name: "test.yaml", text },
      environment: yaml.includes("reserve_bytes") ? {} : NO_RESERVE,
      options: [],
    }),
    base: folder,
  };
}

export async function startTestServer(folder: string, yaml = "", parts: Partial<Machine> = {}): Promise<TestServer> {
  const server = await startServer(testMachine(parts), folderRequest(folder, yaml));
  learnSecret(server.adminToken);
  return {
    ...server,
    loginLink: () => server.loginLink(),
    close: () => server.close(),
    async fetch(path, { authorization = `Bearer ${server.adminToken}`, ...init } = {}) {
      const headers = new Headers(init.headers);
      if (authorization !== null) headers.set("authorization", authorization);
      const response = await fetch(`${server.url}${path}`, { redirect: "manual", ...init, headers });
      watchAnswer(path, init, response);
      return response;
    },
    async restart() {
      await server.close();
      return startTestServer(folder, yaml, parts);
    },
  };
}

export async function temporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "tallystick-test-"));
  return {
    path,
    async remove() {
      watchFolder(path);
      await rm(path, { recursive: true, force: true });
    },
  };
}
