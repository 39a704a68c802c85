/** An epoch leaves the index before the log, stays proven, and comes back for a time. */
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { realClock } from "../real-clock.ts";

const DAY_US = 86_400_000_000;
const YAML = "ledger: {epoch: day}\nindex: {keep: 1 day}\n";
const WAIT = { timeout: 40_000, interval: 200 };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let days = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
  const real = realClock();
  const clock = { ...real, nowUs: () => real.nowUs() + days * DAY_US };
  server = await startTestServer(folder.path, YAML, { ...withEngine(), clock });
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

async function post<Result>(path: string, body: object): Promise<Result> {
  const headers = { "content-type": "application/json" };
  const response = await server.fetch(path, { method: "POST", body: JSON.stringify(body), headers });
  expect([path, response.ok]).toEqual([path, true]);
  return (await response.json()) as Result;
}

const send = (request: string) =>
  post<{ readonly tree: string; readonly first_index: number }>("/v1/records?wait=published", {
    timestamp: new Date(Date.now() + days * 86_400_000).toISOString(),
    event_type: "API_CALL",
    service_id: "shop",
    request_id: request,
    status: "success",
  });

async function found(request: string): Promise<number | null> {
  const response = await server.fetch(`/api/search?q=request_id:${request}`);
  const { records } = (await response.json()) as { readonly records?: readonly unknown[] };
  return records?.length ?? null;
}

async function isIndexed(tree: string): Promise<boolean | undefined> {
  const { trees } = (await (await server.fetch("/api/retention/plan")).json()) as {
    readonly trees: readonly { readonly tree: string; readonly indexed: boolean }[];
  };
  return trees.find((one) => one.tree === tree)?.indexed;
}

it("is searched again after `reindex --epoch`, stays over clean-ups and a restart, and goes when its time is over", async () => {
  const { tree, first_index: index } = await send("r-old");
  await expect.poll(() => found("r-old"), WAIT).toBe(1);
  days += 1;
  expect((await send("r-new")).tree).not.toBe(tree);
  days += 2;
  await post("/api/retention/run", {});
  await expect.poll(() => found("r-old"), WAIT).toBe(0);
  expect(await isIndexed(tree)).toBe(false);
  const kept = (await (await server.fetch(`/api/records/${tree}/${index}`)).json()) as Record<string, unknown>;
  expect(kept).toMatchObject({
    record: { request_id: "r-old" },
    proof: expect.stringContaining("tlog-proof") as string,
  });

  await post("/api/retention/index", { tree, for: "2 days" });
  await expect.poll(() => found("r-old"), WAIT).toBe(1);
  expect(await isIndexed(tree)).toBe(true);
  for (const when of ["at once", "a day later"]) {
    if (when === "a day later") days += 1;
    await post("/api/retention/run", {});
    // The pass has ended when the next one was begun.
    await post("/api/retention/run", {});
    await expect.poll(() => isIndexed(tree), WAIT).toBe(true);
    expect([when, await found("r-old")]).toEqual([when, 1]);
  }
  server = await server.restart();
  await expect.poll(() => found("r-old"), WAIT).toBe(1);

  days += 2;
  await post("/api/retention/run", {});
  await expect.poll(() => found("r-old"), WAIT).toBe(0);
  const told = async () => (await server.fetch("/api/search?own=true&q=event_type:CONFIG_CHANGE")).text();
  await expect.poll(told, WAIT).toContain(tree);
}, 120_000);
