/** Who calls: each service says its name and shows its API key, and a callee keeps what it saw of both. */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** Header in which a caller says who it is. */
const CLIENT_ID = "x-client-id";

export interface Caller {
  /** Whom the caller says to be. */
  readonly clientId: string;
  /** Fingerprint of the key that it showed. */
  readonly credentialId: string;
}

/** What a caller shows to its callee. */
export function credentials(clientId: string, key: string): Readonly<Record<string, string>> {
  return { [CLIENT_ID]: clientId, authorization: `Bearer ${key}` };
}

/**
 * The caller, when its key is one of those that were issued; null otherwise. Here is the lapse of this fleet, and of
 * many real ones: nobody checks that the key is that of the name, so whoever has a key can call in another's.
 */
export function callerOf(headers: IncomingHttpHeaders, issuedKeys: readonly string[]): Caller | null {
  const key = shownKey(headers);
  const clientId = headers[CLIENT_ID];
  if (key === undefined || typeof clientId !== "string") return null;
  const credentialId = fingerprint(key);
  return issuedKeys.includes(credentialId) ? { clientId, credentialId } : null;
}

export function shownKey(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
}

/** What may be written down about a key. */
export function fingerprint(key: string): string {
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}
