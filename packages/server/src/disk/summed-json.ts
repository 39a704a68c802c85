/**
 * JSON of a small file with the SHA-256 of its text before it, so that a changed bit of what is kept beside the log is
 * seen: `sha256:<64 hex>`, a line feed, the JSON, a line feed. It tells damage, not forgery: who can write the file can
 * write its sum.
 */
import { createHash } from "node:crypto";

export function writeSummed(value: unknown): Uint8Array {
  const text = `${JSON.stringify(value)}\n`;
  return Buffer.from(`sha256:${sumOf(text)}\n${text}`);
}

/** What was written, or undefined when it is damaged. Files of before there were sums are bare JSON. */
export function readSummed(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString("utf8");
  const [, sum, summed] = /^sha256:([0-9a-f]{64})\n(.*\n)$/s.exec(text) ?? [];
  if (summed !== undefined && sumOf(summed) !== sum) return undefined;
  try {
    return JSON.parse(summed ?? text) as unknown;
  } catch {
    return undefined;
  }
}

function sumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
