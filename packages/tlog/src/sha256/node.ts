import { hash } from "node:crypto";

/**
 * SHA-256 by Node's own OpenSSL. The digest travels as a Latin-1 ("binary") string because that is the cheapest way
 * out of `crypto.hash`: 0.3 µs for the 65 bytes of a tree node, where a Buffer of its own costs twice that.
 */
export function sha256Into(input: Uint8Array, target: Uint8Array, offset: number): void {
  const digest = hash("sha256", input, "binary");
  for (let at = 0; at < 32; at++) target[offset + at] = digest.charCodeAt(at);
}
