/**
 * Which answer is a read of the log, and how it is recorded before it is sent. Every route that needs a reader's
 * permission says so when it is declared, and one that does not keeps the server from starting; so no read goes
 * unrecorded because somebody forgot.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Permission } from "../access/permissions.ts";
import type { AccessRecorder, ReadRequest } from "../access/access-recorder.ts";
import type { Principal } from "../access/access.ts";
import type { RouteAccess } from "./route-access.ts";

/**
 * answer: the JSON answer is recorded with the number of records in it. stream: the route records by itself, since
 * its answer has a beginning and an end. none: it gives figures about the log, none of its records.
 */
export type ReadRule =
  | { readonly kind: "answer"; readonly records: (answer: unknown) => number; readonly asked?: AskedByBody }
  | { readonly kind: "stream" }
  | { readonly kind: "none" };

/** What a body asks for, by the names that it would have in a query string; never anything secret. */
type AskedByBody = (body: never) => Readonly<Record<string, string | undefined>>;

declare module "fastify" {
  interface FastifyContextConfig {
    reads?: ReadRule;
  }
}

/** Permissions whose routes give something away. */
const READING: ReadonlySet<RouteAccess> = new Set<Permission>(["read", "payloads", "audit"]);

/** An answer, and how many records it shows; what the route answers is what `count` takes. */
export function recordsIn(count: (answer: never) => number, asked?: AskedByBody): ReadRule {
  const records = count as (answer: unknown) => number;
  return { kind: "answer", records, ...(asked === undefined ? {} : { asked }) };
}

/** Figures and names that were made of records; the question is recorded all the same. */
export const NO_RECORDS: ReadRule = { kind: "answer", records: () => 0 };
export const STREAMED: ReadRule = { kind: "stream" };
export const NOT_OF_THE_LOG: ReadRule = { kind: "none" };

export function recordReads(app: FastifyInstance, accesses: AccessRecorder): void {
  app.addHook("onRoute", ({ method, url, config }) => {
    if (config?.access === undefined || !READING.has(config.access) || config.reads !== undefined) return;
    throw new Error(`The route ${String(method)} ${url} does not say how its reads are recorded.`);
  });
  app.addHook("preSerialization", async (request, reply, answer) => {
    const { reads } = request.routeOptions.config;
    if (reads?.kind === "answer" && request.principal !== null && reply.statusCode < 400)
      await accesses.answered(readBy(request, request.principal), { records: reads.records(answer) });
    return answer;
  });
}

/** Where a page begins says nothing about what is asked for. */
const PLACES: ReadonlySet<string> = new Set(["cursor", "after", "q", "reason"]);

/** What a request asks to read, as its record tells it. */
export function readBy(request: FastifyRequest, { name }: Pick<Principal, "name">, resource?: string): ReadRequest {
  const { reads } = request.routeOptions.config;
  // Who is refused before his body was read has asked for nothing yet.
  const body = request.body ?? null;
  const byBody = reads?.kind === "answer" && body !== null ? reads.asked?.(body as never) : {};
  const given = { ...(request.query as Readonly<Record<string, unknown>> | undefined), ...byBody };
  const asked = Object.entries(given).filter(([, value]) => value !== undefined);
  const text = (key: string) => asked.find(([found]) => found === key)?.[1];
  const query = text("q");
  const reason = text("reason");
  return {
    principal: name,
    address: request.client,
    operation: `${request.method} ${request.routeOptions.url ?? "unknown"}`,
    resource: resource ?? request.url.split("?", 1)[0]!,
    query: typeof query === "string" && query !== "" ? query : null,
    parameters: Object.fromEntries(asked.flatMap(([key, value]) => (PLACES.has(key) ? [] : [[key, String(value)]]))),
    reason: typeof reason === "string" && reason !== "" ? reason : null,
  };
}
