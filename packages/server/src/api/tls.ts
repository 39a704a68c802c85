import { createHash } from "node:crypto";
import type { Server as TlsServer, TlsOptions } from "node:tls";

import { crlsOf } from "../access/tls-files.ts";
import type { TlsMaterial } from "../access/tls-files.ts";
import { TLS_HANDSHAKE_TIMEOUT_MS } from "./limits.ts";

export interface TlsSettings {
  readonly material: TlsMaterial;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
}

/**
 * Node's options. A client that shows a wrong certificate gets an answer that says what is wrong with it instead of a
 * closed connection, so the handshake refuses none; ConnectionCertificates does.
 */
export function tlsOptions({ material, minVersion }: TlsSettings): TlsOptions {
  const { cert, key, clientCa, clientCrl } = material;
  const options = { cert, key, minVersion, ALPNProtocols: ["http/1.1"], handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS };
  if (clientCa === null) return options;
  // A session is resumed only under the authorities that its certificate was checked against.
  const trust = createHash("sha256")
    .update(clientCa)
    .update(clientCrl ?? "");
  const sessionIdContext = trust.digest("hex").slice(0, 32);
  const crl = clientCrl === null ? {} : { crl: [...crlsOf(clientCrl)] };
  return { ...options, ...crl, ca: clientCa, requestCert: true, rejectUnauthorized: false, sessionIdContext };
}

/** Serves new connections with other files; those that are open go on. */
export function serveTls(server: Pick<TlsServer, "setSecureContext">, tls: TlsSettings): void {
  server.setSecureContext(tlsOptions(tls));
}
