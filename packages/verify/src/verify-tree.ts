import {
  EMPTY_ROOT,
  encodeBase64,
  equalBytes,
  openNote,
  parseCheckpoint,
  parseNote,
  rootFromTiles,
  tileWidth,
} from "@tallystick/tlog";
import type { Checkpoint, NoteVerifier, Parsed } from "@tallystick/tlog";
import { checkChainFile } from "./chain-check.ts";
import { checkEdge } from "./edge-check.ts";
import { checkLevels } from "./level-check.ts";
import { PROGRESS_LEAVES } from "./limits.ts";
import type { FaultList, TreeResult } from "./result.ts";
import { noFindings } from "./tree-check.ts";
import type { Findings, TreeCheck } from "./tree-check.ts";
import { readTile } from "./tree-source.ts";
import type { TreeSource } from "./tree-source.ts";

/**
 * Checks one tree from its public files: the checkpoint's signature, every tile of its size up to the signed root,
 * the entries where they can be read, and that it continues what was known before. Memory does not grow with the
 * tree. Faults are collected; only a source that cannot answer makes it reject.
 */
export interface TreeOptions {
  /** `<log>/<epoch>`, as in the faults. */
  readonly tree: string;
  /** What the checkpoint must say: `<server origin>/<log>/<epoch>`. */
  readonly origin: string;
  /** Keys whose signature counts; each is named like the origin. */
  readonly verifiers: readonly NoteVerifier[];
  readonly faults: FaultList;
  /** An older checkpoint of this tree that the verifier trusts. */
  readonly since?: Checkpoint;
  /** The verifier knew the keys before, rather than taking them from who is verified. */
  readonly isKeyKnown?: boolean;
  /** A tree that was opened a moment ago has no checkpoint yet; without this, that is a fault. */
  readonly mayBeUnpublished?: boolean;
  /** Leaves behind us, of this tree; called now and then. */
  onProgress?(leaves: number, size: number): void;
}

/**
 * The hash tiles alone, up to a root that is known to be signed: for who cannot read the contents and has checked all
 * else. Faults name each tile that is wrong.
 */
export async function verifyTiles(
  source: Pick<TreeSource, "tile">,
  signed: Pick<TreeCheck, "tree" | "size" | "root" | "faults">,
): Promise<void> {
  const parts = { verifiers: [], found: noFindings(), isSigned: true, onLeaves: () => {} };
  const check: TreeCheck = { ...signed, ...parts, source: { ...source, checkpoint: async () => null, entries: null } };
  if (check.size > 0) await checkLevels(check, await checkEdge(check));
}

/** What the check of the epoch chain needs of each tree. */
export interface TreeOutcome {
  readonly result: TreeResult;
  /** Null when the tree has no readable checkpoint. */
  readonly checkpoint: Checkpoint | null;
  readonly verifiers: readonly NoteVerifier[];
  /** Keys whose signatures on the checkpoint are right. */
  readonly signedBy: readonly Uint8Array[];
  readonly found: Findings;
}

export async function verifyTreeFromSource(source: TreeSource, options: TreeOptions): Promise<TreeOutcome> {
  const found = noFindings();
  const read = await readCheckpoint(source, options);
  const checkpoint = read?.checkpoint ?? null;
  const isSigned = (read?.signedBy ?? []).length > 0;
  if (checkpoint !== null) await checkTree(source, options, { ...checkpoint, isSigned }, found);
  checkSince(options, checkpoint);
  const result: TreeResult = {
    tree: options.tree,
    origin: options.origin,
    size: checkpoint?.size ?? 0,
    anchored: checkpoint !== null && (options.isKeyKnown === true || options.since !== undefined),
    root: checkpoint === null ? null : encodeBase64(checkpoint.root),
    tilesChecked: found.tilesChecked,
    leavesChecked: found.leavesChecked,
    contents: source.entries === null ? "not checked" : "checked",
    chain: found.chainRead || checkpoint === null || checkpoint.size === 0 ? "checked" : "not checked",
  };
  return { result, checkpoint, verifiers: options.verifiers, signedBy: read?.signedBy ?? [], found };
}

interface ReadCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly signedBy: readonly Uint8Array[];
}

