import type { RunningServer } from "../../integrity/running-server.ts";

/** A key as a collector has one: it may carry the halves of every service. */
export async function collectorKey(server: RunningServer): Promise<string> {
  const body = JSON.stringify({ name: "collector", relay: true, services: "*" });
  const headers = { "content-type": "application/json" };
  const { secret } = await server.json<{ readonly secret: string }>("/api/keys", { method: "POST", headers, body });
  return secret;
}
