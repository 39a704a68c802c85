import { gunzipSync, inflateRawSync, inflateSync } from "node:zlib";

import type { IntakeRequest } from "./intake.ts";
import { malformed, tooLarge, type Refused } from "./refused.ts";
import { zstdDecompress } from "./zstd.ts";

export type Decompressed = { readonly kind: "bytes"; readonly bytes: Uint8Array } | Refused;

/** The body as sent, decompressed; never more than `maxBytes` of memory for the result, whatever the body claims. */
export async function decompress(
  body: Uint8Array,
  encoding: IntakeRequest["encoding"],
  maxBytes: number,
): Promise<Decompressed> {
  if (body.byteLength > maxBytes) return tooLarge(maxBytes);
  if (encoding === "identity") return { kind: "bytes", bytes: body };
  if (encoding === "zstd") return await zstdDecompress(body, maxBytes);
  return inflate(body, encoding, maxBytes);
}

function inflate(body: Uint8Array, encoding: "gzip" | "deflate", maxBytes: number): Decompressed {
  const options = { maxOutputLength: maxBytes };
  try {
    if (encoding === "gzip") return { kind: "bytes", bytes: gunzipSync(body, options) };
    return { kind: "bytes", bytes: isZlib(body) ? inflateSync(body, options) : inflateRawSync(body, options) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ERR_BUFFER_TOO_LARGE") return tooLarge(maxBytes);
    return malformed(`the body is not valid ${encoding}`);
  }
}

/**
 * `deflate` means the zlib format (RFC 9110 §8.4.1.2), but some senders write bare deflate: zlib's first two bytes
 * tell them apart.
 */
function isZlib(body: Uint8Array): boolean {
  const first = body[0] ?? 0;
  return (first & 0x0f) === 8 && ((first << 8) | (body[1] ?? 0)) % 31 === 0;
}
