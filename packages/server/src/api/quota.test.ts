/** Quotas of keys, from the command that sets them to the answer, the figures and the record of it. */
import { decodeLeaf } from "@tallystick/record";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let data: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  server = await startTestServer(data);
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const RECORD = {
  timestamp: "2023-10-05T08:20:43Z",
  event_type: "API_CALL",
  service_id: "orders",
  status: "success",
};

async function makeKey(name: string, ...options: readonly string[]): Promise<string> {
  const words = ["keys", "create", "--name", name, "--service", "orders", "--json", "--data", data, ...options];
  return (await runLine(words)).json<{ readonly secret: string }>().secret;
}

function send(secret: string, records: number, path = "/v1/records"): Promise<Response> {
  const body = path === "/v1/records" ? JSON.stringify(Array.from({ length: records }, () => RECORD)) : "{}";
  const headers = { "content-type": "application/json" };
  return server.fetch(path, { method: "POST", body, headers, authorization: `Bearer ${secret}` });
}

describe("a quota", () => {
  it("of records a second answers 429 with the time to wait, stores nothing then, and is raised once", async () => {
    const secret = await makeKey("fast", "--records-per-second", "5");
    expect((await send(secret, 50)).status).toBe(200);
    for (let again = 0; again < 3; again++) {
      const refused = await send(secret, 1);
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(1);
      expect(await refused.text()).toContain("key:fast has used up its quota records_per_second.");
    }
    expect((await send(secret, 0, "/v1/traces")).status).toBe(429);
    const metrics = await (await server.fetch("/metrics")).text();
    expect(metrics).toContain('tallystick_quota_refused_total{principal="key:fast",quota="records_per_second"} 4');
    expect(await raised()).toEqual([["key:fast", "quota/records_per_second", "1"]]);
  });

  it("of bytes a day is never exceeded, is set anew at once, and counts over a restart", async () => {
    const secret = await makeKey("daily", "--bytes-per-day", "300");
    expect((await send(secret, 2)).status).toBe(200);
    const refused = await send(secret, 2);
    expect([refused.status, Number(refused.headers.get("retry-after")) <= 86_400]).toEqual([429, true]);
    server = await server.restart();
    expect((await send(secret, 2)).status).toBe(429);
    const words = ["keys", "quota", "daily", "--bytes-per-day", "100000", "--data", data];
    expect((await runLine(words)).out).toContain("quota of daily: 100,000 bytes per day");
    expect((await send(secret, 2)).status).toBe(200);
    const shown = await runLine(["keys", "quotas", "--data", data]);
    expect(shown.out).toMatch(/key:daily +100,000 +\d{3} +1\n/);
    server = await server.restart();
    const keys = (await runLine(["keys", "list", "--json", "--data", data])).json<{ keys: readonly object[] }>().keys;
    expect(keys).toContainEqual(
      expect.objectContaining({ name: "daily", bytes_per_day: 100_000, records_per_second: null }),
    );
    expect((await runLine(["keys", "quota", "daily", "--data", data])).out).toContain("quota of daily: none");
  });

  it("that means nothing is refused", async () => {
    const create = ["keys", "create", "--name", "odd", "--data", data];
    expect((await runLine([...create, "--service", "a", "--bytes-per-day", "0"])).err).toContain("--bytes-per-day");
    const reader = await runLine([...create, "--role", "viewer", "--records-per-second", "5"]);
    expect(reader.err).toContain("Only a producer's key has a quota");
    expect((await runLine(["keys", "quota", "nobody", "--data", data])).err).toContain("no key nobody");
  });
});

async function raised(): Promise<readonly (readonly unknown[])[]> {
  const found = [];
  for (let index = 0; ; index++) {
    const response = await server.fetch(`/api/records/control/${new Date().toISOString().slice(0, 7)}/${index}`);
    if (response.status !== 200) return found;
    const { record } = decodeLeaf(Buffer.from(((await response.json()) as { readonly leaf: string }).leaf));
    if (record.event_type === "ALERT")
      found.push([record.auth_subject, record.resource, record.attributes?.["tallystick.count"]]);
  }
}
