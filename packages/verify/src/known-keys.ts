import { ed25519Verifier, equalBytes, parseVerifierKey } from "@tallystick/tlog";
import type { NoteVerifier } from "@tallystick/tlog";
import { VerifyTrouble } from "./result.ts";

/**
 * The keys that the verifier knew before. One key signs all trees of a server, under the name of each tree's origin,
 * so a key that is known from one tree is known for all trees of the same server origin, and for no other server's.
 */
export function parseVerifierKeys(vkeys: readonly string[]): readonly NoteVerifier[] {
  if (vkeys.length === 0) throw new VerifyTrouble("a verifier key is needed");
  return vkeys.map((vkey) => {
    const parsed = parseVerifierKey(vkey.trim());
    if (parsed.kind === "refused") throw new VerifyTrouble(`${parsed.reason}: ${vkey}`);
    return parsed.value;
  });
}

/** The known keys under the name of the origin. */
export function keysFor(keys: readonly NoteVerifier[], origin: string): readonly NoteVerifier[] {
  const same = keys.filter(({ name }) => name === origin || serverOf(name) === serverOf(origin));
  const distinct: NoteVerifier[] = [];
  for (const key of same) {
    if (distinct.some(({ publicKey }) => equalBytes(publicKey, key.publicKey))) continue;
    distinct.push(ed25519Verifier(origin, key.publicKey));
  }
  return distinct;
}

const TREE_OF_ORIGIN = /^(.+)\/([a-z0-9][a-z0-9-]{0,62}\/[A-Za-z0-9-]+(?:\.r[1-9]\d{0,3})?)$/;

/** `<log>/<epoch>` of `<server origin>/<log>/<epoch>`; the whole origin where it has another form. */
export function treeOfOrigin(origin: string): string {
  return TREE_OF_ORIGIN.exec(origin)?.[2] ?? origin;
}

export function serverOf(origin: string): string {
  return TREE_OF_ORIGIN.exec(origin)?.[1] ?? origin;
}
