import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { folderWork } from "./folder-work.ts";
import { softHsm } from "./kms/softhsm.contract.ts";
import { folderRequest, startTestServer, temporaryFolder, testMachine } from "./machine.contract.ts";

const hsm = softHsm();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  hsm.remove();
  await folder.remove();
});

const HSM = `kms:
  provider: pkcs11
  pkcs11: {module: ${hsm.module}, token: ${hsm.token}, pin_file: ${hsm.pinFile}}
`;
const work = folderWork(testMachine());
const nothing = { vkey: null, since: null, integrityKey: null };

async function wrappedUnder(path: string): Promise<ReadonlySet<string>> {
  const files = await readdir(join(path, "keys"));
  const texts = await Promise.all(files.map((file) => readFile(join(path, "keys", file), "utf8")));
  return new Set(texts.map((text) => (JSON.parse(text) as { kms: string }).kms));
}

async function segments(path: string): Promise<string> {
  const files = (await readdir(join(path, "journal"), { recursive: true })).filter((name) => name.endsWith(".seg"));
  const bytes = await Promise.all(files.sort().map((file) => readFile(join(path, "journal", file), "hex")));
  return bytes.join("\n");
}

describe("the keys of a folder", () => {
  test("rotate while the server runs and while it does not, are recorded, and no segment changes", async () => {
    const path = join(folder.path, "rotated");
    const server = await startTestServer(path);
    const rotated = await server.fetch("/api/kms/rotate", { method: "POST" });
    expect(rotated.status).toBe(200);
    const first = (await rotated.json()) as { before: string; kms: string; keys: number };
    expect(first.kms).not.toBe(first.before);
    await server.close();
    expect(await wrappedUnder(path)).toEqual(new Set([first.kms]));
    const before = await segments(path);

    const second = await work.rotate(folderRequest(path));
    expect(second.before).toBe(first.kms);
    expect(await wrappedUnder(path)).toEqual(new Set([second.kms]));
    expect((await segments(path)).startsWith(before.split("\n")[0]!)).toBe(true);
    // Two lines were there only on the way; the old keys lie apart for backups, and are no strangers to `verify`.
    expect((await readFile(join(path, "kms.key"), "utf8")).split("\n")).toHaveLength(2);
    expect((await readdir(path)).filter((name) => name.startsWith("kms.key.retired-"))).toHaveLength(2);
    const verified = await work.verify(folderRequest(path), nothing, () => {});
    expect(verified.faults).toEqual([]);
    expect(verified.contents).toBe("checked");

    const again = await startTestServer(path);
    await again.close();
  });

  test("a rotation that was killed half-way is finished by the next start", async () => {
    const path = join(folder.path, "killed");
    await (await startTestServer(path)).close();
    const [old] = (await readFile(join(path, "kms.key"), "utf8")).split("\n");
    const names = await readdir(join(path, "keys"));
    const kept = new Map(
      await Promise.all(names.map(async (name) => [name, await readFile(join(path, "keys", name))] as const)),
    );
    const { kms } = await work.rotate(folderRequest(path));
    // As if only the first file had been moved and the process had died.
    const [key] = (await readFile(join(path, "kms.key"), "utf8")).split("\n");
    await writeFile(join(path, "kms.key"), `${key}\n${old}\n`);
    for (const [name, bytes] of [...kept].slice(1)) await writeFile(join(path, "keys", name), bytes);
    expect((await wrappedUnder(path)).size).toBe(2);
    await (await startTestServer(path)).close();
    expect(await wrappedUnder(path)).toEqual(new Set([kms]));
    expect((await readFile(join(path, "kms.key"), "utf8")).split("\n")).toHaveLength(2);
  });

  test("move into an HSM and back; the other KMS then opens nothing", async () => {
    const path = join(folder.path, "moved");
    await (await startTestServer(path)).close();
    const before = await wrappedUnder(path);
    const moved = await work.rewrap(folderRequest(path), folderRequest(path, HSM));
    expect(moved.kms).toMatch(/^pkcs11:/);
    expect(moved.keys).toBeGreaterThanOrEqual(4);
    expect(await wrappedUnder(path)).toEqual(new Set([moved.kms]));
    await expect(startTestServer(path)).rejects.toMatchObject({ code: "key_unavailable" });
    const server = await startTestServer(path, HSM);
    await server.close();
    // Done again it moves nothing.
    expect((await work.rewrap(folderRequest(path), folderRequest(path, HSM))).keys).toBe(0);
    await work.rewrap(folderRequest(path, HSM), folderRequest(path));
    expect(await wrappedUnder(path)).toEqual(before);
    expect((await work.verify(folderRequest(path), nothing, () => {})).faults).toEqual([]);
  });

  test("an epoch whose key was destroyed is read by nobody: not the server, not `verify`, not with an old copy", async () => {
    const path = join(folder.path, "destroyed");
    const server = await startTestServer(path);
    const marker = "the-word-that-must-go";
    const record = { timestamp: "2026-11-26T08:00:00Z", event_type: "API_CALL", service_id: marker, status: "success" };
    const headers = { "content-type": "application/json" };
    await server.fetch("/v1/records?wait=published", { method: "POST", body: JSON.stringify(record), headers });
    const epoch = (await readdir(join(path, "keys"))).find((name) => name.startsWith("epoch.default."))!;
    const copy = await readFile(join(path, "keys", epoch));
    await rm(join(path, "keys", epoch));
    expect((await server.fetch("/api/kms/rotate", { method: "POST" })).status).toBe(200);
    await server.close();
    const retired = (await readdir(path)).filter((name) => name.startsWith("kms.key.retired-"));
    for (const name of retired) await rm(join(path, name));

    const result = await work.verify(folderRequest(path), nothing, () => {});
    expect(result.faults.filter(({ file }) => file === `keys/${epoch}`).map(({ code }) => code)).toEqual(["key_file"]);
    expect(result.contents).toBe("not checked");
    await expect(startTestServer(path)).rejects.toThrow();
    // A copy of the key's file from before is wrapped under a key that is gone.
    await writeFile(join(path, "keys", epoch), copy);
    await expect(startTestServer(path)).rejects.toMatchObject({ code: "key_unavailable" });
    for (const file of await readdir(path, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      expect((await readFile(join(file.parentPath, file.name))).includes(marker), file.name).toBe(false);
    }
  });
});
