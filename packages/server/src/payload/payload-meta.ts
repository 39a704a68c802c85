/** What is kept beside a body, sealed with it. */
import { canonicalOf } from "@tallystick/record";

import { MAX_CONTENT_TYPE_CHARACTERS } from "./limits.ts";

export type Part = "request" | "response";
export const PARTS: readonly Part[] = ["request", "response"];

/** What a policy did to a body; the leaf says the same, without salt and digest. */
export interface BodyFacts {
  readonly content_type: string;
  /** `body`: the bytes. `digest`: only what proves that given bytes are those of the body. */
  readonly kept: "body" | "digest";
  /** Bytes before anything was cut off; absent when nothing was. */
  readonly cut_from?: number;
  /** Why only a digest is kept of what should have been kept whole. */
  readonly reason?: "binary" | "unreadable";
  /** How many places were taken out; absent when none was. */
  readonly redacted?: number;
  /** Bytes that the commitment covers. */
  readonly size: number;
}

export interface PayloadMeta extends BodyFacts {
  /** Hexadecimal, as the salt and the digest are: SHA-256(salt ‖ bytes). */
  readonly commitment: string;
  readonly part: Part;
  readonly salt: string;
  /** Who sent which record, and SHA-256 of the bytes, 16 bytes each; empty when a retry could not be told. */
  readonly identity: string;
  readonly content: string;
}

const HEX64 = /^[0-9a-f]{64}$/;
const IDENTITY = /^([0-9a-f]{32})?$/;
const NAMES: ReadonlySet<string> = new Set([
  "commitment",
  "content",
  "content_type",
  "cut_from",
  "identity",
  "kept",
  "part",
  "reason",
  "redacted",
  "salt",
  "size",
]);

/** RFC 8785 text. */
export function metaBytes(meta: PayloadMeta): Uint8Array {
  return Buffer.from(canonicalOf(meta), "utf8");
}

/** Null for anything that `metaBytes` would not have written. */
export function parseMeta(bytes: Uint8Array): PayloadMeta | null {
  const text = Buffer.from(bytes).toString("utf8");
  try {
    const value = JSON.parse(text) as PayloadMeta;
    return isMeta(value) && canonicalOf(value) === text ? value : null;
  } catch {
    return null;
  }
}

function isMeta(value: PayloadMeta): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.keys(value).every((name) => NAMES.has(name)) &&
    HEX64.test(value.commitment) &&
    HEX64.test(value.salt) &&
    IDENTITY.test(value.identity) &&
    IDENTITY.test(value.content) &&
    PARTS.includes(value.part) &&
    (value.kept === "body" || value.kept === "digest") &&
    (value.reason === undefined || value.reason === "binary" || value.reason === "unreadable") &&
    typeof value.content_type === "string" &&
    value.content_type.length <= MAX_CONTENT_TYPE_CHARACTERS &&
    [value.size, value.redacted ?? 0, value.cut_from ?? 0].every((n) => Number.isSafeInteger(n) && n >= 0)
  );
}
