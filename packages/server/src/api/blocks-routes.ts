/**
 * What is blocked, for those who enforce it: the signed list (`GET /v1/blocks`, as JSON with ETag, or as server-sent
 * events that go on where the reader was), and decisions (`/v1/decide`) for nginx's auth_request and Envoy's ext_authz
 * over HTTP. A decision is a look into memory; nothing is read or written for it.
 */
import { Type } from "typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Principal } from "../access/access.ts";
import type { Alerting } from "../alert/open-alerting.ts";
import type { Action } from "../alert/respond/action.ts";
import { actionText } from "../alert/respond/action.ts";
import type { BlockListSigner, SignedBlockList } from "../alert/respond/block-list.ts";
import type { CallFacts } from "../alert/respond/blocks.ts";
import type { Clock } from "../clock.ts";
import { fingerprintWith } from "../control/fingerprint.ts";
import { TallystickError } from "../errors.ts";
import { credentialIdOf } from "../intake/credential-id.ts";
import { seesAllOf } from "../search/scope.ts";
import { TAIL_HEARTBEAT_MS } from "./limits.ts";
import { principalOf } from "./route-access.ts";
import { problems, query, textResponse } from "./schemas.ts";
import type { Tails } from "./tail-route.ts";

export interface BlocksRoutesParts {
  readonly alerting: Alerting;
  readonly blockList: BlockListSigner;
  readonly tails: Tails;
  readonly maxTails: number;
  readonly clock: Clock;
  readonly redactionKey: Uint8Array;
  readonly decisions: { readonly fail: "open" | "closed"; readonly cacheS: number };
}

const TAGS = ["respond"];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const DESCRIBED_HEADERS = Type.Object({
  "X-Tallystick-Key": Type.Optional(
    Type.String({ description: "The enforcer's own key, where Authorization is the client's." }),
  ),
  "X-Tallystick-Credential": Type.Optional(Type.String({ description: "credential_id, where it is known." })),
  "X-Tallystick-Authorization": Type.Optional(
    Type.String({ description: "The client's Authorization header, where Authorization is the enforcer's." }),
  ),
  "X-Tallystick-Certificate": Type.Optional(Type.String({ description: "SHA-256 of the client's certificate, hex." })),
  "X-Forwarded-Client-Cert": Type.Optional(Type.String({ description: "As Envoy writes it; Hash is read." })),
  "X-Tallystick-Caller": Type.Optional(Type.String()),
  "X-Tallystick-Callee": Type.Optional(Type.String()),
  "X-Tallystick-Operation": Type.Optional(Type.String({ description: "As records name it: GET /orders/{id}." })),
});

export function blocksRoutes(app: FastifyInstance, parts: BlocksRoutesParts): void {
  app.get(
    "/v1/blocks",
    {
      config: { access: "enforce" },
      exposeHeadRoute: false,
      schema: {
        summary: "What is blocked, signed; as server-sent events where Accept asks for them",
        description:
          "`If-None-Match` with the last ETag answers 304 while nothing changed. As events: `blocks` with the whole list at the beginning and whenever it changed; its id is the sequence, and with it as Last-Event-ID nothing comes twice.",
        tags: TAGS,
        querystring: query({}),
        response: {
          200: textResponse("The list and its signed note", "application/json", "text/event-stream"),
          304: { description: "As the reader has it" },
          ...problems(401, 403, 429),
        },
      },
    },
    (request, reply) => {
      refuseNarrow(principalOf(request));
      return request.headers.accept?.includes("text/event-stream") === true
        ? serveEvents(parts, request, reply)
        : sendList(parts, request, reply);
    },
  );
  const fingerprint = fingerprintWith(parts.redactionKey);
  // What is below the path is the client's own path, as Envoy appends it; described once.
  for (const url of ["/v1/decide", "/v1/decide/*"])
    for (const method of METHODS)
      app.route({
        method,
        url,
        // A decision is about a header or two; the body stays where it is.
        config: { access: "enforce", described: { headers: DESCRIBED_HEADERS } },
        exposeHeadRoute: false,
        schema: {
          hide: url.endsWith("*"),
          summary: "Whether a call may go on: 200, or 403 with the block in X-Tallystick-Block",
          tags: TAGS,
          response: {
            200: textResponse("It may", "text/plain"),
            403: textResponse("It is blocked", "text/plain"),
            ...problems(401),
          },
        },
        handler: (request, reply) => decide(parts, fingerprint, request, reply),
      });
}

