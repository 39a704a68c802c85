import { assert } from "./assert.ts";
import { HASH_SIZE_BYTES } from "./hashing.ts";
import { ok, refused } from "./parsed.ts";
import type { Parsed } from "./parsed.ts";
import { decodeBase64, encodeBase64, hasControlCharacter, strictText } from "./text.ts";
import { parseDecimal, treeSize } from "./tree-size.ts";
import type { TreeSize } from "./tree-size.ts";

/** C2SP tlog-checkpoint: the text of the note by which a log commits to a tree. */
export interface Checkpoint {
  /** Which log: `<server origin>/<log>/<epoch>`. */
  readonly origin: string;
  readonly size: TreeSize;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

export interface ParsedCheckpoint extends Checkpoint {
  /** Lines after the root; none in Tallystick's own checkpoints. */
  readonly extensions: readonly string[];
}

/** Three lines, each with its line feed: origin, decimal size, base64 root. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  assert(isLine(origin), "an origin is one line of text");
  assert(root.length === HASH_SIZE_BYTES, "a root has 32 bytes");
  return `${origin}\n${treeSize(size)}\n${encodeBase64(root)}\n`;
}

/** Reads a note's text (not the whole note). Sizes above 2^53 − 1 and anything not canonical are refused. */
export function parseCheckpoint(text: string): Parsed<ParsedCheckpoint> {
  const lines = text.split("\n");
  if (lines.pop() !== "") return refused("the checkpoint does not end with a line feed");
  if (lines.length < 3) return refused("the checkpoint has fewer than three lines");
  if (!lines.every(isLine)) return refused("the checkpoint has an empty line or a control character");
  const [origin, decimal, encoded, ...extensions] = lines as [string, string, string, ...string[]];
  const size = parseDecimal(decimal);
  if (size === null) return refused("the checkpoint's size is not a decimal of at most 2^53 − 1 without leading zeros");
  const root = decodeBase64(encoded);
  if (root?.length !== HASH_SIZE_BYTES) return refused("the checkpoint's root is not 32 bytes of canonical base64");
  return ok({ origin, size: treeSize(size), root, extensions });
}

function isLine(line: string): boolean {
  return line !== "" && !hasControlCharacter(line) && strictText(line) !== null;
}
