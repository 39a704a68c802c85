import { assert } from "./assert.ts";
import { parseCheckpoint } from "./checkpoint.ts";
import { HASH_SIZE_BYTES } from "./hashing.ts";
import { MAX_PROOF_BYTES, MAX_PROOF_HASHES } from "./limits.ts";
import { parseNote } from "./note.ts";
import { ok, refused } from "./parsed.ts";
import type { Parsed } from "./parsed.ts";
import { decodeBase64, encodeBase64, strictText } from "./text.ts";
import { parseDecimal } from "./tree-size.ts";

/** C2SP tlog-proof: one leaf's inclusion proof with the checkpoint it leads to, in one text that needs no server. */
export interface LogProof {
  /** Opaque bytes; nothing authenticates them. */
  readonly extra?: Uint8Array;
  readonly index: number;
  /** From the leaf's sibling up. */
  readonly hashes: readonly Uint8Array[];
  /** The whole signed note, verbatim. */
  readonly checkpoint: string;
}

const HEADER = "c2sp.org/tlog-proof@v1";

export function formatProof({ extra, index, hashes, checkpoint }: LogProof): string {
  assert(parseDecimal(String(index)) === index, `not a leaf index: ${index}`);
  assert(hashes.length <= MAX_PROOF_HASHES, "the proof is longer than a tree is high");
  assert(
    hashes.every(({ length }) => length === HASH_SIZE_BYTES),
    "a hash has 32 bytes",
  );
  assert(parseNote(checkpoint).kind === "ok", "the checkpoint is not a signed note");
  const extraLine = extra === undefined || extra.length === 0 ? "" : `extra ${encodeBase64(extra)}\n`;
  const hashLines = hashes.map((hash) => `${encodeBase64(hash)}\n`).join("");
  return `${HEADER}\n${extraLine}index ${index}\n${hashLines}\n${checkpoint}`;
}

/** Reads the form only; `openNote` and `verifyInclusion` say whether it proves anything. */
export function parseProof(input: string | Uint8Array): Parsed<LogProof> {
  if (input.length > MAX_PROOF_BYTES) return refused("the proof is too long");
  const text = strictText(input);
  if (text === null) return refused("the proof is not valid UTF-8");
  const split = text.indexOf("\n\n");
  if (split < 0) return refused("the proof has no empty line before its checkpoint");
  const checkpoint = text.slice(split + 2);
  const note = parseNote(checkpoint);
  if (note.kind === "refused") return note;
  const said = parseCheckpoint(note.value.text);
  if (said.kind === "refused") return said;
  const head = parseHead(text.slice(0, split).split("\n"));
  return head.kind === "refused" ? head : ok({ ...head.value, checkpoint });
}

function parseHead(lines: readonly string[]): Parsed<Omit<LogProof, "checkpoint">> {
  if (lines[0] !== HEADER) return refused(`the proof does not begin with ${HEADER}`);
  const extra = lines[1]?.startsWith("extra ") === true ? decodeBase64(lines[1].slice(6)) : undefined;
  if (extra === null || extra?.length === 0) return refused("the proof's extra line is not canonical base64");
  const at = extra === undefined ? 1 : 2;
  const line = lines[at] ?? "";
  const index = line.startsWith("index ") ? parseDecimal(line.slice(6)) : null;
  if (index === null) return refused("the proof's index is not a decimal of at most 2^53 − 1 without leading zeros");
  const hashes = lines.slice(at + 1).map(decodeBase64);
  if (hashes.length > MAX_PROOF_HASHES) return refused("the proof is longer than a tree is high");
  if (!areHashes(hashes)) return refused("the proof has a line that is not 32 bytes of canonical base64");
  return ok(extra === undefined ? { index, hashes } : { extra, index, hashes });
}

function areHashes(hashes: readonly (Uint8Array | null)[]): hashes is readonly Uint8Array[] {
  return hashes.every((hash) => hash?.length === HASH_SIZE_BYTES);
}
