/** The `open` task: a run of frames of one segment becomes entries and leaf hashes again. Pure; runs in a worker. */
import type { Task } from "../compute/compute.ts";
import { countEntries, hashEntries } from "./entries.ts";
import { decompress, decryptFrame } from "./frame-cipher.ts";
import { FRAME_OVERHEAD_BYTES, TAG_BYTES, frameBytes, parseFrameHeader } from "./segment.ts";

export interface OpenInput {
  readonly segmentKey: Uint8Array;
  readonly headerHash: Uint8Array;
  /** Tag of the frame before the first. */
  readonly previousTag: Uint8Array;
  /** Whole frames, one after the other. */
  readonly frames: Uint8Array;
  readonly firstNumber: number;
  readonly firstIndex: number;
}

export interface OpenOutput {
  /** Leaves of the frames before the first bad one. */
  readonly count: number;
  readonly entries: Uint8Array;
  readonly hashes: Uint8Array;
  readonly bad: BadFrame | null;
}

export interface BadFrame {
  readonly number: number;
  /** From the beginning of the run. */
  readonly offset: number;
  readonly reason: string;
}

export const openTask: Task<OpenInput, OpenOutput> = {
  name: "open",
  run(input) {
    const { frames, bad, count } = openRun(input);
    const hashes = frames.map(({ entries, leafCount }) => hashEntries(entries, leafCount)!);
    const output = { count, bad, entries: joined(frames.map(({ entries }) => entries)), hashes: joined(hashes) };
    return { output, transfer: [output.entries.buffer as ArrayBuffer, output.hashes.buffer as ArrayBuffer] };
  },
};

export interface OpenedFrame {
  readonly bytes: number;
  readonly leafCount: number;
  readonly entries: Uint8Array;
}

export interface OpenedRun {
  readonly frames: readonly OpenedFrame[];
  /** Leaves in `frames`. */
  readonly count: number;
  readonly bad: BadFrame | null;
}

/** Opens frame after frame until the end or the first bad one. */
export function openRun(input: OpenInput): OpenedRun {
  const frames: OpenedFrame[] = [];
  let offset = 0;
  let count = 0;
  let previousTag = input.previousTag;
  while (offset < input.frames.length) {
    const number = input.firstNumber + frames.length;
    const frame = openFrame(input, { offset, number, previousTag, firstIndex: input.firstIndex + count });
    if (typeof frame === "string") return { frames, count, bad: { number, offset, reason: frame } };
    frames.push(frame);
    offset += frame.bytes;
    count += frame.leafCount;
    previousTag = input.frames.subarray(offset - TAG_BYTES, offset);
  }
  return { frames, count, bad: null };
}

interface Expected {
  readonly offset: number;
  readonly number: number;
  readonly previousTag: Uint8Array;
  readonly firstIndex: number;
}

function openFrame(input: OpenInput, { offset, number, previousTag, firstIndex }: Expected): OpenedFrame | string {
  const packed = decryptAt(input, input.frames, { offset, number, previousTag, firstIndex });
  if (typeof packed === "string") return packed;
  const entries = decompress(packed.bytes, packed.plainBytes);
  if (entries === null) return "the frame's contents do not unpack to the size that its header names";
  if (countEntries(entries) !== packed.leafCount) return "the frame does not hold the leaves that its header counts";
  return { bytes: FRAME_OVERHEAD_BYTES + packed.bytes.length, leafCount: packed.leafCount, entries };
}

export interface DecryptedFrame {
  readonly bytes: Uint8Array;
  readonly plainBytes: number;
  readonly leafCount: number;
}

/** Checks one frame's place and tag. A string says what is wrong. */
export function decryptAt(
  keys: Pick<OpenInput, "segmentKey" | "headerHash">,
  frames: Uint8Array,
  { offset, number, previousTag, firstIndex }: Expected,
): DecryptedFrame | string {
  const header = parseFrameHeader(frames, offset);
  if (typeof header === "string") return header;
  if (header.number !== number) return `it is frame ${header.number} where frame ${number} should be`;
  if (header.firstIndex !== firstIndex) return `it begins with leaf ${header.firstIndex}, not ${firstIndex}`;
  const end = offset + frameBytes(header);
  if (end > frames.length) return "the file ends within the frame";
  const bytes = decryptFrame({ ...keys, previousTag }, frames.subarray(offset, end));
  if (bytes === null) return "the frame's tag does not fit its bytes, its place or its key";
  return { bytes, plainBytes: header.plainBytes, leafCount: header.leafCount };
}

/** Always with a buffer of its own, so that it can be moved to another thread. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const only = parts.length === 1 ? parts[0]! : null;
  if (only !== null && only.byteLength === only.buffer.byteLength) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
