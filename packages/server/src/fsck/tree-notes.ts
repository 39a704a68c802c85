/**
 * A tree's two signed notes, the head and the published checkpoint: form, signature, and how they stand to each
 * other.
 */
import { ed25519Verifier, equalBytes, openNote, parseCheckpoint, parseNote } from "@tallystick/tlog";
import type { Checkpoint } from "@tallystick/tlog";
import type { Disk } from "../disk/disk.ts";
import { MAX_NOTE_BYTES } from "../ledger/limits.ts";
import type { TreeFaults } from "./faults.ts";

export interface FolderNote extends Checkpoint {
  readonly note: Uint8Array;
  readonly file: string;
}

export interface NotePlaces {
  readonly disk: Disk;
  readonly checkpointFile: string;
  readonly headFile: string;
  readonly origin: string;
  /** Every key that signs, or signed, for the folder. Null when nobody knows one: then only the form is checked. */
  readonly publicKeys: readonly Uint8Array[] | null;
  readonly isStopped: boolean;
  readonly faults: TreeFaults;
}

export interface TreeNotes {
  readonly checkpoint: FolderNote | null;
  readonly head: FolderNote | null;
}

/**
 * The checkpoint is read first: a running server swaps the head before it publishes, so the head read later is never
 * behind.
 */
export async function readTreeNotes(places: NotePlaces): Promise<TreeNotes> {
  const { disk, faults, isStopped, checkpointFile, headFile } = places;
  const checkpointBytes = await disk.readFile(checkpointFile);
  const headBytes = await disk.readFile(headFile);
  const checkpoint =
    checkpointBytes === null ? null : await openStrictly(places, checkpointFile, checkpointBytes, "checkpoint");
  const head = headBytes === null ? null : await openStrictly(places, headFile, headBytes, "head");
  if (headBytes === null && checkpointBytes !== null)
    faults.add("head_missing", "the tree has no head", { file: headFile });
  if (checkpointBytes === null && headBytes !== null && isStopped) {
    faults.add("checkpoint_missing", "the head was never published", { file: checkpointFile });
  }
  if (checkpoint !== null && head !== null) compare(checkpoint, head, places);
  return { checkpoint, head };
}

function compare(checkpoint: FolderNote, head: FolderNote, { faults, isStopped }: NotePlaces): void {
  const { size, file } = checkpoint;
  if (size > head.size) {
    faults.add(
      "head_rollback",
      `the head has ${head.size} leaves, the published checkpoint ${size}: the head was put back`,
      { file: head.file },
    );
  } else if (size < head.size && isStopped) {
    faults.add(
      "checkpoint_rollback",
      `the checkpoint has ${size} leaves, the head ${head.size}: the checkpoint was put back`,
      { file },
    );
  } else if (size === head.size && !equalBytes(checkpoint.note, head.note)) {
    faults.add("checkpoint_mismatch", `checkpoint and head of ${size} leaves are not the same note`, { file });
  }
}

async function openStrictly(
  places: NotePlaces,
  file: string,
  note: Uint8Array,
  kind: "checkpoint" | "head",
): Promise<FolderNote | null> {
  const opened = await openOwn(note, places.origin, places.publicKeys);
  if (typeof opened !== "string") return { ...opened, note, file };
  places.faults.add(`${kind}_malformed`, `the ${kind} does not open: ${opened}`, { file });
  return null;
}

/** A string says why. The log's own signatures only: a line more would be a byte that nobody vouches for. */
export async function openOwn(
  note: Uint8Array,
  origin: string,
  publicKeys: readonly Uint8Array[] | null,
): Promise<Checkpoint | string> {
  if (note.length > MAX_NOTE_BYTES) return "it is too long";
  const parsed = parseNote(note);
  if (parsed.kind === "refused") return parsed.reason;
  if (publicKeys === null) {
    if (parsed.value.signatures.length !== 1) return "it has more than the log's own signature";
  } else {
    const verified = await openNote(
      note,
      publicKeys.map((key) => ed25519Verifier(origin, key)),
    );
    if (verified.kind === "refused") return verified.reason;
    const ids = verified.value.verified.map(({ keyId }) => keyId);
    if (verified.value.unknown.length > 0 || new Set(ids).size !== ids.length)
      return "it has more than the log's own signatures";
  }
  const checkpoint = parseCheckpoint(parsed.value.text);
  if (checkpoint.kind === "refused") return checkpoint.reason;
  if (checkpoint.value.origin !== origin) return `it is of ${checkpoint.value.origin}`;
  if (checkpoint.value.extensions.length > 0) return "it has lines that this version does not write";
  return checkpoint.value;
}
