/**
 * A whole server on a disk that is full: it stays readable, each read is recorded in the space that is reserved for
 * that, and when that is used up reads answer 503 and say why. On real files of any user, with a quota at the seam;
 * `npm run integrity -- full-disk` shows the same with the engine, on a small file system of its own.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { bulkOver } from "../disk/bulk-disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { quotaDisk } from "../disk/quota-disk.contract.ts";
import type { QuotaDisk } from "../disk/quota-disk.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

const CAPACITY = 32 * 1024 * 1024;
const RESERVE = 1024 * 1024;
const MOST_READS = 20_000;
const AT_ONCE = 16;
const REASON_BYTES = 700;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let disk: QuotaDisk;
let place: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  disk = quotaDisk(nodeDisk(), CAPACITY);
  const yaml = `journal:\n  reserve_bytes: ${RESERVE}\n`;
  server = await startTestServer(folder.path, yaml, { ...withEngine(), disk, bulk: bulkOver(disk) });
  await vi.waitUntil(async () => (await server.fetch("/readyz")).status === 200, { timeout: 30_000 });
  const answer = (await (await send()).json()) as { readonly tree: string; readonly first_index: number };
  place = `${answer.tree}/${answer.first_index}`;
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const RECORD = {
  request_body: "a body",
  timestamp: "2026-11-26T08:00:00Z",
  event_type: "API_CALL",
  service_id: "shop",
  status: "success",
};
const send = () =>
  server.fetch("/v1/records", {
    method: "POST",
    body: JSON.stringify(RECORD),
    headers: { "content-type": "application/json" },
  });
/** For another reason each time, so that no codec makes its record small. */
const read = () => {
  const reason = randomBytes(REASON_BYTES).toString("base64url");
  return server.fetch(`/api/records/${place}/payload?part=request&reason=${reason}`);
};
const keyMade = (name: string) =>
  server.fetch("/api/keys", {
    method: "POST",
    body: JSON.stringify({ name, service: "shop" }),
    headers: { "content-type": "application/json" },
  });

interface Status {
  readonly disk: { readonly free_bytes: number };
  readonly intake: { readonly refused: readonly object[] };
}
const status = async () => (await (await server.fetch("/api/status")).json()) as Status;

async function accesses(): Promise<number> {
  const metrics = await (await server.fetch("/metrics")).text();
  const found = /^tallystick_tree_journaled_leaves\{tree="access\/[^"]*"\} (\d+)$/m.exec(metrics);
  return Number(found?.[1] ?? 0);
}

it("is read and changed by people, each time recorded, until the reserve is used up, and goes on when there is space", async () => {
  disk.takeRest(0);
  const refused = await send();
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([503, "journal_full"]);
  expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
  // Readers stay behind a balancer, and whoever watches is told that nothing is taken and why.
  const refusal = { reason: "full", says: "There is no space for new records." };
  const ready = await server.fetch("/readyz");
  expect([ready.status, await ready.json()]).toEqual([200, { status: "ok", intake: { state: "refused", ...refusal } }]);
  const { disk: shown, intake } = await status();
  expect(intake.refused).toContainEqual({ log: "default", ...refusal });
  expect(shown.free_bytes).toBeLessThan(1_048_576);
  const metrics = await (await server.fetch("/metrics")).text();
  expect(metrics).toMatch(/^tallystick_disk_free_bytes \d+$/m);
  expect(metrics).toMatch(/^tallystick_intake_refused\{log="default",reason="full"\} 1$/m);
  const before = await accesses();
  expect((await read()).status).toBe(200);
  expect((await keyMade("on-a-full-disk")).status).toBe(201);
  expect(await accesses()).toBeGreaterThan(before);

  let answered = 0;
  let last: Response | null = null;
  while (answered < MOST_READS && last === null) {
    for (const response of await Promise.all(Array.from({ length: AT_ONCE }, read))) {
      if (response.status === 200) answered += 1;
      else last = response;
    }
  }
  expect(last?.status).toBe(503);
  expect(await last!.json()).toMatchObject({ code: "access_unrecorded" });
  // Not one was answered that is not recorded.
  expect(await accesses()).toBeGreaterThanOrEqual(before + 1 + answered);
  expect((await server.fetch("/healthz")).status).toBe(200);

  disk.giveBack();
  await expect.poll(async () => (await send()).status, { timeout: 30_000 }).toBe(200);
  await expect.poll(async () => (await read()).status, { timeout: 30_000 }).toBe(200);
  expect(await (await server.fetch("/readyz")).json()).toEqual({ status: "ok", intake: { state: "open" } });
  await expect.poll(async () => (await status()).intake.refused, { timeout: 30_000 }).toEqual([]);
}, 90_000);
