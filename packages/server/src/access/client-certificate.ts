/**
 * Whom a client certificate names: its SPIFFE id, else its first DNS name, else the certificate itself by its SHA-256.
 * The certificate was checked against the authorities of `tls.client_ca` before it comes here.
 *
 * https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md §2 and §5: a SPIFFE certificate names exactly one
 * URI, and no authority's certificate is one.
 */
import type { X509Certificate } from "node:crypto";

import { MAX_PRINCIPAL_BYTES } from "./limits.ts";

export interface ClientCertificate {
  /** `spiffe://…`, `dns:…` or `certificate:<sha256>`; what `observed.principal` says. */
  readonly principal: string;
  /** 64 hex digits over the DER. */
  readonly sha256: string;
  /** The same, base64url: `x5t#S256` of RFC 8705. */
  readonly thumbprint: string;
  readonly validFromMs: number;
  readonly validToMs: number;
}

export type NamedCertificate =
  | { readonly kind: "named"; readonly certificate: ClientCertificate }
  /** It names nobody, or more than one. */
  | { readonly kind: "refused"; readonly why: string };

type Reading<Value> =
  | { readonly kind: "read"; readonly value: Value }
  | { readonly kind: "refused"; readonly why: string };

const SPIFFE = /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[A-Za-z0-9._-]+)+$/;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$/;

export function nameCertificate(x509: X509Certificate): NamedCertificate {
  const sha256 = x509.fingerprint256.replaceAll(":", "").toLowerCase();
  const principal = principalOf(x509, sha256);
  if (principal.kind === "refused") return principal;
  return {
    kind: "named",
    certificate: {
      principal: principal.value,
      sha256,
      thumbprint: Buffer.from(sha256, "hex").toString("base64url"),
      validFromMs: Date.parse(x509.validFrom),
      validToMs: Date.parse(x509.validTo),
    },
  };
}

function principalOf(x509: X509Certificate, sha256: string): Reading<string> {
  if (x509.ca) return refused("It is the certificate of an authority, not of a client.");
  const names = alternativeNames(x509.subjectAltName ?? "");
  if (names === null) return refused("Its alternative names cannot be read.");
  const uris = names.filter(({ type, value }) => type === "URI" && /^spiffe:/i.test(value));
  if (uris.length > 0) return spiffeOf(uris.map(({ value }) => value));
  const dns = names.find(({ type, value }) => type === "DNS" && DNS_NAME.test(value.toLowerCase()));
  return { kind: "read", value: dns === undefined ? `certificate:${sha256}` : `dns:${dns.value.toLowerCase()}` };
}

function spiffeOf(uris: readonly string[]): Reading<string> {
  const [uri = "", ...others] = uris;
  if (others.length > 0) return refused("It names more than one SPIFFE id.");
  const isRelative = uri.split("/").some((part) => part === "." || part === "..");
  if (!SPIFFE.test(uri) || isRelative || uri.length > MAX_PRINCIPAL_BYTES)
    return refused("Its SPIFFE id is malformed.");
  return { kind: "read", value: uri };
}

const refused = (why: string) => ({ kind: "refused", why }) as const;

interface AlternativeName {
  readonly type: string;
  readonly value: string;
}

/**
 * Node's text of the extension: `URI:spiffe://a/b, DNS:localhost`, where a value that could be taken for more than one
 * name is a JSON string. Null when it is anything else.
 */
export function alternativeNames(text: string): readonly AlternativeName[] | null {
  const names: AlternativeName[] = [];
  const one = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  while (one.lastIndex < text.length) {
    const [, type, value] = one.exec(text) ?? [];
    if (type === undefined || value === undefined) return null;
    const plain = value.startsWith('"') ? jsonText(value) : value;
    if (plain === null) return null;
    names.push({ type, value: plain });
  }
  return names;
}

function jsonText(text: string): string | null {
  try {
    return JSON.parse(text) as string;
  } catch {
    return null;
  }
}
