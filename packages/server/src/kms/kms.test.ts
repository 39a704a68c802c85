import { createPublicKey, verify } from "node:crypto";

import { describe, expect, test } from "vitest";

import { faultDisk } from "../disk/fault-disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import { isTallystickError } from "../errors.ts";
import { seededBytes } from "../journal/memory-journal.ts";
import { manualClock } from "../manual-clock.ts";
import { createFileKms, kmsOf, openFileKms } from "./file-kms.ts";
import { checkKeys, openKeyring, readPublicKeys } from "./keyring.ts";

const randomBytes = seededBytes("kms test");
const unavailable = (error: unknown): boolean => isTallystickError(error, "key_unavailable");
const clock = manualClock();

describe("file kms", () => {
  test("a key wrapped under one run's KMS opens under the next one's", async () => {
    const disk = memoryDisk();
    const made = await createFileKms(disk, "/kms.key", randomBytes);
    const opened = await openFileKms(disk, "/kms.key", randomBytes);
    expect(opened?.keyId).toBe(made.keyId);
    expect(made.keyId).toMatch(/^file:[0-9a-f]{16}$/);
    const plain = randomBytes(32);
    expect(Buffer.compare(await opened!.unwrap(await made.wrap(plain, "context"), "context", made.keyId), plain)).toBe(
      0,
    );
  });

  test.each([
    ["20".repeat(32) + "\n"],
    ["ab\n"],
    ["A".repeat(64) + "\n"],
    ["0123456789abcdef".repeat(4)],
    [`${"0123456789abcdef".repeat(4)}\n`.repeat(3)],
  ])("what is no drawn key is refused: %j", async (content) => {
    const disk = memoryDisk();
    await disk.replaceFile("/kms.key", Buffer.from(content));
    await expect(openFileKms(disk, "/kms.key", randomBytes)).rejects.toSatisfy(unavailable);
  });

  test("an absent file is no KMS", async () => {
    expect(await openFileKms(memoryDisk(), "/kms.key", randomBytes)).toBeNull();
  });
});

describe("keyring", () => {
  const kms = kmsOf(randomBytes(32), randomBytes);
  const folder = "/keys";

  test("a key is the same for all who ask, at once and after a restart", async () => {
    const disk = memoryDisk();
    const ring = openKeyring({ disk, folder, kms, clock, randomBytes });
    expect(await ring.existing("index")).toBeNull();
    const [one, other] = await Promise.all([ring.key("index"), ring.key("index")]);
    expect(one).toEqual(other);
    expect(await ring.existing("index")).toEqual(one);
    const again = openKeyring({ disk, folder, kms, clock, randomBytes });
    expect(await again.existing("index")).toEqual(one);
    expect(await again.key("integrity")).not.toEqual(one);
    expect(await checkKeys(disk, folder, kms)).toEqual([]);
  });

  test("a key that could not be stored is never given out, and asking again tries again", async () => {
    const disk = faultDisk(memoryDisk());
    const ring = openKeyring({ disk, folder, kms, clock, randomBytes });
    disk.inject({ kind: "not persisted", write: "replaceFile" });
    await expect(ring.key("index")).rejects.toThrow("injected");
    const key = await ring.key("index");
    expect(await openKeyring({ disk, folder, kms, clock, randomBytes }).existing("index")).toEqual(key);
  });

  test("the signer's signatures verify under its public half, which is readable without the KMS", async () => {
    const disk = memoryDisk();
    const { publicKey, sign } = await openKeyring({ disk, folder, kms, clock, randomBytes }).signer();
    const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), publicKey]);
    const key = createPublicKey({ key: spki, format: "der", type: "spki" });
    expect(verify(null, Buffer.from("text"), key, sign(Buffer.from("text")))).toBe(true);
    expect(Buffer.compare((await readPublicKeys(disk, folder)).publicKeys[0]!, publicKey)).toBe(0);
  });

  test("a secret is kept sealed, survives a rotation, and is gone with its file", async () => {
    const disk = memoryDisk();
    const own = await createFileKms(disk, "/kms.key", randomBytes);
    const ring = openKeyring({ disk, folder, kms: own, clock, randomBytes });
    await ring.key("integrity");
    expect(await ring.secret("slack")).toBeNull();
    for (const text of ["https://hooks.example.com/first", "https://hooks.example.com/ütf"]) {
      await ring.setSecret("slack", text);
      expect(await ring.secret("slack")).toBe(text);
    }
    const file = await disk.readFile("/keys/secret.slack.json");
    expect(Buffer.from(file!).toString()).not.toContain("hooks");
    await ring.rotate();
    const again = openKeyring({ disk, folder, kms: own, clock, randomBytes });
    expect(await again.secret("slack")).toBe("https://hooks.example.com/ütf");
    expect((await again.secrets()).map(({ name }) => name)).toEqual(["slack"]);
    // What was sealed for another name, or before, does not open in its place.
    await ring.setSecret("pager", "a pager's key");
    const pager = Buffer.from((await disk.readFile("/keys/secret.pager.json"))!).toString();
    await disk.replaceFile("/keys/secret.slack.json", Buffer.from(pager.replace("secret.pager", "secret.slack")));
    expect(await checkKeys(disk, folder, own)).toMatchObject([{ file: "/keys/secret.slack.json" }]);
    const fresh = openKeyring({ disk, folder, kms: own, clock, randomBytes });
    await expect(fresh.secret("slack")).rejects.toSatisfy(unavailable);
    await ring.setSecret("slack", null);
    expect([await ring.secret("slack"), await disk.readFile("/keys/secret.slack.json")]).toEqual([null, null]);
    expect(await checkKeys(disk, folder, own)).toEqual([]);
  });

  test("any changed byte of a key's file is found, with the KMS", async () => {
    const disk = memoryDisk();
    const ring = openKeyring({ disk, folder, kms, clock, randomBytes });
    await ring.signer();
    const path = `${folder}/signing.json`;
    const bytes = (await disk.readFile(path))!;
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1;
      disk.tamper(path, changed);
      expect(await checkKeys(disk, folder, kms), `byte ${at}`).toHaveLength(1);
      await expect(openKeyring({ disk, folder, kms, clock, randomBytes }).key("signing")).rejects.toSatisfy(
        unavailable,
      );
    }
  });

  test("what is no key's file is found", async () => {
    const disk = memoryDisk();
    await openKeyring({ disk, folder, kms, clock, randomBytes }).key("epoch.default.2026-11");
    await disk.replaceFile(`${folder}/stranger.json`, Buffer.from("{}"));
    expect((await checkKeys(disk, folder, null)).map(({ file }) => file)).toEqual([`${folder}/stranger.json`]);
    await expect(openKeyring({ disk, folder, kms, clock, randomBytes }).key("../index")).rejects.toSatisfy(unavailable);
  });
});
