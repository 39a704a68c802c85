/**
 * Which requests need a client certificate whatever else they show: those of the named paths, and all that touch one
 * of the named logs.
 */
import type { FastifyRequest } from "fastify";

import type { Principal } from "../access/access.ts";
import { withoutLogs } from "../access/permissions.ts";
import { TallystickError } from "../errors.ts";

export interface CertificateRequired {
  /** `POST /v1/records`, `/api/*`, `*`. */
  readonly routes: readonly string[];
  readonly logs: readonly string[];
}

interface Pattern {
  readonly written: string;
  readonly method: string | null;
  readonly path: string;
  readonly isPrefix: boolean;
}

export class RequiredCertificates {
  readonly #patterns: readonly Pattern[];
  readonly logs: ReadonlySet<string>;
  readonly #unused: Set<string>;

  constructor({ routes, logs }: CertificateRequired) {
    this.#patterns = routes.map(patternOf);
    this.logs = new Set(logs);
    this.#unused = new Set(routes);
  }

  /** Told of every route there is, `/api/keys/:id`. */
  declared(methods: string | readonly string[], url: string): void {
    for (const pattern of this.#patterns)
      for (const method of [methods].flat()) if (fits(pattern, method, url)) this.#unused.delete(pattern.written);
  }

  /** A name that stands for no path would leave open what somebody believes is closed. */
  assertAllNamed(): void {
    for (const pattern of this.#unused) {
      throw new TallystickError("config_invalid", `tls.client_required.routes: ${pattern} names no path.`, {
        hint: "/api/openapi.json lists the paths there are; /api/* stands for all that begin so.",
      });
    }
  }

  /** By the route's pattern, or by the address where there is no such route. */
  has(request: FastifyRequest): boolean {
    if (this.#patterns.length === 0 && this.logs.size === 0) return false;
    const url = request.routeOptions.url ?? request.url.split("?", 1)[0] ?? "/";
    if (this.#patterns.some((pattern) => fits(pattern, request.method, url))) return true;
    const { log } = request.params as { readonly log?: string };
    return log !== undefined && this.hasLog(log);
  }

  /** As somebody who shows no certificate sees the log. */
  withoutLogs(principal: Principal): Principal {
    if (this.logs.size === 0) return principal;
    return { ...principal, scope: withoutLogs(principal.scope, [...this.logs]) };
  }

  hasLog(log: string): boolean {
    return this.logs.has(log);
  }
}

function patternOf(written: string): Pattern {
  const [first = "", second] = written.split(" ");
  const [method, path] = second === undefined ? [null, first] : [first, second];
  // The document of the API writes {id} where routes are declared with :id, and {path} for whatever follows.
  const asDeclared = path.replace(/\{path\}$/, "*").replaceAll(/\{([^}]+)\}/g, ":$1");
  const isPrefix = asDeclared.endsWith("*");
  return { written, method, path: isPrefix ? asDeclared.slice(0, -1) : asDeclared, isPrefix };
}

function fits({ method, path, isPrefix }: Pattern, asked: string, url: string): boolean {
  // What GET answers, HEAD tells of.
  if (method !== null && method !== asked && !(method === "GET" && asked === "HEAD")) return false;
  return isPrefix ? url.startsWith(path) : url === path;
}