async function readCheckpoint(source: TreeSource, options: TreeOptions): Promise<ReadCheckpoint | null> {
  const { faults, tree, origin, verifiers } = options;
  const place = { tree, file: "checkpoint" };
  const bytes = await source.checkpoint();
  if (bytes === null) {
    if (options.mayBeUnpublished !== true) {
      faults.add({ code: "checkpoint_missing", message: "the tree has no checkpoint", ...place });
    }
    return null;
  }
  const opened = await openNote(bytes, verifiers);
  const form = parseNote(bytes);
  const parsed = form.kind === "refused" ? form : parseCheckpoint(form.value.text);
  if (parsed.kind === "refused") {
    faults.add({ code: "checkpoint_malformed", message: parsed.reason, ...place });
    return null;
  }
  if (opened.kind === "refused") faults.add({ code: "checkpoint_signature", message: opened.reason, ...place });
  if (parsed.value.origin !== origin) {
    const message = `the checkpoint is of ${parsed.value.origin}, not of ${origin}`;
    faults.add({ code: "checkpoint_origin", message, ...place });
  }
  const ids = new Set(opened.kind === "refused" ? [] : opened.value.verified.map(({ keyId }) => keyId));
  const signedBy = verifiers.filter(({ keyId }) => ids.has(keyId)).map(({ publicKey }) => publicKey);
  return { checkpoint: parsed.value, signedBy };
}

async function checkTree(
  source: TreeSource,
  options: TreeOptions,
  { size, root, isSigned }: Checkpoint & { readonly isSigned: boolean },
  found: Findings,
): Promise<void> {
  const { tree, faults, verifiers } = options;
  const onLeaves = progress(options, size);
  const check: TreeCheck = { tree, source, size, root, isSigned, verifiers, faults, found, onLeaves };
  if (size === 0) {
    if (equalBytes(root, EMPTY_ROOT)) return;
    faults.add({ code: "root_mismatch", message: "an empty tree has another root", tree, file: "checkpoint" });
    return;
  }
  await checkLevels(check, await checkEdge(check));
  await checkChainFile(check);
  if (options.since !== undefined && options.since.size <= size) await checkContinues(check, options.since);
}

function progress(options: TreeOptions, size: number): (leaves: number) => void {
  let done = 0;
  let reported = 0;
  return (leaves) => {
    done += leaves;
    if (done - reported < PROGRESS_LEAVES && done < size) return;
    reported = done;
    options.onProgress?.(done, size);
  };
}

/** The root that these tiles had at the known size must be the known one. */
async function checkContinues(check: TreeCheck, since: Checkpoint): Promise<void> {
  const { size, faults, tree } = check;
  let root: Uint8Array;
  try {
    root = since.size === size ? check.root : await rootFromTiles(since.size, { readTile: widestTile(check) });
  } catch (error) {
    if (error instanceof TileUnreadable) return;
    throw error;
  }
  if (equalBytes(root, since.root)) return;
  const message = `the tree does not continue the known checkpoint of ${since.size} leaves`;
  faults.add({ code: "fork", message, tree, file: "checkpoint" });
}

/** Already among the faults. */
class TileUnreadable extends Error {}

function widestTile({ source, size }: TreeCheck): (level: number, n: number) => Promise<Uint8Array> {
  return async (level, n) => {
    const tile = await readTile(source, { level, n, width: tileWidth(level, n, size) });
    if ("wrong" in tile) throw new TileUnreadable(tile.message);
    return tile.bytes;
  };
}

function checkSince({ since, faults, tree }: TreeOptions, checkpoint: Checkpoint | null): void {
  const size = checkpoint?.size ?? 0;
  if (since === undefined || since.size <= size) return;
  const message = `the tree has ${size} leaves and is known to have had ${since.size}`;
  faults.add({ code: "rollback", message, tree, file: "checkpoint" });
}

/** A note as a checkpoint signed by one of the keys. */
export async function openCheckpoint(
  note: string | Uint8Array,
  verifiers: readonly NoteVerifier[],
): Promise<Parsed<Checkpoint>> {
  const opened = await openNote(note, verifiers);
  return opened.kind === "refused" ? opened : parseCheckpoint(opened.value.text);
}
