/**
 * Cutting texts to size, for sources that cannot send a record again (OTLP): the longest attribute values are shortened
 * until the record fits, and the attribute `tallystick.truncated` names each with its size before.
 */
import { canonicalOf } from "./canonical.ts";
import { LIMITS } from "./limits.ts";
import { encodeUtf8, utf8Length } from "./utf8.ts";

export const TRUNCATED_ATTRIBUTE = "tallystick.truncated";
/** Room for the names of what was cut. */
const MARK_BYTES = 8_192;

/** The longest beginning of a well-formed text that takes at most so many bytes of UTF-8. */
export function cutToBytes(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes || utf8Length(text) <= maxBytes) return text;
  const bytes = encodeUtf8(text.slice(0, maxBytes));
  if (bytes.length <= maxBytes) return text.slice(0, maxBytes);
  let end = maxBytes;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

/** Names and sizes of what was cut, as the value of `tallystick.truncated`. */
export function truncatedMark(cuts: ReadonlyMap<string, number>): string {
  return cutToBytes(canonicalOf(Object.fromEntries(cuts)), MARK_BYTES);
}

/**
 * Shortens the longest values until `excess` bytes of canonical JSON are saved; false when the values together have not
 * that many. Changes `attributes` in place and adds to `cuts`.
 */
export function shortenLongest(attributes: Record<string, string>, excess: number, cuts: Map<string, number>): boolean {
  let left = excess + MARK_BYTES;
  const names = Object.keys(attributes).sort((a, b) => attributes[b]!.length - attributes[a]!.length);
  for (const name of names) {
    if (left <= 0) break;
    const value = attributes[name]!;
    const size = utf8Length(value);
    const kept = cutToBytes(value, Math.max(LIMITS.quotedCharacters, size - left));
    if (kept.length === value.length) continue;
    left -= utf8Length(canonicalOf(value)) - utf8Length(canonicalOf(kept));
    if (!cuts.has(name)) cuts.set(name, size);
    attributes[name] = kept;
  }
  return left <= MARK_BYTES;
}
