import { verifyEd25519 } from "#ed25519";
import { assert } from "./assert.ts";
import { sha256 } from "./hashing.ts";
import { ok, refused } from "./parsed.ts";
import type { Parsed } from "./parsed.ts";
import { decodeBase64, encodeBase64, hasControlCharacter, hex, strictText, utf8 } from "./text.ts";

/** C2SP signed-note keys: `name+hex8(key id)+base64(type ‖ public key)`. Ed25519 (type 0x01) only. */

export const ED25519_SIGNATURE_TYPE = 1;

/** A key that notes are opened with. */
export interface NoteVerifier {
  readonly name: string;
  /** 8 lower-case hex digits. */
  readonly keyId: string;
  /** 32 bytes, RFC 8032. */
  readonly publicKey: Uint8Array;
  verify(message: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

/** Not empty, no Unicode space, no `+`, no control character. */
export function isKeyName(name: string): boolean {
  return name !== "" && strictText(name) !== null && !/[\p{White_Space}+]/u.test(name) && !hasControlCharacter(name);
}

/** First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key), as 8 hex digits. */
export function keyId(name: string, publicKey: Uint8Array, type: number = ED25519_SIGNATURE_TYPE): string {
  const prefix = utf8(`${name}\n`);
  const input = new Uint8Array(prefix.length + 1 + publicKey.length);
  input.set(prefix);
  input[prefix.length] = type;
  input.set(publicKey, prefix.length + 1);
  return hex(sha256(input).subarray(0, 4));
}

/** The verifier key's text for an Ed25519 public key of 32 bytes. */
export function verifierKey(name: string, publicKey: Uint8Array): string {
  assert(isKeyName(name), `not a key name: ${name}`);
  assert(publicKey.length === 32, "an Ed25519 public key has 32 bytes");
  const typed = new Uint8Array(33);
  typed[0] = ED25519_SIGNATURE_TYPE;
  typed.set(publicKey, 1);
  return `${name}+${keyId(name, publicKey)}+${encodeBase64(typed)}`;
}

export function parseVerifierKey(text: string): Parsed<NoteVerifier> {
  const match = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(text);
  if (match === null) return refused("a verifier key is <name>+<key id>+<key>");
  const [, name, id, encoded] = match as unknown as [string, string, string, string];
  if (!isKeyName(name)) return refused("the verifier key's name is empty or has a space in it");
  const typed = decodeBase64(encoded);
  if (typed === null || typed.length === 0) return refused("the verifier key's last part is not canonical base64");
  if (typed[0] !== ED25519_SIGNATURE_TYPE) return refused(`the verifier key is of type ${typed[0]}, not Ed25519`);
  if (typed.length !== 33) return refused("an Ed25519 verifier key has 32 bytes");
  const publicKey = typed.slice(1);
  if (keyId(name, publicKey) !== id) return refused("the verifier key's id does not fit its name and key");
  return ok(ed25519Verifier(name, publicKey));
}

export function ed25519Verifier(name: string, publicKey: Uint8Array): NoteVerifier {
  const key = publicKey.slice();
  return {
    name,
    keyId: keyId(name, key),
    publicKey: key,
    verify: (message, signature) => verifyEd25519(key, message, signature),
  };
}
