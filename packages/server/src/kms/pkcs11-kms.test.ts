import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";

import { afterAll, describe, expect, test } from "vitest";

import { memoryDisk } from "../disk/memory-disk.ts";
import { realClock } from "../real-clock.ts";
import { createFileKms, kmsOf, openFileKms } from "./file-kms.ts";
import { kmsContract } from "./kms.contract.ts";
import { openPkcs11Kms } from "./pkcs11-kms.ts";
import { softHsm } from "./softhsm.contract.ts";

const hsm = softHsm();
afterAll(() => hsm.remove());
const { module, token, pin } = hsm;
const options = { module, token, pin, label: "tallystick", clock: realClock(), randomBytes, create: false };

kmsContract("file", async () => {
  const disk = memoryDisk();
  return {
    open: async ({ create }) => (await (create ? createFileKms : openFileKms)(disk, "/kms.key", randomBytes))!,
    cut: null,
    mend: async () => {},
    destroy: async (keyId) => disk.remove(`/kms.key.retired-${keyId.slice("file:".length)}`),
    remove: async () => {},
  };
});

kmsContract("pkcs11", async () => ({
  open: ({ create }) => openPkcs11Kms({ ...options, create }),
  cut: async () => hsm.unplug(),
  mend: async () => hsm.plug(),
  destroy: async (keyId) => hsm.destroy(keyId.split("/").at(-1)!),
  remove: async () => {},
}));

describe("pkcs11 kms", () => {
  test("a wrong PIN is refused once and tells nobody what it was", async () => {
    const wrong = openPkcs11Kms({ ...options, pin: "0000-wrong" });
    await expect(wrong).rejects.toMatchObject({ code: "key_unavailable", fatal: true });
    await wrong.catch((error: Error) => expect(JSON.stringify(error) + error.message).not.toContain("0000-wrong"));
  });

  test("a token without the key is refused unless it is a folder's first start", async () => {
    const absent = { ...options, label: "another" };
    await expect(openPkcs11Kms(absent)).rejects.toMatchObject({ code: "key_unavailable" });
    await (await openPkcs11Kms({ ...absent, create: true })).close();
    await (await openPkcs11Kms(absent)).close();
  });

  test("a library that is none, and a token that is not there, say so", async () => {
    const noLibrary = `${hsm.conf}.so`;
    writeFileSync(noLibrary, "no library");
    await expect(openPkcs11Kms({ ...options, module: noLibrary })).rejects.toMatchObject({ code: "config_invalid" });
    await expect(openPkcs11Kms({ ...options, token: "no-token" })).rejects.toMatchObject({ code: "kms_unreachable" });
  });

  test("what the file KMS wrapped, the token does not open", async () => {
    const file = kmsOf(randomBytes(32), randomBytes);
    const wrapped = await file.wrap(randomBytes(32), "context");
    const kms = await openPkcs11Kms(options);
    await expect(kms.unwrap(wrapped, "context", file.keyId)).rejects.toMatchObject({ code: "key_unavailable" });
    await kms.close();
  });
});
