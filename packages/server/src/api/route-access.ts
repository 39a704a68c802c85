/**
 * Who may reach which route. Every route names its permission when it is declared, and one that does not keeps the
 * server from starting; so there is no route that somebody forgot.
 */
import { isDeepStrictEqual } from "node:util";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Principal } from "../access/access.ts";
import { authenticate } from "../access/authenticate.ts";
import type { AccessParts, Authentication, Credentials, Revoked } from "../access/authenticate.ts";
import { REVOKED_USE } from "../access/incidents.ts";
import type { Incidents } from "../access/incidents.ts";
import { clientAddress } from "../access/client-address.ts";
import type { TrustedProxies } from "../access/client-address.ts";
import { may, PERMISSIONS } from "../access/permissions.ts";
import type { Permission } from "../access/permissions.ts";
import type { ConnectionCertificates } from "../access/connection-certificates.ts";
import type { ClientCertificate } from "../access/client-certificate.ts";
import type { ProxiedConnections } from "../access/proxy-protocol.ts";
import type { AccessRecorder } from "../access/access-recorder.ts";
import { TallystickError } from "../errors.ts";
import { EMPTY_SCOPE, seesAllOf } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { RequiredCertificates } from "./certificate-required.ts";
import type { CertificateRequired } from "./certificate-required.ts";
import { readBy, recordReads } from "./recorded-reads.ts";

/** public: anybody. metrics: a reader, or a process on this machine that asks directly. */
export type RouteAccess = "public" | "metrics" | Permission;

declare module "fastify" {
  interface FastifyContextConfig {
    access?: RouteAccess;
    /** What OpenAPI says of parts that the route reads by itself. */
    described?: { readonly body?: unknown; readonly headers?: unknown };
  }
  interface FastifyRequest {
    /** Null on a public route when nobody is logged in. */
    principal: Principal | null;
    /** The client's address, through trusted proxies. */
    client: string;
    /** Whether who asked may go on being answered: what he showed still opens this, as what he was. */
    mayStill: () => Promise<boolean>;
    /** Logs that want a client certificate of a client that showed none. */
    closedLogs: ReadonlySet<string> | null;
  }
}

export const SESSION_COOKIE = "tallystick_session";

export interface RouteAccessParts extends AccessParts {
  readonly accesses: AccessRecorder;
  readonly intake: { readonly incidents: Pick<Incidents, "note"> };
  readonly proxies: TrustedProxies;
  readonly stopping: () => boolean;
  /** What PROXY protocol headers said. */
  readonly connections: () => ProxiedConnections | null;
  readonly certificates: ConnectionCertificates;
  readonly certificateRequired: CertificateRequired;
  /** Of `http.public_url`: the only one that a browser's changes may come from. Null: not configured. */
  readonly publicOrigin: string | null;
}

