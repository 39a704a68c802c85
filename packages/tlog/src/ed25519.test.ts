import { describe, expect, test } from "vitest";
import { verifyEd25519 as byNode } from "./ed25519/node.ts";
import { verifyEd25519 as byWebCrypto } from "./ed25519/webcrypto.ts";
import { parseHex } from "./text.ts";

/** RFC 8032 §7.1: public key, message, signature. */
const RFC_8032 = [
  [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
] as const;

describe.each([
  ["node:crypto", byNode],
  ["WebCrypto", byWebCrypto],
])("Ed25519 by %s", (_name, verify) => {
  test("accepts the standard's signatures and nothing else", async () => {
    for (const [key, message, signature] of RFC_8032.map((row) => row.map((text) => parseHex(text)!))) {
      expect(await verify(key!, message!, signature!)).toBe(true);
      for (const at of [0, 31, 32, 63]) {
        const changed = signature!.slice();
        changed[at]! ^= 1;
        expect(await verify(key!, message!, changed)).toBe(false);
      }
      expect(await verify(key!, Uint8Array.from([...message!, 0]), signature!)).toBe(false);
      expect(await verify(key!, message!, signature!.subarray(1))).toBe(false);
      expect(await verify(key!.subarray(1), message!, signature!)).toBe(false);
      expect(await verify(new Uint8Array(32).fill(0xff), message!, signature!)).toBe(false);
    }
  });
});
