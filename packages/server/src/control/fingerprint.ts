import { createHmac } from "node:crypto";

const FINGERPRINT_HEX = 32;

/** What stands for a secret in the log: `fp:` and half of HMAC-SHA256 under the folder's redaction key. */
export function fingerprintWith(redactionKey: Uint8Array): (secret: string) => string {
  return (secret) => `fp:${createHmac("sha256", redactionKey).update(secret).digest("hex").slice(0, FINGERPRINT_HEX)}`;
}