export function guardRoutes(app: FastifyInstance, parts: RouteAccessParts): void {
  app.decorateRequest("principal", null);
  app.decorateRequest("client", "");
  app.decorateRequest("closedLogs", null);
  app.decorateRequest("mayStill", () => Promise.resolve(true));
  const required = new RequiredCertificates(parts.certificateRequired);
  app.addHook("onRoute", (route) => {
    if (route.config?.access === undefined)
      throw new Error(`The route ${String(route.method)} ${route.url} does not say who may reach it.`);
    required.declared(route.method, route.url);
  });
  app.addHook("onReady", async () => required.assertAllNamed());
  recordReads(app, parts.accesses);
  app.addHook("onRequest", async (request, reply) => {
    request.client = addressOf(request, parts);
    if (parts.stopping()) throw shuttingDown(reply);
    const access = request.routeOptions.config.access ?? "public";
    const certificate = certificateOf(request, reply, parts, access);
    if (certificate === null && required.has(request))
      throw certificateMissing(`${request.method} ${request.routeOptions.url ?? "this path"}`);
    if (certificate === null) request.closedLogs = required.logs;
    const shown = {
      authorization: ownAuthorization(request, access),
      sessionToken: request.cookies[SESSION_COOKIE],
      certificate,
      address: request.client,
    };
    const authentication = await authenticate(parts, shown);
    if (authentication.kind === "throttled" && access !== "public") throw tooManyFailures(authentication.retryAfterS);
    if (authentication.kind === "known") {
      if (authentication.by !== "bearer") refuseForeignOrigin(request, parts.publicOrigin);
      const { principal } = authentication;
      request.principal = certificate === null ? required.withoutLogs(principal) : principal;
    }
    if (access === "public") return;
    if (access === "metrics" && isDirectLoopback(request)) return;
    if (authentication.kind === "revoked") await noteRevoked(parts, request, authentication);
    if (authentication.kind !== "known") throw unknown(reply, authentication);
    const permission = access === "metrics" ? "read" : access;
    const { principal } = authentication;
    if (!may(principal.role, permission)) {
      await parts.accesses.denied(readBy(request, principal)).catch(() => undefined);
      throw forbidden(principal, permission);
    }
    request.mayStill = () => isStillKnown(parts, request, shown, principal);
    // Figures are over all services, so they are for who sees all.
    if (access === "metrics" && !seesAllOf(principal.scope, "*")) throw figuresOfAll(principal);
    if (permission === "write" && certificate === null && required.hasLog(principal.log))
      throw certificateMissing(`Records for the log ${principal.log}`);
  });
}

/** Who uses a revoked key or token is known, and so is that he should not have it any more. */
async function noteRevoked(parts: RouteAccessParts, request: FastifyRequest, used: Revoked): Promise<void> {
  const { name, credential, retryAfterS } = used;
  const about = credential === "" ? name : credential;
  await parts.intake.incidents
    .note({ kind: REVOKED_USE, principal: name, about, answer: "refused", count: 1, address: request.client })
    .catch(() => undefined);
  // Paths may be as many as he likes; his attempts are counted above.
  if (retryAfterS !== null) throw tooManyFailures(retryAfterS);
  await parts.accesses.denied(readBy(request, used)).catch(() => undefined);
}

/** An answer that goes on ends when the key is revoked, the session over, the certificate or the scope another. */
async function isStillKnown(
  parts: RouteAccessParts,
  request: FastifyRequest,
  shown: Credentials,
  principal: Principal,
): Promise<boolean> {
  if (shown.certificate !== null && parts.certificates.of(request.raw.socket).kind !== "valid") return false;
  const again = await authenticate(parts, { ...shown, isAgain: true }).catch(() => null);
  return again?.kind === "known" && isDeepStrictEqual(again.principal, principal);
}

/** An enforcer passes its client's Authorization on, and shows its own key beside it. */
function ownAuthorization({ headers }: FastifyRequest, access: RouteAccess): string | undefined {
  const key = headers["x-tallystick-key"];
  return access === "enforce" && typeof key === "string" ? `Bearer ${key}` : headers.authorization;
}

/** The connection's certificate; one that does not hold is never ignored, except where nobody is asked who he is. */
function certificateOf(
  request: FastifyRequest,
  reply: FastifyReply,
  { certificates }: RouteAccessParts,
  access: RouteAccess,
): ClientCertificate | null {
  const found = certificates.of(request.raw.socket);
  if (found.kind === "valid") return found.certificate;
  if (found.kind === "none" || access === "public") return null;
  if (found.kind === "refused")
    throw new TallystickError("certificate_refused", `The client certificate is not accepted. ${found.why}`);
  reply.header("connection", "close");
  throw new TallystickError("connection_stale", "The authorities of client certificates changed.", { retryAfterS: 1 });
}

function certificateMissing(what: string): TallystickError {
  return new TallystickError("certificate_required", `${what}: only clients with a certificate are answered.`);
}

/** The principal of a route that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new TallystickError("unauthenticated", "This needs credentials.");
  return request.principal;
}

/** What whoever asks may see of the log; on a public route, nothing unless he is known. */
export function scopeOf(request: FastifyRequest): Scope {
  return request.principal?.scope ?? EMPTY_SCOPE;
}

