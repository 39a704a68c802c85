/**
 * The file that stays of a deleted tree (docs/formats/deletion.md): its final checkpoint, the leaves by which it is
 * chained to the others, each proven under that checkpoint, and the record of the deletion, proven under a checkpoint
 * of the tree that the record is in. With it the chain of epochs is checked as if the tree were still there, and a tree
 * that is gone without it was not deleted by the log.
 */
import { decodeLeaf } from "@tallystick/record";
import type { Leaf } from "@tallystick/record";
import {
  encodeBase64,
  leafHash,
  openNote,
  parseCheckpoint,
  parseNote,
  parseProof,
  treeSize,
  verifyInclusion,
} from "@tallystick/tlog";
import type { Checkpoint, NoteVerifier, Parsed } from "@tallystick/tlog";
import { successionOf } from "./key-succession.ts";
import { linkOf, openingOf } from "./own-leaf.ts";
import { MAX_DELETION_BYTES } from "./limits.ts";
import { noFindings } from "./tree-check.ts";
import type { TreeOutcome } from "./verify-tree.ts";

const DELETION_FORMAT = 1;
export const DELETION_OPERATION = "epoch deletion";

/** A leaf's exact text and its `c2sp.org/tlog-proof@v1`. */
export interface ProvenLeaf {
  readonly leaf: string;
  readonly proof: string;
}

export interface Deletion {
  /** `<log>/<epoch>` of the tree that is gone. */
  readonly tree: string;
  /** Leaf 0 and the EPOCH_LINKs, ascending, each proven under the tree's final checkpoint. */
  readonly chain: readonly ProvenLeaf[];
  /** The record of the deletion and the tree that it is in. */
  readonly record: ProvenLeaf & { readonly tree: string };
}

/** One way to write each. */
export function formatDeletion({ tree, chain, record }: Deletion): Uint8Array {
  const value = {
    chain: chain.map(({ leaf, proof }) => ({ leaf, proof })),
    format: DELETION_FORMAT,
    record: { leaf: record.leaf, proof: record.proof, tree: record.tree },
    tree,
  };
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}

/** Reads the form only; `checkDeletion` says whether it proves anything. */
export function parseDeletion(bytes: Uint8Array): Parsed<Deletion> {
  if (bytes.length > MAX_DELETION_BYTES) return { kind: "refused", reason: "the file is too long" };
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return { kind: "refused", reason: "the file is no JSON" };
  }
  const deletion = shapeOf(value);
  if (deletion === null) return { kind: "refused", reason: "the file has not the parts of a deletion" };
  if (new TextDecoder().decode(formatDeletion(deletion)) !== text)
    return { kind: "refused", reason: "the file is not in its canonical form" };
  return { kind: "ok", value: deletion };
}

function shapeOf(value: unknown): Deletion | null {
  const { chain, format, record, tree } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (format !== DELETION_FORMAT || typeof tree !== "string" || !Array.isArray(chain)) return null;
  const proven = chain.map(provenOf);
  const told = provenOf(record);
  const { tree: recordTree } = (record ?? {}) as Readonly<Record<string, unknown>>;
  if (told === null || typeof recordTree !== "string" || proven.length === 0) return null;
  return proven.every((leaf) => leaf !== null) ? { tree, chain: proven, record: { ...told, tree: recordTree } } : null;
}

function provenOf(value: unknown): ProvenLeaf | null {
  const { leaf, proof } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return typeof leaf === "string" && typeof proof === "string" ? { leaf, proof } : null;
}

export interface DeletionContext {
  /** `<server origin>`; a tree's origin is this, a slash and its name. */
  readonly serverOrigin: string;
  /** Keys whose signature counts for a tree of this origin. */
  readonly keysFor: (origin: string) => readonly NoteVerifier[];
}

export interface CheckedDeletion {
  /** What is wrong, in sentences; empty when the file proves the deletion. */
  readonly problems: readonly string[];
  /** What the tree still says of itself, for the chain; null without a final checkpoint. */
  readonly outcome: TreeOutcome | null;
  /** The final checkpoint as a note; empty when there is none. */
  readonly note: string;
  readonly chain: readonly { readonly index: number; readonly leaf: Uint8Array }[];
}

