/**
 * Certificates for trying TLS out: an authority, and what it issues for servers and clients. P-256, and SPIFFE ids for
 * clients. Its keys lie in the open in a folder, so it is for development only.
 */
import { webcrypto } from "node:crypto";
import type * as X509 from "@peculiar/x509";

export interface Pem {
  readonly certificate: string;
  readonly key: string;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface Subject extends Validity {
  readonly name: string;
  readonly purpose: "server" | "client";
  readonly dns?: readonly string[];
  readonly addresses?: readonly string[];
  readonly uris?: readonly string[];
}

const KEY = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const SERIAL_BYTES = 16;

async function library(): Promise<typeof X509> {
  // The library's own dependency looks for it when it is loaded.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto as never);
  return x509;
}

export async function makeAuthority(name: string, validity: Validity): Promise<Pem> {
  const x509 = await library();
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: serial(),
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: KEY,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: text(certificate), key: await keyText(keys.privateKey) };
}

/** What `authority` vouches for. */
export async function issue(authority: Pem, subject: Subject): Promise<Pem> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await newKeys();
  const { dns = [], addresses = [], uris = [], purpose } = subject;
  const names = [
    ...uris.map((value) => ({ type: "url" as const, value })),
    ...dns.map((value) => ({ type: "dns" as const, value })),
    ...addresses.map((value) => ({ type: "ip" as const, value })),
  ];
  const usage = purpose === "server" ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
  const certificate = await x509.X509CertificateGenerator.create({
    notBefore: subject.notBefore,
    notAfter: subject.notAfter,
    serialNumber: serial(),
    subject: [{ CN: [subject.name] }],
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority.key),
    signingAlgorithm: KEY,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: text(certificate), key: await keyText(keys.privateKey) };
}

/** A list of what `authority` no longer vouches for. */
export async function revoke(authority: Pem, certificates: readonly string[], validity: Validity): Promise<string> {
  const x509 = await library();
  const crl = await x509.X509CrlGenerator.create({
    issuer: new x509.X509Certificate(authority.certificate).subject,
    thisUpdate: validity.notBefore,
    nextUpdate: validity.notAfter,
    entries: certificates.map((pem) => ({ serialNumber: new x509.X509Certificate(pem).serialNumber })),
    signingAlgorithm: KEY,
    signingKey: await signingKey(authority.key),
  });
  // The library's own label is one that OpenSSL does not know.
  return `${crl.toString("pem").replaceAll(" CRL-----", " X509 CRL-----")}\n`;
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => webcrypto.subtle.generateKey(KEY, true, ["sign", "verify"]);

function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  return webcrypto.subtle.importKey("pkcs8", der, KEY, false, ["sign"]);
}

/** Positive, as RFC 5280 wants it. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

const text = (certificate: X509.X509Certificate): string => `${certificate.toString("pem")}\n`;

async function keyText(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}
