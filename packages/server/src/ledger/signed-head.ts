import { TallystickError } from "../errors.ts";
import {
  ed25519Signer,
  ed25519Verifier,
  formatCheckpoint,
  openNote,
  parseCheckpoint,
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

/** The folder's Ed25519 key. */
export interface LedgerSigner {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

export function signHead(origin: string, frontier: Frontier, signer: LedgerSigner): SignedHead {
  const root = frontier.root();
  const text = formatCheckpoint({ origin, size: frontier.size, root });
  const note = signNote(text, [ed25519Signer(origin, signer.publicKey, (message) => signer.sign(message))]);
  return { note: Buffer.from(note), size: frontier.size, root };
}

export type OpenedHead =
  | { readonly kind: "head"; readonly head: SignedHead }
  | { readonly kind: "refused"; readonly reason: string };

/** Checks form, signature and origin. */
export async function openHead(note: Uint8Array, origin: string, publicKey: Uint8Array): Promise<OpenedHead> {
  if (note.length > MAX_NOTE_BYTES) return { kind: "refused", reason: "the note is too long" };
  const opened = await openNote(note, [ed25519Verifier(origin, publicKey)]);
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
  publicKey: Uint8Array,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const tree of await heads.trees()) {
    const note = await heads.read(tree);
    if (note !== null) sizes.set(tree, (await requireHead(tree, note, `${serverOrigin}/${tree}`, publicKey)).size);
  }
  return sizes;
}

/** The head, or a fatal refusal: the head store is not derived, so a damaged one is not put right by us. */
export async function requireHead(
  tree: string,
  note: Uint8Array,
  origin: string,
  publicKey: Uint8Array,
): Promise<SignedHead> {
  const opened = await openHead(note, origin, publicKey);
  if (opened.kind === "head") return opened.head;
  throw new TallystickError("ledger_mismatch", `${tree}: the note in the head store does not open: ${opened.reason}`, {
    fatal: true,
    hint: "Bring back the head store's file, or the signing key and server.json that belong to it.",
    at: { tree },
  });
}
