import { generateKeyPairSync, sign } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_NOTE_BYTES } from "./limits.ts";
import { ed25519Signer, openNote, parseNote, signNote } from "./note.ts";
import type { NoteSigner } from "./note.ts";
import { hasControlCharacter } from "./text.ts";
import { vectors } from "./vectors.contract.ts";
import { ed25519Verifier, isKeyName, keyId, parseVerifierKey, verifierKey } from "./verifier-key.ts";
import type { NoteVerifier } from "./verifier-key.ts";

const known = vectors<{
  vkey: string;
  opened: { name: string; note: string; text: string }[];
  refused: { name: string; note: string }[];
}>("notes");

function parsedKey(vkey: string): NoteVerifier {
  const parsed = parseVerifierKey(vkey);
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return parsed.value;
}

function keyPair(name: string): { signer: NoteSigner; verifier: NoteVerifier; vkey: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32));
  const signer = ed25519Signer(name, raw, (message) => new Uint8Array(sign(null, message, privateKey)));
  return { signer, verifier: ed25519Verifier(name, raw), vkey: verifierKey(name, raw) };
}

describe("a note", () => {
  const verifier = parsedKey(known.vkey);

  test.each(known.opened)("opens: $name", async ({ note, text }) => {
    const opened = await openNote(note, [verifier]);
    expect(opened.kind === "ok" && opened.value.text).toBe(text);
    expect(await openNote(new TextEncoder().encode(note), [verifier])).toEqual(opened);
  });

  test.each(known.refused)("is refused: $name", async ({ note }) => {
    expect((await openNote(note, [verifier])).kind).toBe("refused");
  });

  test("is refused whole for every flipped bit of its bytes, unless the bit makes the key unknown", async () => {
    const bytes = new TextEncoder().encode(known.opened[0]!.note);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect((await openNote(changed, [verifier])).kind).toBe("refused");
    }
  });

  test("is refused with bytes that are no UTF-8, with a byte order mark, or when it is too long", async () => {
    const bytes = new TextEncoder().encode(known.opened[0]!.note);
    for (const prefix of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xef, 0xbb, 0xbf]]) {
      expect((await openNote(Uint8Array.from([...prefix, ...bytes]), [verifier])).kind).toBe("refused");
    }
    expect((await openNote(`\ud800${known.opened[0]!.note}`, [verifier])).kind).toBe("refused");
    expect(parseNote("a".repeat(MAX_NOTE_BYTES + 1))).toEqual({ kind: "refused", reason: "the note is too long" });
  });

  test("that was signed opens with its text, and each signer counts", async () => {
    const [first, second, third] = [keyPair("example.com/log"), keyPair("example.com/log"), keyPair("witness.example")];
    const line = fc.string({ unit: "grapheme", maxLength: 30 }).filter((text) => !hasControlCharacter(text));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        const text = `${["origin", ...lines].join("\n")}\n`;
        const note = signNote(text, [first.signer, second.signer, third.signer]);
        const opened = await openNote(note, [third.verifier, first.verifier]);
        if (opened.kind === "refused") throw new Error(opened.reason);
        expect(opened.value.text).toBe(text);
        expect(opened.value.verified.map(({ keyId: id }) => id)).toEqual([first.signer.keyId, third.signer.keyId]);
        expect(opened.value.unknown.map(({ keyId: id }) => id)).toEqual([second.signer.keyId]);
      }),
      { numRuns: 50 },
    );
  });

  test("with no known key at all is refused", async () => {
    expect(await openNote(known.opened[0]!.note, [])).toEqual({
      kind: "refused",
      reason: "no signature is of a known key",
    });
  });

  test("is refused when two different keys share name and id", async () => {
    const impostor: NoteVerifier = { ...verifier, publicKey: new Uint8Array(32), verify: () => Promise.resolve(true) };
    expect((await openNote(known.opened[0]!.note, [impostor, verifier])).kind).toBe("refused");
    expect((await openNote(known.opened[0]!.note, [verifier, parsedKey(known.vkey)])).kind).toBe("ok");
  });

  test("is not signed over text that would not open again", () => {
    const { signer } = keyPair("example.com/log");
    for (const text of ["", "no line feed", "tab\t\n", "\ud800\n", "cr\r\n"])
      expect(() => signNote(text, [signer])).toThrow();
    expect(() => signNote("text\n", [])).toThrow(/signatures/);
    expect(() => signNote("text\n", [{ ...signer, name: "a b" }])).toThrow(/name/);
  });
});

describe("a verifier key", () => {
  test("comes back from its text", () => {
    const { vkey, verifier } = keyPair("example.com/default/2026-11");
    const parsed = parsedKey(vkey);
    expect([parsed.name, parsed.keyId, parsed.publicKey]).toEqual([verifier.name, verifier.keyId, verifier.publicKey]);
    expect(verifierKey(parsed.name, parsed.publicKey)).toBe(vkey);
  });

  test("of the specification has the specification's id", () => {
    const { name, publicKey, keyId: id } = parsedKey(known.vkey);
    expect([name, keyId(name, publicKey), verifierKey(name, publicKey)]).toEqual(["example.com/foo", id, known.vkey]);
  });

  test.each([
    "",
    "name",
    "name+530d903a",
    known.vkey.slice(1),
    known.vkey.replace("530d903a", "530D903A"),
    known.vkey.replace("530d903a", "530d903b"),
    known.vkey.replace("530d903a", "0530d903a"),
    known.vkey.replace("+Aeky", "+Beky"),
    known.vkey.replace("+Aeky", "+AgAeky"),
    `${known.vkey}=`,
    `${known.vkey}\n`,
    known.vkey.slice(0, -4),
    known.vkey.replace("example.com/foo", ""),
    known.vkey.replace("example.com/foo", "example com"),
  ])("is refused: %j", (text) => {
    expect(parseVerifierKey(text).kind).toBe("refused");
  });

  test("has a name without spaces, pluses and control characters", () => {
    for (const name of ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\u0085b", "a\nb", "a\u0000b", "\ud800"]) {
      expect(isKeyName(name)).toBe(false);
    }
    expect(isKeyName("schlüssel.example/protokoll")).toBe(true);
    expect(() => verifierKey("a b", new Uint8Array(32))).toThrow();
    expect(() => verifierKey("a", new Uint8Array(31))).toThrow();
  });
});
