import { createHash } from "node:crypto";

/** Which service a token belongs to, by the fingerprints a service trusts; null when to none. */
export function callerOf(token: string | undefined, trusted: Readonly<Record<string, string>>): string | null {
  return token === undefined ? null : (trusted[fingerprint(token)] ?? null);
}

/** What may be written down about a secret. */
export function fingerprint(token: string): string {
  return `sha256:${createHash("sha256").update(token).digest("hex")}`;
}
