import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { parseNote, verifierKey } from "@tallystick/tlog";
import { verifyProof, verifyServer } from "@tallystick/verify";

import { nodeDisk } from "./disk/node-disk.ts";
import { folderWork } from "./folder-work.ts";
import { openFileKms } from "./kms/file-kms.ts";
import { openKeyring } from "./kms/keyring.ts";
import { folderRequest, startTestServer, temporaryFolder, testMachine } from "./machine.contract.ts";
import type { TestServer } from "./machine.contract.ts";
import { realClock } from "./real-clock.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const asJson = { "content-type": "application/json" };
const http = { fetch, wait: () => Promise.resolve() };
const tree = () => `default/${new Date().toISOString().slice(0, 7)}`;

async function send(server: TestServer): Promise<void> {
  const timestamp = "2026-11-26T08:00:00Z";
  const record = { timestamp, event_type: "API_CALL", service_id: "a", status: "success" };
  const body = JSON.stringify(record);
  expect((await server.fetch("/v1/records?wait=published", { method: "POST", body, headers: asJson })).status).toBe(
    200,
  );
}

async function keyOf(server: TestServer): Promise<string> {
  const trees = (await (await server.fetch("/api/trees")).json()) as { tree: string; vkey: string }[];
  return trees.find((one) => one.tree === tree())!.vkey;
}

interface Proven {
  readonly leaf: string;
  readonly proof: string;
}

async function rotate(server: TestServer, overlapS: number): Promise<{ before: string; after: string }> {
  const body = JSON.stringify({ overlap_s: overlapS });
  const response = await server.fetch("/api/signing-key/rotate", { method: "POST", body, headers: asJson });
  expect(response.status).toBe(200);
  return (await response.json()) as { before: string; after: string };
}

async function signatures(server: TestServer): Promise<number> {
  const note = parseNote(await (await server.fetch(`/trees/${tree()}/checkpoint`)).text());
  return note.kind === "ok" ? note.value.signatures.length : 0;
}

async function strangers(server: TestServer, vkey: string) {
  const { url } = server;
  const [public_, reader] = await Promise.all([
    verifyServer({ url, vkeys: [vkey], http }),
    verifyServer({ url, vkeys: [vkey], token: server.adminToken, http }),
  ]);
  return [public_, reader].map(({ clean, anchored, faults }) => ({
    clean,
    anchored,
    codes: faults.map(({ code }) => code),
  }));
}
const FOLLOWED = [
  { clean: true, anchored: true, codes: [] },
  { clean: true, anchored: true, codes: [] },
];

describe("the key that signs checkpoints", () => {
  test("makes way for another: both sign for a while, then the new one, and who knew any of them follows", async () => {
    const path = join(folder.path, "rotated");
    let server = await startTestServer(path);
    await send(server);
    const first = await keyOf(server);
    const kept = await (await server.fetch(`/trees/${tree()}/checkpoint`)).text();

    await rotate(server, 3_600);
    await send(server);
    expect(await signatures(server)).toBe(2);
    const second = await keyOf(server);
    expect(second).not.toBe(first);
    for (const vkey of [first, second]) expect(await strangers(server, vkey)).toEqual(FOLLOWED);

    // A second rotation without an overlap; the first key's time is not over, the second's is.
    await rotate(server, 0);
    server = await server.restart();
    await send(server);
    expect(await signatures(server)).toBe(2);
    const third = await keyOf(server);
    for (const vkey of [first, second, third]) expect(await strangers(server, vkey)).toEqual(FOLLOWED);
    const { leaf, proof } = (await (await server.fetch(`/api/records/${tree()}/0`)).json()) as Proven;
    for (const vkey of [first, second, third])
      expect(await verifyProof({ proof, leaf: Buffer.from(leaf), vkeys: [vkey] })).toMatchObject({ clean: true });
    // What was kept under the first key is still compared with, by who takes the server's own word for its key.
    const since = await verifyServer({ url: server.url, since: [kept], http });
    expect(since).toMatchObject({ clean: true });
    const other = verifierKey(
      `${first.split("/")[0]}/${first.split("+")[0]!.split("/").slice(1).join("/")}`,
      randomBytes(32),
    );
    expect((await strangers(server, other))[0]).toMatchObject({ clean: false });
    await server.close();

    const work = folderWork(testMachine());
    for (const vkey of [null, first, second, third]) {
      const known = { vkey, since: vkey === null ? Buffer.from(kept) : null, integrityKey: null };
      const result = await work.verify(folderRequest(path), known, () => {});
      expect(result.faults, String(vkey)).toEqual([]);
    }
    const result = await work.verify(folderRequest(path), { vkey: other, since: null, integrityKey: null }, () => {});
    expect(result.faults.map(({ code }) => code)).toContain("key_mismatch");
  });

  test("that was rotated by a server which died before it told the log, is told by the next start, once", async () => {
    const path = join(folder.path, "killed");
    const server = await startTestServer(path);
    await send(server);
    const first = await keyOf(server);
    await server.close();
    const disk = nodeDisk();
    const kms = (await openFileKms(disk, join(path, "kms.key"), randomBytes))!;
    const keyring = openKeyring({ disk, folder: join(path, "keys"), kms, clock: realClock(), randomBytes });
    const origin = first.split("+")[0]!.replace(`/${tree()}`, "");
    await keyring.succeedSigner(origin, 0);

    const told = async (running: TestServer) =>
      (await (await running.fetch(`/trees/${tree()}/chain`)).text()).split("KEY_SUCCESSION").length - 1;
    const next = await startTestServer(path);
    await send(next);
    expect(await told(next)).toBe(1);
    expect(await signatures(next)).toBe(1);
    expect(await strangers(next, first)).toEqual(FOLLOWED);
    await next.close();
    const again = await startTestServer(path);
    await send(again);
    expect(await told(again)).toBe(1);
    await again.close();
  });
});