function addressOf(request: FastifyRequest, parts: RouteAccessParts): string {
  const { remoteAddress = "", remotePort = 0 } = request.socket;
  // Whom a trusted proxy named by PROXY protocol may be a trusted proxy again, which names its client by a header.
  const peer = parts.connections()?.sourceOf(remoteAddress, remotePort) ?? remoteAddress;
  const { forwarded, "x-forwarded-for": xForwardedFor } = request.headers;
  return clientAddress(
    peer,
    { forwarded, xForwardedFor: Array.isArray(xForwardedFor) ? xForwardedFor.join(",") : xForwardedFor },
    parts.proxies,
  );
}

/**
 * A request that no proxy passed on: from loopback, to a loopback name, without a forwarding header. Figures about
 * the log are no records; a scraper on the machine may read them without a key.
 */
function isDirectLoopback(request: FastifyRequest): boolean {
  const { host = "", forwarded, via, "x-forwarded-for": xForwardedFor, "x-real-ip": xRealIp } = request.headers;
  const named = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(host);
  const passedOn = forwarded ?? via ?? xForwardedFor ?? xRealIp ?? request.headers["x-forwarded-host"];
  return named && passedOn === undefined && /^(127\.|::1$)/.test(request.client);
}

/** A cookie or a certificate goes along with whatever a browser sends, so what changes something must come from our own pages. */
function refuseForeignOrigin(request: FastifyRequest, publicOrigin: string | null): void {
  if (request.method === "GET" || request.method === "HEAD") return;
  const { origin, host, "sec-fetch-site": site } = request.headers;
  const foreignSite = site !== undefined && site !== "same-origin" && site !== "none";
  // A proxy may say https for what comes to us as http, so without a public URL only the host can be compared.
  const isOwn = publicOrigin === null ? origin?.replace(/^https?:\/\//, "") === host : origin === publicOrigin;
  const foreignOrigin = origin !== undefined && !isOwn;
  if (foreignSite || foreignOrigin)
    throw new TallystickError("forbidden", "A browser's request must come from the dashboard itself.");
}

/** Requests that still come over connections which were open. */
function shuttingDown(reply: FastifyReply): TallystickError {
  reply.header("connection", "close");
  return new TallystickError("shutting_down", "The server is shutting down.", { retryAfterS: 5 });
}

function unknown(reply: FastifyReply, authentication: Exclude<Authentication, { kind: "known" }>): TallystickError {
  if (authentication.kind === "unbound") {
    return new TallystickError("forbidden", `${authentication.name} is proven, and no rule says what it may do.`, {
      hint: "A rule of access.principals in the configuration binds it to services or gives it a role.",
    });
  }
  if (authentication.kind === "unavailable") {
    return new TallystickError(
      "issuer_unavailable",
      `The keys of the issuer ${authentication.issuer} cannot be had now.`,
    );
  }
  if (authentication.kind === "revoked") {
    reply.header("www-authenticate", 'Bearer realm="tallystick", error="invalid_token"');
    return new TallystickError("unauthenticated", `The ${authentication.what} was revoked.`);
  }
  const isRefused = authentication.kind === "refused";
  const challenge = isRefused ? 'Bearer realm="tallystick", error="invalid_token"' : 'Bearer realm="tallystick"';
  reply.header("www-authenticate", challenge);
  const why = isRefused && authentication.why !== null ? ` ${authentication.why}` : "";
  const message = isRefused ? `The credentials open nothing here.${why}` : "This needs credentials.";
  return new TallystickError("unauthenticated", message);
}

function tooManyFailures(retryAfterS: number): TallystickError {
  return new TallystickError("rate_limited", "Too many requests with wrong credentials came from this address.", {
    retryAfterS,
  });
}

function figuresOfAll({ name }: Principal): TallystickError {
  return new TallystickError("forbidden", `${name} sees some services only, and the figures are over all of them.`, {
    hint: "GET /api/graph gives the figures of the edges that you see.",
  });
}

function forbidden(principal: Principal, permission: Permission): TallystickError {
  const { name, role } = principal;
  return new TallystickError("forbidden", `${name} has the role ${role}, which may not ${PERMISSIONS[permission]}.`);
}
