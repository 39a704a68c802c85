import { setTimeout as pause } from "node:timers/promises";
import type { RunningServer } from "./running-server.ts";

export const VICTIMS = ["server", "engine", "both"] as const;
export type Victim = (typeof VICTIMS)[number];

/** SIGKILL to the server, its index engine, or both; resolves when a killed server is gone. */
export async function killVictim(server: RunningServer, victim: Victim): Promise<void> {
  const engines = server.children();
  if (victim !== "server") for (const pid of engines) killProcess(pid);
  if (victim !== "engine") await server.kill();
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}

/** A folder and the server that runs on it at the moment. */
export interface Home {
  readonly folder: string;
  /** Of the key that records are sent with. */
  readonly token: string;
  server: RunningServer;
}

const RESEND_MS = 50;

/** NDJSON until it is acknowledged, by whichever server runs by then. */
export async function deliver(home: Home, body: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
  const headers = { "content-type": "application/x-ndjson", authorization: `Bearer ${home.token}`, ...more };
  for (;;) {
    const { server } = home;
    const response = await server.fetch("/v1/records", { method: "POST", headers, body }).catch(() => null);
    const text = await response?.text().catch(() => null);
    if (response?.status === 200 && text !== null) return;
    const isGone = server.process.exitCode !== null || server.process.signalCode !== null || server !== home.server;
    const isRefused = response !== null && response.status !== 503 && response.status !== 200;
    if (isRefused && !isGone) throw new Error(`answered ${response.status}: ${text?.slice(0, 300)}`);
    await pause(RESEND_MS);
  }
}

export interface Killing {
  readonly kills: number;
  /** Mean time from a start to the next kill. */
  readonly lifeMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly start: (folder: string) => Promise<RunningServer>;
}

/** One victim after the other, each after a life of its own; a server that was killed is started again. */
export async function killAtRandom(home: Home, { kills, lifeMs, random, start }: Killing): Promise<void> {
  for (let kill = 1; kill <= kills; kill += 1) {
    await pause(lifeMs * (0.3 + random() * 1.4));
    const victim = VICTIMS[Math.floor(random() * VICTIMS.length)]!;
    await killVictim(home.server, victim);
    if (victim !== "engine") home.server = await start(home.folder);
    process.stderr.write(`kill ${kill}/${kills}: ${victim}\n`);
  }
}
