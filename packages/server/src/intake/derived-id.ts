import { hash } from "node:crypto";
import { uuidv8 } from "@tallystick/record";

/**
 * An id that the same parts give again: UUIDv8 of the first half of SHA-256 over the parts, each closed by a zero
 * byte.
 */
export function derivedId(...parts: readonly string[]): string {
  return uuidv8(hash("sha256", `${parts.join("\0")}\0`, "buffer").subarray(0, 16));
}
