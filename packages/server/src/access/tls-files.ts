/**
 * The files that TLS is spoken with, and what happens when they change.
 *
 * Guarantees: what is served was tried first, so a certificate that does not fit its key, or half a file, is told and
 * never served; the old one stays until the files are whole. A change is found within the interval, by the files'
 * bytes, however it was made (in place, by rename, by a link that turns).
 */
import { X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import type { SecureContextOptions } from "node:tls";

import type { Clock } from "../clock.ts";
import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";

export interface TlsFiles {
  /** Absolute paths. */
  readonly cert: string;
  readonly key: string;
  /** Null: no client is asked for a certificate. */
  readonly clientCa: string | null;
  /** Null: none is looked at for revocation. */
  readonly clientCrl: string | null;
}

/** As read, and tried: certificate and key fit. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | null;
  readonly clientCrl: Buffer | null;
  /** The server's own certificate: SHA-256 of the DER in hex. */
  readonly sha256: string;
  /** When it ends. */
  readonly expiresAtMs: number;
}

/** Null when there is no certificate. Relative paths start at `base`. */
export function tlsFilesOf(
  tls: { readonly cert: string; readonly key: string; readonly client_ca: string; readonly client_crl: string },
  base: string,
): TlsFiles | null {
  if (tls.cert === "") return null;
  const optional = (file: string) => (file === "" ? null : resolve(base, file));
  return {
    cert: resolve(base, tls.cert),
    key: resolve(base, tls.key),
    clientCa: optional(tls.client_ca),
    clientCrl: optional(tls.client_crl),
  };
}

/** Reads and tries; `config_invalid` names the key of the file that cannot be used. */
export async function readTls(disk: Disk, files: TlsFiles): Promise<TlsMaterial> {
  const cert = await read(disk, "tls.cert", files.cert);
  const key = await read(disk, "tls.key", files.key);
  const clientCa = files.clientCa === null ? null : await read(disk, "tls.client_ca", files.clientCa);
  const clientCrl = files.clientCrl === null ? null : await read(disk, "tls.client_crl", files.clientCrl);
  assertBundle("tls.cert", files.cert, cert);
  const first = certificateOf("tls.cert", files.cert, cert);
  if (files.clientCa !== null && clientCa !== null) assertBundle("tls.client_ca", files.clientCa, clientCa);
  if (files.clientCrl !== null && clientCrl !== null) {
    const lists = crlsOf(clientCrl);
    if (lists.length === 0) throw unusable("tls.client_crl", files.clientCrl, NO_LIST, null);
    tryContext({ crl: [...lists] }, "tls.client_crl", files.clientCrl, NO_LIST);
  }
  tryContext({ cert, key }, "tls.key", files.key, "is no private key of the certificate in tls.cert");
  const sha256 = first.fingerprint256.replaceAll(":", "").toLowerCase();
  return { cert, key, clientCa, clientCrl, sha256, expiresAtMs: Date.parse(first.validTo) };
}

const NO_LIST = "holds no PEM list of revoked certificates";

/** Each list on its own: of several in one text Node reads the first. */
export function crlsOf(bytes: Buffer): readonly string[] {
  return bytes.toString("latin1").match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g) ?? [];
}

/** OpenSSL's words name no bytes of a key, and are kept out of the message all the same. */
function tryContext(options: SecureContextOptions, name: string, file: string, why: string): void {
  try {
    createSecureContext(options);
  } catch (cause) {
    throw unusable(name, file, why, cause);
  }
}

async function read(disk: Disk, name: string, file: string): Promise<Buffer> {
  const bytes = await disk.readFile(file);
  if (bytes === null) throw new TallystickError("config_invalid", `${name}: ${file} is missing.`);
  return Buffer.from(bytes);
}

function certificateOf(name: string, file: string, bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw unusable(name, file, "holds no PEM certificate", cause);
  }
}

/** OpenSSL reads a bundle up to its first fault and believes the rest not to be there; here each must be whole. */
function assertBundle(name: string, file: string, bytes: Buffer): void {
  const text = bytes.toString("latin1");
  const whole = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const begun = text.match(/-----BEGIN /g) ?? [];
  if (whole.length === 0 || whole.length < begun.length)
    throw unusable(name, file, "holds no PEM certificate, or one that is not whole", null);
  for (const one of whole) certificateOf(name, file, Buffer.from(one, "latin1"));
}

function unusable(name: string, file: string, why: string, cause: unknown): TallystickError {
  return new TallystickError("config_invalid", `${name}: ${file} ${why}.`, {
    hint: "Write PEM files without a passphrase, the server's own certificate first; `tallystick certs dev DIR` makes an example.",
    cause,
  });
}

export interface TlsWatchParts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly files: TlsFiles;
  readonly everyMs: number;
  /** Called with what is to be served from now on, and whether other clients are believed. */
  readonly onChange: (material: TlsMaterial, isOtherTrust: boolean) => Promise<void> | void;
  /** Once for each state of the files that cannot be used. */
  readonly onTrouble: (error: TallystickError) => void;
}

export interface TlsWatch {
  /** What is served now. */
  current(): TlsMaterial;
  /** Looks at the files now. */
  check(): Promise<void>;
  /** Nothing is changed any more when it resolves. */
  close(): Promise<void>;
}

export function watchTls(parts: TlsWatchParts, first: TlsMaterial): TlsWatch {
  const { clock, disk, files, everyMs } = parts;
  let served = first;
  let lastTrouble = "";
  let cancel = () => {};
  let isClosed = false;
  const look = async (): Promise<void> => {
    const next = await readTls(disk, files).catch((error: unknown) => error as TallystickError);
    if (next instanceof Error) {
      if (next.message !== lastTrouble) parts.onTrouble(next);
      lastTrouble = next.message;
      return;
    }
    lastTrouble = "";
    const isOtherTrust = !isSame(served.clientCa, next.clientCa) || !isSame(served.clientCrl, next.clientCrl);
    if (!isOtherTrust && isSame(served.cert, next.cert) && isSame(served.key, next.key)) return;
    if (isClosed) return;
    served = next;
    await parts.onChange(next, isOtherTrust);
  };
  let looking: Promise<void> = Promise.resolve();
  const check = () => (looking = looking.then(look));
  const schedule = () => {
    if (!isClosed) cancel = clock.after(everyMs, () => void check().finally(schedule));
  };
  schedule();
  return {
    current: () => served,
    check,
    close() {
      isClosed = true;
      cancel();
      return looking;
    },
  };
}

function isSame(one: Buffer | null, other: Buffer | null): boolean {
  return one === null || other === null ? one === other : one.equals(other);
}
