/**
 * Bearer secrets: a prefix that says what it opens, 256 random bits, and a checksum that tells a slip of the
 * clipboard from a guess before anything is looked up (and lets secret scanners recognise one).
 *
 * They are stored as plain SHA-256. Slow hashes (scrypt, argon2) protect passwords that people choose; a guesser of
 * 256 random bits gains nothing from a fast hash, while every request would pay for a slow one.
 */
import { createHash } from "node:crypto";

export const ADMIN_PREFIX = "tsa_";
export const KEY_PREFIX = "tsk_";
export const SESSION_PREFIX = "tss_";
/** The HMAC key of a producer's batches; opens nothing. */
export const BATCH_PREFIX = "tsh_";
const RANDOM_BYTES = 32;
const RANDOM_CHARACTERS = 43;
const CHECKSUM_CHARACTERS = 6;
const SHAPE = new RegExp(`^ts[aksh]_[A-Za-z0-9_-]{${RANDOM_CHARACTERS + CHECKSUM_CHARACTERS}}$`);

/** Fills a buffer of the given length with random bytes. */
export type Random = (length: number) => Uint8Array;

export function makeSecret(prefix: string, random: Random): string {
  const body = prefix + Buffer.from(random(RANDOM_BYTES)).toString("base64url");
  return body + checksum(body);
}

/** True for a string of the right shape whose checksum fits; says nothing about whether it opens anything. */
export function isWellFormedSecret(text: string): boolean {
  return SHAPE.test(text) && checksum(text.slice(0, -CHECKSUM_CHARACTERS)) === text.slice(-CHECKSUM_CHARACTERS);
}

/** What is stored and compared: 64 hex digits. */
export function secretDigest(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function checksum(body: string): string {
  return createHash("sha256")
    .update("tallystick secret checksum\0")
    .update(body)
    .digest("base64url")
    .slice(0, CHECKSUM_CHARACTERS);
}
