/** Bytes of the binary formats (segments, payload files). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** The same bytes as a Buffer. */
export function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Big-endian; returns where it ends. */
export function writeUint64(target: Buffer, value: number, offset: number): number {
  assert(Number.isSafeInteger(value) && value >= 0);
  target.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset);
  return target.writeUInt32BE(value % 0x1_0000_0000, offset + 4);
}

/** Null when it is not a safe integer. */
export function readUint64(bytes: Buffer, offset: number): number | null {
  const value = bytes.readUInt32BE(offset) * 0x1_0000_0000 + bytes.readUInt32BE(offset + 4);
  return Number.isSafeInteger(value) ? value : null;
}
