import { assert } from "./assert.ts";
import { equalBytes } from "./hashing.ts";
import { MAX_NOTE_BYTES, MAX_SIGNATURE_LINES, MAX_VERIFIERS } from "./limits.ts";
import { ok, refused } from "./parsed.ts";
import type { Parsed } from "./parsed.ts";
import { decodeBase64, encodeBase64, hasControlCharacter, hex, parseHex, strictText, utf8 } from "./text.ts";
import { ED25519_SIGNATURE_TYPE, isKeyName, keyId } from "./verifier-key.ts";
import type { NoteVerifier } from "./verifier-key.ts";

/**
 * C2SP signed notes. Reading is strict, so that one note has one byte form: valid UTF-8, no control character but the
 * line feed, the text ends before the last empty line, at most 64 signature lines, canonical base64. A signature
 * whose name and id match a known key must verify or the whole note is refused; others are ignored; at least one must
 * verify.
 */

/** Who signs. The private key stays with the caller. */
export interface NoteSigner {
  readonly name: string;
  readonly keyId: string;
  /** The signature over the note's text; called once a note. */
  sign(message: Uint8Array): Uint8Array;
}

export interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Uint8Array;
}

export interface Note {
  /** What is signed, with its final line feed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface OpenNote {
  readonly text: string;
  /** The known keys' signatures; each was checked. Never empty. */
  readonly verified: readonly NoteSignature[];
  /** Signatures of keys that are not known; they say nothing. */
  readonly unknown: readonly NoteSignature[];
}

export function ed25519Signer(name: string, publicKey: Uint8Array, sign: NoteSigner["sign"]): NoteSigner {
  assert(publicKey.length === 32, "an Ed25519 public key has 32 bytes");
  return { name, keyId: keyId(name, publicKey, ED25519_SIGNATURE_TYPE), sign };
}

/** The note: text, empty line, one line a signature. The text must end with a line feed. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  assert(isNoteText(text) && text.endsWith("\n"), "a note's text is lines of text");
  assert(signers.length > 0 && signers.length <= MAX_SIGNATURE_LINES, "a note has 1 to 64 signatures");
  const message = utf8(text);
  return `${text}\n${signers.map((signer) => signatureLine(signer, signer.sign(message))).join("")}`;
}

function signatureLine({ name, keyId: id }: NoteSigner, signature: Uint8Array): string {
  const idBytes = parseHex(id);
  assert(isKeyName(name) && idBytes?.length === 4, `not a signer's name and id: ${name} ${id}`);
  assert(signature.length > 0, "a signature is not empty");
  const bytes = new Uint8Array(4 + signature.length);
  bytes.set(idBytes);
  bytes.set(signature, 4);
  return `— ${name} ${encodeBase64(bytes)}\n`;
}

/** Reads a note's form without checking any signature. */
export function parseNote(input: string | Uint8Array): Parsed<Note> {
  if (input.length > MAX_NOTE_BYTES) return refused("the note is too long");
  const whole = strictText(input);
  if (whole === null) return refused("the note is not valid UTF-8");
  if (!isNoteText(whole)) return refused("the note has a control character");
  const split = whole.lastIndexOf("\n\n");
  if (split < 0) return refused("the note has no empty line before its signatures");
  const lines = whole.slice(split + 2).split("\n");
  if (lines.pop() !== "" || lines.length === 0) return refused("the note's last line is no whole signature line");
  if (lines.length > MAX_SIGNATURE_LINES) return refused(`the note has more than ${MAX_SIGNATURE_LINES} signatures`);
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === null) return refused("the note has a malformed signature line");
    signatures.push(signature);
  }
  return ok({ text: whole.slice(0, split + 1), signatures });
}

function isNoteText(text: string): boolean {
  return !hasControlCharacter(text.replaceAll("\n", "")) && strictText(text) !== null;
}

function parseSignatureLine(line: string): NoteSignature | null {
  const match = /^— ([^ ]+) ([^ ]+)$/.exec(line);
  if (match === null || !isKeyName(match[1]!)) return null;
  const bytes = decodeBase64(match[2]!);
  if (bytes === null || bytes.length < 5) return null;
  return { name: match[1]!, keyId: hex(bytes.subarray(0, 4)), signature: bytes.slice(4) };
}

/** Reads a note and checks every signature of a known key. */
export async function openNote(
  input: string | Uint8Array,
  verifiers: readonly NoteVerifier[],
): Promise<Parsed<OpenNote>> {
  assert(verifiers.length <= MAX_VERIFIERS, "too many verifier keys");
  const note = parseNote(input);
  if (note.kind === "refused") return note;
  const message = utf8(note.value.text);
  const verified: NoteSignature[] = [];
  const unknown: NoteSignature[] = [];
  for (const signature of note.value.signatures) {
    const known = verifiers.filter(({ name, keyId: id }) => name === signature.name && id === signature.keyId);
    if (known.some(({ publicKey }) => !equalBytes(publicKey, known[0]!.publicKey))) {
      return refused(`two different keys are called ${signature.name}+${signature.keyId}`);
    }
    if (known[0] === undefined) unknown.push(signature);
    else if (await known[0].verify(message, signature.signature)) verified.push(signature);
    else return refused(`the signature of ${signature.name}+${signature.keyId} is wrong`);
  }
  if (verified.length === 0) return refused("no signature is of a known key");
  return ok({ text: note.value.text, verified, unknown });
}
