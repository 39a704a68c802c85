import { TallystickError } from "../errors.ts";
import {
  ed25519Signer,
  ed25519Verifier,
  formatCheckpoint,
  keyId,
  openNote,
  parseCheckpoint,
  parseNote,
  signNote,
} from "@tallystick/tlog";
import type { Frontier, TreeSize } from "@tallystick/tlog";
import { MAX_NOTE_BYTES } from "./limits.ts";
import type { HeadStore } from "./head-store.ts";

/** A checkpoint with the note that carries it: what the head store holds and what is published. */
export interface SignedHead {
  readonly note: Uint8Array;
  readonly size: TreeSize;
  readonly root: Uint8Array;
}

/** The folder's Ed25519 keys. May become others while the ledger runs: a key is succeeded by another. */
export interface LedgerSigner extends LedgerKey {
  /** Notes by which each key came after the one before it, oldest first: they travel with proofs. */
  readonly successions?: readonly string[];
  /** Keys before the newest, newest first. What they signed opens. */
  readonly older?: readonly (LedgerKey & {
    /** Milliseconds since 1970; until then the key signs new heads too. */
    readonly untilMs: number;
  })[];
}

interface LedgerKey {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** Signed by the newest key, and by those before it whose time is not over. */
export function signHead(origin: string, frontier: Frontier, signer: LedgerSigner, nowMs: number): SignedHead {
  const root = frontier.root();
  const text = formatCheckpoint({ origin, size: frontier.size, root });
  const keys: readonly LedgerKey[] = [signer, ...(signer.older ?? []).filter(({ untilMs }) => nowMs < untilMs)];
  const signers = keys.map((key) => ed25519Signer(origin, key.publicKey, (message) => key.sign(message)));
  return { note: Buffer.from(signNote(text, signers)), size: frontier.size, root };
}

/** Public keys whose signature opens a head, newest first. */
export function headKeys(signer: LedgerSigner): readonly Uint8Array[] {
  return [signer.publicKey, ...(signer.older ?? []).map(({ publicKey }) => publicKey)];
}

/** Of the keys that signed a note, the newest; null when none did. */
export function newestKeyOf(note: Uint8Array, origin: string, keys: readonly Uint8Array[]): Uint8Array | null {
  const parsed = parseNote(note);
  const ids = new Set(parsed.kind === "refused" ? [] : parsed.value.signatures.map(({ keyId: id }) => id));
  return keys.find((key) => ids.has(keyId(origin, key))) ?? null;
}

export type OpenedHead =
  | { readonly kind: "head"; readonly head: SignedHead }
  | { readonly kind: "refused"; readonly reason: string };

/** Checks form, signature and origin. */
export async function openHead(
  note: Uint8Array,
  origin: string,
  publicKeys: readonly Uint8Array[],
): Promise<OpenedHead> {
  if (note.length > MAX_NOTE_BYTES) return { kind: "refused", reason: "the note is too long" };
  const opened = await openNote(
    note,
    publicKeys.map((key) => ed25519Verifier(origin, key)),
  );
  if (opened.kind === "refused") return opened;
  const checkpoint = parseCheckpoint(opened.value.text);
  if (checkpoint.kind === "refused") return checkpoint;
  const { size, root } = checkpoint.value;
  if (checkpoint.value.origin !== origin) return { kind: "refused", reason: "the checkpoint is of another tree" };
  return { kind: "head", head: { note, size, root } };
}

/**
 * Sizes that the head store vouches for, by tree: what the journal's recovery may never cut below. Throws for a head
 * that does not open.
 */
export async function headSizes(
  heads: HeadStore,
  serverOrigin: string,
  publicKeys: readonly Uint8Array[],
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const tree of await heads.trees()) {
    const note = await heads.read(tree);
    if (note !== null) sizes.set(tree, (await requireHead(tree, note, `${serverOrigin}/${tree}`, publicKeys)).size);
  }
  return sizes;
}

/** The head, or a fatal refusal: the head store is not derived, so a damaged one is not put right by us. */
export async function requireHead(
  tree: string,
  note: Uint8Array,
  origin: string,
  publicKeys: readonly Uint8Array[],
): Promise<SignedHead> {
  const opened = await openHead(note, origin, publicKeys);
  if (opened.kind === "head") return opened.head;
  throw new TallystickError("ledger_mismatch", `${tree}: the note in the head store does not open: ${opened.reason}`, {
    fatal: true,
    hint: "Bring back the head store's file, or the signing key and server.json that belong to it.",
    at: { tree },
  });
}
