/** What was erased after a backup stays erased in the folder that is restored from it. */
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { verifyProof } from "@tallystick/verify";
import { afterAll, beforeAll, expect, it } from "vitest";

import { folderWork } from "./folder-work.ts";
import { plainFolder } from "./fsck/plain-folder.contract.ts";
import { folderRequest, startTestServer, temporaryFolder, testMachine, withEngine } from "./machine.contract.ts";
import type { TestServer } from "./machine.contract.ts";

const KNOWN = { vkey: null, since: null, integrityKey: null };
const BODY = "a body of eve b7c1e0d2";
const SLIP = "slipped9f31c7";
const KEPT = "a body of dora 55a0";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const at = (name: string) => join(folder.path, name);
const work = () => folderWork(testMachine(withEngine()));

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(at("data"), "control:\n  approvals: never\n", withEngine());
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

interface Answer {
  readonly state: string;
  readonly backups: readonly string[];
  readonly tree: string;
  readonly first_index: number;
}

async function post(path: string, body: unknown): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  const response = await server.fetch(path, { method: "POST", body: JSON.stringify(body), headers });
  return (await response.json()) as Answer;
}

async function opened(place: string): Promise<string> {
  const response = await server.fetch(`/api/records/${place}/payload?part=request&reason=test`);
  const { text, code } = (await response.json()) as { readonly text?: string; readonly code?: string };
  return text ?? code ?? "";
}

const call = { timestamp: "2026-11-26T08:00:00Z", event_type: "API_CALL", service_id: "shop", status: "success" };
const backUp = () => work().backup(folderRequest(at("data")), at("backup"), () => {});

async function restore(to: string, source = at("backup"), erasures: string | null = null) {
  await cp(at("data/kms.key"), at(`${to}/kms.key`));
  const wishes = { source, erasures, acceptLoss: false };
  return work().restore(folderRequest(at(to)), wishes, () => {});
}

it("bodies and leaves that were erased after a backup are in no file of a folder when it is restored, before it serves", async () => {
  const { tree, first_index: first } = await post("/v1/records?wait=published", [
    { ...call, subject_refs: ["eve"], request_body: BODY },
    { ...call, operation: `GET /${SLIP}` },
    { ...call, subject_refs: ["dora"], request_body: KEPT },
  ]);
  const [body, leaf, kept] = [0, 1, 2].map((place) => `${tree}/${first + place}`) as [string, string, string];
  const { proof, leaf: before } = (await (await server.fetch(`/api/records/${leaf}`)).json()) as Record<string, string>;
  await backUp();
  await cp(at("backup"), at("out of reach"), { recursive: true });
  const erased = await post("/api/erasures", { subject: "eve", reason: "Art. 17" });
  expect(erased).toMatchObject({ state: "done", backups: [expect.stringContaining(at("backup"))] });
  const asked = { records: [leaf], leaf: true, reason: "a secret slipped in" };
  expect(await post("/api/erasures", { ...asked, dry_run: true })).toMatchObject({ state: "dry_run" });
  expect(await post("/api/erasures", asked)).toMatchObject({ backups: [expect.stringContaining(at("backup"))] });
  await expect.poll(openErasures, { timeout: 30_000 }).toBe(0);
  // The backup holds the bytes, and word of what must be forgotten.
  expect(await readdir(at("backup/erasures"))).toHaveLength(2);
  await server.close();

  expect(await restore("restored")).toMatchObject({ erasures: 2 });
  // No server has run yet: nothing of it is left to serve.
  await isGone("restored");
  server = await startTestServer(at("restored"), "", withEngine());
  // At once: who asks first is told so, whatever the index has come to.
  expect(await opened(body)).toBe("payload_erased");
  const shown = (await (await server.fetch(`/api/records/${leaf}`)).json()) as { leaf: string; proof: string };
  expect(JSON.stringify(shown)).not.toContain(SLIP);
  expect(await opened(kept)).toBe(KEPT);
  await expect.poll(told, { timeout: 20_000 }).toBe(2);
  const vkeys = ((await (await server.fetch("/api/trees")).json()) as readonly { tree: string; vkey: string }[])
    .filter((one) => one.tree === tree)
    .map((one) => one.vkey);
  expect(await verifyProof({ proof: proof!, leaf: Buffer.from(before!), vkeys })).toMatchObject({ clean: true });
  const found = await (await server.fetch("/api/search?q=service_id:shop")).text();
  expect(found).not.toContain(SLIP);
  expect(found).toContain("dora");
  await server.close();
  const result = await work().verify(folderRequest(at("restored")), KNOWN, () => {});
  expect(result).toMatchObject({ clean: true, faults: [], payloads: { erased: 1, erasedLeaves: 1 } });
  expect((await isGone("restored")).index).toContain("dora");

  // The next backup has none of it left.
  await backUp();
  server = await startTestServer(at("data"), "control:\n  approvals: never\n", withEngine());
  expect(await post("/api/erasures", { subject: "dora", reason: "x", dry_run: true })).toMatchObject({
    backups: [expect.stringContaining(at("backup"))],
  });
  await server.close();
  expect(await restore("again")).toMatchObject({ erasures: 0 });
  const after = await plainFolder(at("again"));
  expect(after.records.includes(BODY) || after.records.includes(SLIP)).toBe(false);
  server = await startTestServer(at("data"), "", withEngine());
}, 90_000);

/** Of what was erased no file has a byte, sealed or not; the rest is there. */
async function isGone(name: string) {
  const plain = await plainFolder(at(name));
  const { records, index, raw } = plain;
  for (const gone of [BODY, SLIP]) for (const text of [records, index, raw]) expect(text.includes(gone)).toBe(false);
  expect(records).toContain(KEPT);
  return plain;
}

/** Erasures that are not carried out yet. */
async function openErasures(): Promise<number> {
  const { approvals } = (await (await server.fetch("/api/approvals")).json()) as {
    readonly approvals: readonly { readonly state: string }[];
  };
  return approvals.filter(({ state }) => state === "approved").length;
}

/** ERASURE records of the two erasures. */
async function told(): Promise<number> {
  const response = await server.fetch("/api/search?q=event_type:ERASURE&own=true");
  return ((await response.json()) as { readonly records?: readonly unknown[] }).records?.length ?? 0;
}

it("a word that the folder's key did not sign is not believed, and one from elsewhere is taken", async () => {
  const [name = ""] = await readdir(at("data/erasures"));
  const text = await readFile(at(`data/erasures/${name}`), "utf8");
  await writeFile(
    at(`backup/erasures/${name}`),
    text.replace("Art. 17", "Art. 18").replace("slipped in", "slipped on"),
  );
  await expect(restore("forged")).rejects.toMatchObject({ code: "payload_damaged" });
  await writeFile(at(`backup/erasures/${name}`), text);
  // A backup that could not be told, and the list brought along.
  expect(await restore("untold", at("out of reach"))).toMatchObject({ erasures: 0 });
  expect(await restore("told", at("out of reach"), at("data/erasures"))).toMatchObject({ erasures: 2 });
});
