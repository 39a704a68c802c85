/**
 * RFC 8785 (JSON Canonicalization Scheme), strict: keys in UTF-16 order, numbers as ECMAScript writes them, the
 * shortest escapes. What has no canonical form is refused with a TypeError: lone surrogates, NaN and infinities,
 * undefined, bigint, functions, symbols, holes in arrays, and objects of a class (a Date or a Map is not JSON, and
 * guessing what was meant would change evidence).
 */
import { LIMITS } from "./limits.ts";
import { isWellFormed } from "./utf8.ts";

/** Anything but printable ASCII without `"` and `\`: what may need an escape or a check. */
const NOT_PLAIN = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

export interface CanonicalBounds {
  /** Levels of arrays and objects. */
  readonly maxDepth: number;
  /** UTF-16 units of output after which to give up; a bound on work, not on bytes. */
  readonly maxLength: number;
}

/** Thrown where a bound is passed; the other refusals are plain TypeErrors. */
export class CanonicalBoundError extends TypeError {
  readonly bound: keyof CanonicalBounds;
  constructor(bound: keyof CanonicalBounds) {
    super(bound === "maxDepth" ? "the value is nested too deeply" : "the value is too long");
    this.bound = bound;
  }
}

const WIDE: CanonicalBounds = { maxDepth: LIMITS.canonicalDepth, maxLength: Number.MAX_SAFE_INTEGER };

export function canonicalOf(value: unknown, bounds: CanonicalBounds = WIDE): string {
  return write(value, 0, { bounds, length: 0 });
}

/** One JSON string in its canonical form. */
export function quote(text: string): string {
  return NOT_PLAIN.test(text) ? quoteStrictly(text) : `"${text}"`;
}

/** One JSON number in its canonical form. */
export function numeral(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`JSON has no number ${value}`);
  return String(value);
}

interface Progress {
  readonly bounds: CanonicalBounds;
  length: number;
}

function write(value: unknown, depth: number, progress: Progress): string {
  switch (typeof value) {
    case "string":
      return counted(quote(value), progress);
    case "number":
      return counted(numeral(value), progress);
    case "boolean":
      return counted(String(value), progress);
    case "object":
      if (value === null) return counted("null", progress);
      if (depth >= progress.bounds.maxDepth) throw new CanonicalBoundError("maxDepth");
      return Array.isArray(value) ? writeArray(value, depth, progress) : writeObject(value, depth, progress);
    default:
      throw new TypeError(`JSON has no ${typeof value}`);
  }
}

function writeArray(values: readonly unknown[], depth: number, progress: Progress): string {
  let text = "[";
  for (let index = 0; index < values.length; index++) {
    text += (index === 0 ? "" : ",") + write(values[index], depth + 1, progress);
  }
  return counted(`${text}]`, progress, 2);
}

function writeObject(value: object, depth: number, progress: Progress): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object from another realm (a worker's message, a vm) has another Object.prototype, whose own prototype is null
  // all the same.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw new TypeError("not a plain object");
  let text = "{";
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    text += `${(text === "{" ? "" : ",") + counted(quote(key), progress)}:${write(member, depth + 1, progress)}`;
  }
  return counted(`${text}}`, progress, 2);
}

/** Counts a piece of output (of an array or object only its brackets, since its members have been counted). */
function counted(text: string, progress: Progress, length = text.length): string {
  progress.length += length;
  if (progress.length > progress.bounds.maxLength) throw new CanonicalBoundError("maxLength");
  return text;
}

/** RFC 8785 §3.2.2.2 asks for the escapes that JSON.stringify writes, which alone would let a lone surrogate pass. */
function quoteStrictly(text: string): string {
  if (!isWellFormed(text)) throw new TypeError("the string has a lone surrogate");
  return JSON.stringify(text);
}
