import type { AuditRecord, Observed } from "@tallystick/record";
import {
  decodeBase64,
  ed25519Signer,
  ed25519Verifier,
  encodeBase64,
  equalBytes,
  openNote,
  signNote,
} from "@tallystick/tlog";
import type { NoteSigner, NoteVerifier } from "@tallystick/tlog";

/**
 * One key that signs checkpoints makes way for another (docs/formats/key-succession.md). The statement is a signed note
 * under the server's origin, signed by both keys: the old one says who comes after it, the new one that it is there. So
 * who trusts either knows the other, with nothing else at hand.
 */
export interface KeySuccession {
  readonly serverOrigin: string;
  /** 32 bytes, Ed25519. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** RFC 3339 UTC, milliseconds. From here on both sign. */
  readonly from: string;
  /** From here on only the new key signs. */
  readonly until: string;
}

export const KEY_SUCCESSION_EVENT = "KEY_SUCCESSION";
export const KEY_SUCCESSION_ATTRIBUTE = "tallystick.key_succession";

const TITLE = "tallystick key succession v1";
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const KEY_BYTES = 32;

type Sign = NoteSigner["sign"];

/** The note. */
export function formatSuccession(succession: KeySuccession, signBefore: Sign, signAfter: Sign): string {
  const { serverOrigin, before, after, from, until } = succession;
  const text = [TITLE, serverOrigin, encodeBase64(before), encodeBase64(after), from, until, ""].join("\n");
  return signNote(text, [
    ed25519Signer(serverOrigin, before, signBefore),
    ed25519Signer(serverOrigin, after, signAfter),
  ]);
}

export type OpenedSuccession =
  | { readonly kind: "ok"; readonly value: KeySuccession }
  | { readonly kind: "refused"; readonly reason: string };

/** Form and both signatures. */
export async function openSuccession(note: string | Uint8Array): Promise<OpenedSuccession> {
  const text = typeof note === "string" ? note : new TextDecoder().decode(note);
  const [title, serverOrigin, encodedBefore, encodedAfter, from, until, empty] = text.split("\n");
  const before = decodeBase64(encodedBefore ?? "");
  const after = decodeBase64(encodedAfter ?? "");
  if (title !== TITLE || serverOrigin === undefined || empty !== "") return refused("it is no key succession");
  if (before?.length !== KEY_BYTES || after?.length !== KEY_BYTES || equalBytes(before, after))
    return refused("it does not name two keys");
  if (from === undefined || until === undefined || !TIME.test(from) || !TIME.test(until) || from > until)
    return refused("it does not say from when until when");
  const opened = await openNote(note, [ed25519Verifier(serverOrigin, before), ed25519Verifier(serverOrigin, after)]);
  if (opened.kind === "refused") return refused(opened.reason);
  if (opened.value.verified.length !== 2 || opened.value.unknown.length > 0)
    return refused("it is not signed by both keys");
  const lines = opened.value.text.split("\n");
  if (lines.length !== 7) return refused("it has more lines than a key succession");
  return { kind: "ok", value: { serverOrigin, before, after, from, until } };
}

/** The note that a leaf holds; null for every other leaf. Only the log's own records count. */
export function successionOf(record: AuditRecord, observed: Observed): string | null {
  if (observed.intake !== "tallystick" || observed.principal !== "tallystick") return null;
  if (record.event_type !== KEY_SUCCESSION_EVENT) return null;
  return record.attributes?.[KEY_SUCCESSION_ATTRIBUTE] ?? null;
}

/** All keys that the known ones vouch for, whichever way the successions lead. */
export function succeededKeys(
  known: readonly Uint8Array[],
  successions: readonly KeySuccession[],
): readonly Uint8Array[] {
  const keys = [...known];
  const has = (key: Uint8Array) => keys.some((one) => equalBytes(one, key));
  for (let grew = true; grew;) {
    grew = false;
    for (const { before, after } of successions) {
      if (has(before) === has(after)) continue;
      keys.push(has(before) ? after : before);
      grew = true;
    }
  }
  return keys;
}

/** Verifiers under the same name for all keys that these vouch for. */
export function withSuccessors(
  verifiers: readonly NoteVerifier[],
  successions: readonly KeySuccession[],
): readonly NoteVerifier[] {
  const [first] = verifiers;
  if (first === undefined || successions.length === 0) return verifiers;
  const keys = succeededKeys(
    verifiers.map(({ publicKey }) => publicKey),
    successions,
  );
  return keys.map((key) => ed25519Verifier(first.name, key));
}

/**
 * Why a checkpoint may not stand on the keys that signed it; null when it may. A key that was succeeded signs nothing
 * of a tree that was opened after its time, and a tree that tells of a succession is signed by the new key: who stole
 * the old one cannot go on with it.
 *
 * `openedAt`: when leaf 0 was received, empty when that is not known. `told`: successions in the tree below its size.
 */
export function outdatedKey(
  signedBy: readonly Uint8Array[],
  openedAt: string,
  successions: readonly KeySuccession[],
  told: readonly KeySuccession[],
): string | null {
  const has = (key: Uint8Array) => signedBy.some((one) => equalBytes(one, key));
  const missing = told.find(({ after }) => !isOrSucceeds(after, signedBy, successions));
  if (missing !== undefined) return "the checkpoint covers a key succession and is not signed by the new key";
  const late = successions.find(({ before, until }) => has(before) && openedAt !== "" && openedAt > until);
  if (late === undefined || signedBy.some((key) => !equalBytes(key, late.before))) return null;
  return `the tree was opened after ${late.until}, when the key that signed it had been succeeded`;
}

/**
 * Why a checkpoint over a leaf of that time may not stand on the keys that signed it; null when it may. Whatever covers
 * a leaf that was received after a key's time was signed after it.
 */
export function succeededBefore(
  signedBy: readonly Uint8Array[],
  receivedAt: string,
  successions: readonly KeySuccession[],
): string | null {
  const isOver = (key: Uint8Array) =>
    successions.find(({ before, until }) => equalBytes(before, key) && receivedAt > until);
  const [late] = signedBy.map(isOver);
  if (late === undefined || signedBy.some((key) => isOver(key) === undefined)) return null;
  return `the leaf was received after ${late.until}, when the key that signed its checkpoint had been succeeded`;
}

/** The key itself, or one that came after it. */
function isOrSucceeds(
  key: Uint8Array,
  signedBy: readonly Uint8Array[],
  successions: readonly KeySuccession[],
): boolean {
  const line = [key];
  for (const one of line) {
    if (signedBy.some((signer) => equalBytes(signer, one))) return true;
    for (const { before, after } of successions)
      if (equalBytes(before, one) && !line.some((known) => equalBytes(known, after))) line.push(after);
  }
  return false;
}

function refused(reason: string): OpenedSuccession {
  return { kind: "refused", reason };
}
