import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { describe, expect, test } from "vitest";

import { encodeBase64 } from "@tallystick/tlog";

import { formatSuccession, openSuccession, outdatedKey, succeededKeys } from "./key-succession.ts";
import type { KeySuccession } from "./key-succession.ts";

function key(number: number) {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, number)]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return {
    publicKey: new Uint8Array(spki.subarray(-32)),
    sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)),
  };
}

const [one, two, three, stranger] = [key(1), key(2), key(3), key(9)];
const succession = (before: typeof one, after: typeof one, until = "2026-12-26T00:00:00.000Z"): KeySuccession => ({
  serverOrigin: "audit.example.com",
  before: before.publicKey,
  after: after.publicKey,
  from: "2026-11-26T00:00:00.000Z",
  until,
});
const first = succession(one, two);
const second = succession(two, three, "2027-01-26T00:00:00.000Z");

describe("a key succession", () => {
  test("is read as it was written, and by no other bytes", async () => {
    const note = formatSuccession(first, one.sign, two.sign);
    expect(await openSuccession(note)).toEqual({ kind: "ok", value: first });
    const bytes = new TextEncoder().encode(note);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at]! ^= 1;
      expect(await openSuccession(changed), `byte ${at}`).toMatchObject({ kind: "refused" });
    }
  });

  test.each([
    ["signed by the old key alone", (note: string) => note.split("\n").slice(0, -2).join("\n") + "\n"],
    ["signed by the new key alone", (note: string) => note.split("\n").toSpliced(-3, 1).join("\n")],
    ["with a signature more", (note: string) => `${note}— audit.example.com ${encodeBase64(new Uint8Array(68))}\n`],
    ["with a line more", (note: string) => note.replace("\n\n", "\nmore\n\n")],
  ])("%s is refused", async (_, change) => {
    expect(await openSuccession(change(formatSuccession(first, one.sign, two.sign)))).toMatchObject({
      kind: "refused",
    });
  });

  test("by a stranger, from one key to itself, or that ends before it begins, is refused", async () => {
    const notes = [
      formatSuccession(first, stranger.sign, two.sign),
      formatSuccession(first, one.sign, stranger.sign),
      formatSuccession(succession(one, one), one.sign, one.sign),
      formatSuccession(succession(one, two, "2026-11-25T00:00:00.000Z"), one.sign, two.sign),
    ];
    for (const note of notes) expect(await openSuccession(note)).toMatchObject({ kind: "refused" });
  });

  test("joins all keys of its line to each known one, and nobody else's", () => {
    const line = [one, two, three].map(({ publicKey }) => publicKey);
    const sorted = (keys: readonly Uint8Array[]) => keys.map(encodeBase64).sort();
    for (const known of line) expect(sorted(succeededKeys([known], [second, first]))).toEqual(sorted(line));
    expect(succeededKeys([stranger.publicKey], [first, second])).toEqual([stranger.publicKey]);
  });
});

describe("a checkpoint's key", () => {
  const before = "2026-11-01T00:00:00.000000Z";
  const after = "2026-12-26T00:00:00.001000Z";
  const outdated = (keys: readonly (typeof one)[], openedAt: string, told: readonly KeySuccession[] = []) =>
    outdatedKey(
      keys.map(({ publicKey }) => publicKey),
      openedAt,
      [first, second],
      told,
    );

  test("may be any of its time", () => {
    expect(outdated([one], before)).toBeNull();
    expect(outdated([one, two], before, [first])).toBeNull();
    expect(outdated([three], before, [first])).toBeNull();
    expect(outdated([two], after, [])).toBeNull();
    expect(outdated([one], "")).toBeNull();
  });

  test("is not one whose time was over when the tree was opened, nor one that the tree itself says was succeeded", () => {
    expect(outdated([one], after)).toContain("succeeded");
    expect(outdated([one], before, [first])).toContain("not signed by the new key");
    expect(outdated([two], before, [first, second])).toContain("not signed by the new key");
  });
});
