import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";

import { afterAll, expect, test } from "vitest";

import { realClock } from "../real-clock.ts";
import { kmsContract } from "./kms.contract.ts";
import { openPkcs11InThread } from "./node-pkcs11-thread.ts";
import { softHsm } from "./softhsm.contract.ts";

const hsm = softHsm();
afterAll(() => hsm.remove());
const { module, token, pin } = hsm;
const place = { module, token, pin, label: "tallystick" };

kmsContract("pkcs11 in a thread", async () => ({
  open: ({ create }) => openPkcs11InThread({ ...place, create }, realClock()),
  cut: async () => hsm.unplug(),
  mend: async () => hsm.plug(),
  destroy: async (keyId) => hsm.destroy(keyId.split("/").at(-1)!),
  remove: async () => {},
}));

test("an HSM that does not come back from a call holds up nobody else", async () => {
  const kms = await openPkcs11InThread({ ...place, label: "slow", create: true }, realClock());
  const plain = randomBytes(32);
  const wrapped = await kms.wrap(plain, "context");
  const { keyId } = kms;
  const conf = readFileSync(hsm.conf);
  rmSync(hsm.conf);
  execFileSync("mkfifo", [hsm.conf]);
  // A name that the token does not have makes the library look afresh, and its configuration is a pipe now.
  const waiting = kms.unwrap(wrapped, "context", "pkcs11:nobody").catch((error: Error) => error);
  const pipe = await open(hsm.conf, "w");
  // The library reads, and this thread goes on: it could not even open the pipe's other end otherwise.
  let turns = 0;
  for (; turns < 1_000; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(turns).toBe(1_000);
  await pipe.writeFile(conf);
  await pipe.close();
  expect(await waiting).toMatchObject({ code: "key_unavailable" });
  expect(Buffer.compare(await kms.unwrap(wrapped, "context", keyId), plain)).toBe(0);
  await kms.close();
  await expect(kms.wrap(plain, "context")).rejects.toMatchObject({ code: "kms_unreachable" });
});