/** The list is signed whole: enforcers get it, and of readers who may know of all that is in it. */
function refuseNarrow({ name, role, scope }: Principal): void {
  if (role === "producer" || seesAllOf(scope, "*")) return;
  throw new TallystickError("forbidden", `${name} sees some services only, and the list is of all that is blocked.`, {
    hint: "GET /api/responses shows what concerns the services that you see.",
  });
}

function sendList(
  { alerting, blockList }: BlocksRoutesParts,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const signed = blockList.of(alerting.responses.blocks);
  reply.header("etag", signed.etag).header("cache-control", "no-cache");
  if (request.headers["if-none-match"] === signed.etag) return reply.code(304).send();
  return reply.send({ list: signed.list, note: signed.note });
}

async function serveEvents(parts: BlocksRoutesParts, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { tails, maxTails, alerting, blockList, clock } = parts;
  if (tails.count >= maxTails)
    throw new TallystickError("rate_limited", "There are too many tails.", { retryAfterS: 10 });
  const tail = tails.add();
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-accel-buffering": "no",
    "x-request-id": request.id,
  });
  raw.flushHeaders();
  let told = String(request.headers["last-event-id"] ?? "");
  const tell = (): void => {
    const signed = blockList.of(alerting.responses.blocks);
    // Who does not read gets the newest list when it reads again.
    if (String(signed.sequence) === told || raw.writableNeedDrain) return;
    told = String(signed.sequence);
    raw.write(eventText(signed));
  };
  const unlisten = alerting.log.onChange(tell);
  raw.on("drain", tell);
  const stopBeating = beat(clock, () => {
    if (!raw.writableNeedDrain) raw.write(":\n\n");
    void request.mayStill().then((may) => (may ? undefined : end()));
  });
  const end = (): void => {
    unlisten();
    stopBeating();
    tail.end();
    raw.end();
  };
  raw.once("close", end);
  tail.signal.addEventListener("abort", end, { once: true });
  tell();
}

function eventText({ list, note, sequence }: SignedBlockList): string {
  return `event: blocks\nid: ${sequence}\ndata: ${JSON.stringify({ list, note })}\n\n`;
}

function beat(clock: Clock, write: () => void): () => void {
  let cancel = () => {};
  const next = () => {
    cancel = clock.after(TAIL_HEARTBEAT_MS, () => {
      write();
      next();
    });
  };
  next();
  return () => cancel();
}

function decide(
  { alerting, decisions }: BlocksRoutesParts,
  fingerprint: (secret: string) => string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const block = alerting.responses.blocks.of(factsOf(request, fingerprint));
  reply.header("cache-control", decisions.cacheS === 0 ? "no-store" : `max-age=${decisions.cacheS}`);
  reply.header("x-tallystick-decision", block === null ? "allow" : "deny").header("x-tallystick-fail", decisions.fail);
  if (block === null) return reply.type("text/plain; charset=utf-8").send("allowed\n");
  return reply
    .code(403)
    .header("x-tallystick-block", block.id)
    .type("text/plain; charset=utf-8")
    .send(deniedText(block));
}

/** What is blocked and how to ask about it; not why, which is not the caller's affair. */
function deniedText(block: Action): string {
  return `blocked: ${actionText(block).split(" ", 1)[0] ?? ""} ${block.id}\n`;
}

function factsOf(request: FastifyRequest, fingerprint: (secret: string) => string): CallFacts {
  const header = (name: string): string | null => {
    const value = request.headers[name];
    const text = Array.isArray(value) ? value.join(", ") : value;
    return text === undefined || text === "" ? null : text;
  };
  // With a key of its own, what stands in Authorization is the client's.
  const client = header("x-tallystick-key") === null ? header("x-tallystick-authorization") : header("authorization");
  const certificate = header("x-tallystick-certificate") ?? forwardedHash(header("x-forwarded-client-cert"));
  const sha256 = certificate?.replaceAll(":", "").toLowerCase();
  const named = [
    header("x-tallystick-credential"),
    client === null ? null : (credentialIdOf(client, fingerprint)?.credentialId ?? null),
    sha256 ?? null,
    sha256 === undefined ? null : `certificate:${sha256}`,
  ];
  return {
    credentialIds: named.filter((id) => id !== null),
    caller: header("x-tallystick-caller"),
    callee: header("x-tallystick-callee"),
    operation: header("x-tallystick-operation"),
  };
}

function forwardedHash(xfcc: string | null): string | null {
  return /(?:^|[;,])Hash=([0-9a-f]{64})/i.exec(xfcc ?? "")?.[1] ?? null;
}
