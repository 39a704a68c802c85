/** The `credential_id` under which the log knows a credential that somebody holds in his hand. */
import { X509Certificate } from "node:crypto";
import { normalise, slotOf } from "@tallystick/record";

const CREDENTIAL = slotOf("credential_id");
const CERTIFICATE = /^-----BEGIN CERTIFICATE-----/;

export interface CredentialId {
  readonly credentialId: string;
  readonly kind: "certificate" | "key id" | "fingerprint";
}

/**
 * Found the way intake finds it, from what an Authorization header or an API key's header would hold. A certificate is
 * known by its SHA-256. Null when it names no credential.
 */
export function credentialIdOf(given: string, fingerprint: (secret: string) => string): CredentialId | null {
  const text = given.trim();
  if (CERTIFICATE.test(text)) return certificateId(text);
  const outcome = normalise(
    {
      timestamp: "1970-01-01T00:00:00Z",
      event_type: "AUTH",
      service_id: "none",
      status: "unknown",
      attributes: { "http.request.header.authorization": text },
    },
    { service: null, principal: "none", nowUs: 0, newId: () => "", fingerprint, redactNames: new Set() },
  );
  const found = outcome.kind === "ok" ? outcome.slots[CREDENTIAL] : undefined;
  if (typeof found !== "string" || found === "") return null;
  return { credentialId: found, kind: found.startsWith("fp:") ? "fingerprint" : "key id" };
}

function certificateId(pem: string): CredentialId | null {
  try {
    const sha256 = new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
    return { credentialId: sha256, kind: "certificate" };
  } catch {
    return null;
  }
}
