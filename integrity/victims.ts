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