/** Whether the file proves what it says, against keys that the caller trusts. */
export async function checkDeletion(deletion: Deletion, context: DeletionContext): Promise<CheckedDeletion> {
  const origin = `${context.serverOrigin}/${deletion.tree}`;
  const verifiers = context.keysFor(origin);
  const opened = await openProof(deletion.chain[0]!, origin, verifiers);
  if (typeof opened === "string") return { problems: [`leaf 0: ${opened}`], outcome: null, note: "", chain: [] };
  const { checkpoint, note } = opened;
  const problems: string[] = [];
  const found = noFindings();
  found.chainRead = true;
  const chain: { index: number; leaf: Uint8Array }[] = [];
  for (const [place, leaf] of deletion.chain.entries()) {
    const proven = await openProof(leaf, origin, verifiers);
    if (typeof proven === "string" || proven.note !== note) {
      problems.push(`chain leaf ${place}: ${typeof proven === "string" ? proven : "it is under another checkpoint"}`);
      continue;
    }
    const { index, decoded } = proven;
    const opening = index === 0 ? openingOf(decoded.record, decoded.observed) : null;
    const link = linkOf(decoded.record, decoded.observed, index);
    if (opening !== null) found.opening = opening;
    else if (link !== null && index > (chain.at(-1)?.index ?? -1)) found.links.push(link);
    else if (successionOf(decoded.record, decoded.observed) !== null) {
      // Kept for who follows the signing key; the chain of epochs does not need it.
    } else problems.push(`chain leaf ${place} is not one of the epoch chain`);
    chain.push({ index, leaf: new TextEncoder().encode(leaf.leaf) });
  }
  if (found.opening === null) problems.push("leaf 0, which opens the tree, is not there");
  problems.push(...(await recordProblems(deletion, checkpoint, context)));
  const result = {
    tree: deletion.tree,
    origin,
    size: checkpoint.size,
    anchored: false,
    root: encodeBase64(checkpoint.root),
    tilesChecked: 0,
    leavesChecked: chain.length,
    contents: "checked" as const,
    chain: "checked" as const,
  };
  return { problems, outcome: { result, checkpoint, verifiers, signedBy: [], found }, note, chain };
}

interface OpenedProof {
  readonly checkpoint: Checkpoint;
  readonly note: string;
  readonly index: number;
  readonly decoded: Leaf;
}

/** A string says why it proves nothing. */
async function openProof(
  { leaf, proof }: ProvenLeaf,
  origin: string,
  verifiers: readonly NoteVerifier[],
): Promise<OpenedProof | string> {
  const parsed = parseProof(proof);
  if (parsed.kind === "refused") return parsed.reason;
  const { index, hashes, checkpoint: note } = parsed.value;
  const opened = await openNote(note, verifiers);
  if (opened.kind === "refused") return opened.reason;
  const form = parseNote(note);
  const said = parseCheckpoint(form.kind === "ok" ? form.value.text : "");
  if (said.kind === "refused") return said.reason;
  if (said.value.origin !== origin) return `the checkpoint is of ${said.value.origin}, not of ${origin}`;
  const bytes = new TextEncoder().encode(leaf);
  const { size, root } = said.value;
  if (!verifyInclusion(leafHash(bytes), index, size, hashes, root))
    return `the leaf is not leaf ${index} of the tree that the checkpoint signs`;
  try {
    return { checkpoint: { ...said.value, size: treeSize(size) }, note, index, decoded: decodeLeaf(bytes) };
  } catch (error) {
    return error instanceof Error ? error.message : "it is no leaf";
  }
}

/** The record is the log's own, says that this tree goes, and knew its final checkpoint. */
async function recordProblems(
  { tree, record }: Deletion,
  final: Checkpoint,
  context: DeletionContext,
): Promise<readonly string[]> {
  const log = tree.slice(0, tree.indexOf("/"));
  if (record.tree === tree || !record.tree.startsWith(`${log}/`)) return ["its record is in a tree of another log"];
  const origin = `${context.serverOrigin}/${record.tree}`;
  const opened = await openProof(record, origin, context.keysFor(origin));
  if (typeof opened === "string") return [`its record: ${opened}`];
  const { record: said, observed } = opened.decoded;
  const isOwn = observed.intake === "tallystick" && observed.principal === "tallystick";
  if (!isOwn || said.event_type !== "LOG_LIFECYCLE" || said.operation !== DELETION_OPERATION)
    return ["its record is not the log's own record of a deletion"];
  const attributes = said.attributes ?? {};
  const isSame =
    attributes["tallystick.tree"] === tree &&
    attributes["tallystick.size"] === String(final.size) &&
    attributes["tallystick.root"] === encodeBase64(final.root);
  return isSame ? [] : ["its record is of another tree, or of another end of it"];
}
