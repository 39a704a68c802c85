/**
 * Which client certificate a connection has.
 *
 * Guarantees: only a certificate that the handshake checked against `tls.client_ca` counts, only within its time,
 * looked at for every request, and only as long as the authorities are those it was checked against: once they change,
 * a connection that showed a certificate is told to connect again. One that shows none is never affected.
 */
import type { Socket } from "node:net";
import type { Server } from "node:tls";
import { TLSSocket } from "node:tls";

import type { Clock } from "../clock.ts";
import { nameCertificate } from "./client-certificate.ts";
import type { ClientCertificate, NamedCertificate } from "./client-certificate.ts";

export type ConnectionCertificate =
  | { readonly kind: "none" }
  | { readonly kind: "valid"; readonly certificate: ClientCertificate }
  | { readonly kind: "refused"; readonly why: string }
  /** Checked against authorities that are no longer those. */
  | { readonly kind: "stale" };

const NONE: ConnectionCertificate = { kind: "none" };

export class ConnectionCertificates {
  readonly #clock: Clock;
  readonly #named = new WeakMap<TLSSocket, NamedCertificate | null>();
  /** By address and port of the other end: which trust a connection began under. */
  readonly #begunUnder = new Map<string, number>();
  #trust = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call before the server listens. */
  watch(server: Pick<Server, "on">): void {
    server.on("connection", (socket: Socket) => {
      const key = keyOf(socket);
      this.#begunUnder.set(key, this.#trust);
      socket.once("close", () => this.#begunUnder.delete(key));
    });
  }

  /** The authorities of clients are others from now on. */
  trustChanged(): void {
    this.#trust += 1;
  }

  of(socket: Socket): ConnectionCertificate {
    if (!(socket instanceof TLSSocket)) return NONE;
    const named = this.#nameOf(socket);
    if (named === null) return NONE;
    if (this.#begunUnder.get(keyOf(socket)) !== this.#trust) return { kind: "stale" };
    if (!socket.authorized) return { kind: "refused", why: reasonOf(String(socket.authorizationError)) };
    if (named.kind === "refused") return named;
    const { validFromMs, validToMs } = named.certificate;
    const nowMs = this.#clock.nowUs() / 1_000;
    if (nowMs > validToMs) return { kind: "refused", why: "It has expired." };
    if (nowMs < validFromMs) return { kind: "refused", why: "It is not valid yet." };
    return { kind: "valid", certificate: named.certificate };
  }

  #nameOf(socket: TLSSocket): NamedCertificate | null {
    const known = this.#named.get(socket);
    if (known !== undefined) return known;
    const x509 = socket.getPeerX509Certificate();
    const named = x509 === undefined ? null : nameCertificate(x509);
    this.#named.set(socket, named);
    return named;
  }
}

const keyOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "It has expired.",
  CERT_NOT_YET_VALID: "It is not valid yet.",
  UNABLE_TO_GET_ISSUER_CERT: "None of the authorities in tls.client_ca issued it.",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "None of the authorities in tls.client_ca issued it.",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "None of the authorities in tls.client_ca issued it.",
  DEPTH_ZERO_SELF_SIGNED_CERT: "It is signed by itself.",
  SELF_SIGNED_CERT_IN_CHAIN: "None of the authorities in tls.client_ca issued it.",
  CERT_REVOKED: "It is revoked.",
  CRL_HAS_EXPIRED: "The list of revoked certificates in tls.client_crl is out of date.",
  UNABLE_TO_GET_CRL: "There is no list of revoked certificates of its authority in tls.client_crl.",
  INVALID_PURPOSE: "It was not issued for clients.",
};

function reasonOf(code: string): string {
  return REASONS[code] ?? `The check says ${code.replaceAll(/[^A-Za-z0-9_ ]/g, "").slice(0, 64)}.`;
}
