/**
 * Checks a tree in the browser: the newest checkpoint is signed by the tree's key, and the tree of today is the tree of
 * an earlier checkpoint with leaves added behind. The tiles come from the server and are believed only as far as they
 * lead to roots that were signed.
 */
import {
  consistencyProof,
  hex,
  openNote,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  tilePath,
  tileWidth,
  treeSize,
  verifyConsistency,
  type Checkpoint,
  type TileReader,
} from "@tallystick/tlog";
import { ApiProblem } from "../client/api.ts";
import type { Tree } from "../client/types.ts";

export interface SignedTree {
  readonly size: number;
  readonly root: string;
  /** The signed note, as it came. */
  readonly note: string;
}

export type TreeCheck =
  | { readonly kind: "signed"; readonly newest: SignedTree }
  | {
      readonly kind: "consistent";
      readonly newest: SignedTree;
      readonly oldSize: number;
      readonly hashes: readonly string[];
    }
  | { readonly kind: "empty" }
  | { readonly kind: "failed"; readonly reason: string };

/** A checkpoint that was kept. `isOwn`: by this browser, which checked its signature then, by the key of that day. */
export interface Older {
  readonly note: string;
  readonly isOwn: boolean;
  /** Another one that was kept, in the place of the newest; which of them is older their sizes say. */
  readonly other?: string | undefined;
}

/** `older` null: there is none, and only the signature of the newest is checked. */
export async function checkTree(tree: Tree, older: Older | null, signal: AbortSignal): Promise<TreeCheck> {
  const text = older?.other ?? (await textAt(`/trees/${tree.tree}/checkpoint`, signal));
  if (text === null) return { kind: "empty" };
  const second = await opened(text, tree.vkey);
  if (typeof second === "string")
    return failed(`the ${older?.other === undefined ? "newest" : "second"} checkpoint: ${second}`);
  if (older === null) return { kind: "signed", newest: { size: second.size, root: hex(second.root), note: text } };
  const first = older.isOwn ? parsed(older.note) : await opened(older.note, tree.vkey);
  if (typeof first === "string")
    return failed(
      `the earlier checkpoint: ${first}; after a change of keys tallystick-verify follows from one to the next`,
    );
  const isSwapped = older.other !== undefined && first.size > second.size;
  const [before, newest] = isSwapped ? [second, first] : [first, second];
  const signed: SignedTree = { size: newest.size, root: hex(newest.root), note: isSwapped ? older.note : text };
  if (before.origin !== newest.origin)
    return failed(`the earlier checkpoint is of ${before.origin}, this is ${newest.origin}`);
  if (before.size > newest.size)
    return failed(
      `the earlier checkpoint has ${before.size} leaves, the newest only ${newest.size}: the tree was put back`,
    );
  const proof = await consistencyProof(
    treeSize(before.size),
    treeSize(newest.size),
    tilesOf(tree.tree, newest.size, signal),
  );
  if (!verifyConsistency(before.size, before.root, newest.size, newest.root, proof))
    return failed(
      `the tree of ${newest.size} leaves is not the one of ${before.size} with leaves added: the log has forked`,
    );
  return { kind: "consistent", newest: signed, oldSize: before.size, hashes: proof.map(hex) };
}

async function opened(text: string, vkey: string): Promise<Checkpoint | string> {
  const key = parseVerifierKey(vkey);
  if (key.kind === "refused") return `the verifier key is not one (${key.reason})`;
  const note = await openNote(new TextEncoder().encode(text), [key.value]);
  if (note.kind === "refused") return `its signature does not verify (${note.reason})`;
  const checkpoint = parseCheckpoint(note.value.text);
  return checkpoint.kind === "refused" ? `it is malformed (${checkpoint.reason})` : checkpoint.value;
}

function parsed(text: string): Checkpoint | string {
  const note = parseNote(new TextEncoder().encode(text));
  if (note.kind === "refused") return `it is malformed (${note.reason})`;
  const checkpoint = parseCheckpoint(note.value.text);
  return checkpoint.kind === "refused" ? `it is malformed (${checkpoint.reason})` : checkpoint.value;
}

/** Of a tree that grows, a tile may be wider by now; its first hashes are the same. */
function tilesOf(tree: string, size: number, signal: AbortSignal): TileReader {
  return {
    async readTile(level, n) {
      const path = tilePath(level, n, tileWidth(level, n, treeSize(size)));
      const response = await fetch(`/trees/${tree}/${path}`, { signal });
      if (!response.ok) throw new ApiProblem(response.status, { detail: `The tile ${path} of ${tree} cannot be had.` });
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

async function textAt(path: string, signal: AbortSignal): Promise<string | null> {
  const response = await fetch(path, { signal });
  if (response.status === 404) return null;
  if (!response.ok) throw new ApiProblem(response.status, { detail: `${path} cannot be had.` });
  return response.text();
}

function failed(reason: string): TreeCheck {
  return { kind: "failed", reason };
}
