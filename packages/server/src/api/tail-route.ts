/**
 * GET /api/tail: records as they become searchable, as server-sent events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * Guarantees: after a `Last-Event-ID` every matching record comes exactly once, in journal order of each tree, or the
 * answer is 410. The reader pulls: while its socket is full nothing is read for it. A quiet tail gets comment lines,
 * so that proxies keep it open.
 */
import { readBy, STREAMED } from "./recorded-reads.ts";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { Type } from "typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { OpenReading, AccessRecorder } from "../access/access-recorder.ts";
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Search } from "../search/search.ts";
import type { TailEvent } from "../search/tail.ts";
import { asTallystickError, problemOf } from "./errors.ts";
import { MAY_STILL_MS, TAIL_HEARTBEAT_MS } from "./limits.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query, textResponse } from "./schemas.ts";
import { QUESTION } from "./search-query.ts";
import type { QuestionParameters } from "./search-query.ts";

export interface TailRouteParts {
  readonly search: Search;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly maxTails: number;
  readonly tails: Tails;
  readonly accesses: AccessRecorder;
}

/** The tails that are open, so that a stop can end them. */
export class Tails {
  readonly #open = new Set<AbortController>();

  get count(): number {
    return this.#open.size;
  }

  add(): { readonly signal: AbortSignal; end(): void } {
    const controller = new AbortController();
    this.#open.add(controller);
    return {
      signal: controller.signal,
      end: () => {
        this.#open.delete(controller);
        controller.abort();
      },
    };
  }

  endAll(): void {
    for (const controller of this.#open) controller.abort();
  }
}

type TailRequest = FastifyRequest<{ Querystring: QuestionParameters & { after?: string } }>;

const TailQuery = query({
  ...QUESTION,
  after: Type.Optional(Type.String({ description: "An event's id, for readers that cannot set Last-Event-ID." })),
});

const TailHeaders = Type.Object({
  "Last-Event-ID": Type.Optional(Type.String({ description: "Id of the last event that the reader has." })),
});

export function tailRoute(app: FastifyInstance, parts: TailRouteParts): void {
  app.get(
    "/api/tail",
    {
      config: { access: "read", reads: STREAMED, described: { headers: TailHeaders } },
      exposeHeadRoute: false,
      schema: {
        summary: "Records as they become searchable",
        description:
          "Server-sent events: `record` with a stored record, `position` when nothing matched up to its id, `end` when the reader is too slow. " +
          "Every id lists tree:index; sent back as Last-Event-ID the tail goes on exactly after it, or answers 410.",
        tags: ["search"],
        querystring: TailQuery,
        response: { 200: textResponse("Events", "text/event-stream"), ...problems(400, 401, 403, 410, 429, 503) },
      },
    },
    (request: TailRequest, reply) => serveTail(parts, request, reply),
  );
}

async function serveTail(parts: TailRouteParts, request: TailRequest, reply: FastifyReply): Promise<void> {
  if (parts.tails.count >= parts.maxTails) {
    throw new TallystickError("rate_limited", "There are too many live tails.", { retryAfterS: 10 });
  }
  const { after, ...question } = request.query;
  const header = request.headers["last-event-id"];
  const lastEventId = (Array.isArray(header) ? header.join() : header) ?? after ?? null;
  const tail = parts.tails.add();
  reply.raw.once("close", () => tail.end());
  try {
    const events = parts.search.tail(
      scopeOf(request),
      { ...question, lastEventId, journaled: parts.journal.trees() },
      tail.signal,
    );
    const reading = await parts.accesses.begin(readBy(request, principalOf(request)));
    reply.hijack();
    try {
      await writeEvents(parts.clock, reply, counted(events, reading), tail, request);
    } finally {
      await reading.end();
    }
  } finally {
    tail.end();
  }
}

async function* counted(events: AsyncIterable<TailEvent>, reading: OpenReading): AsyncIterable<TailEvent> {
  for await (const event of events) {
    if (event.kind === "record") reading.add(1);
    yield event;
  }
}

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  // Proxies of the nginx family would otherwise hold events back.
  "x-accel-buffering": "no",
};

async function writeEvents(
  clock: Clock,
  reply: FastifyReply,
  events: AsyncIterable<TailEvent>,
  tail: ReturnType<Tails["add"]>,
  request: FastifyRequest,
): Promise<void> {
  const { raw } = reply;
  raw.writeHead(200, { ...HEADERS, "x-request-id": request.id });
  // The first event may be a while off; the reader should know now that it is listened to.
  raw.flushHeaders();
  const mayStill = askedOnceASecond(clock, request.mayStill);
  const stopBeating = beat(clock, raw, () => void mayStill().then((may) => (may ? undefined : tail.end())));
  try {
    for await (const event of events) {
      if (!(await mayStill())) break;
      if (!raw.write(textOf(event))) await once(raw, "drain", { signal: tail.signal }).catch(() => undefined);
      if (tail.signal.aborted) break;
    }
  } catch (error) {
    const known = asTallystickError(error);
    if (known.code === "internal") request.log.error({ err: error }, "a tail failed");
    if (raw.writable) raw.write(`event: error\ndata: ${JSON.stringify(problemOf(known))}\n\n`);
  } finally {
    stopBeating();
    raw.end();
  }
}

/** No event goes out more than a second after what its reader showed was taken from him. */
function askedOnceASecond(clock: Clock, ask: () => Promise<boolean>): () => Promise<boolean> {
  let askedAtMs = clock.monotonicMs();
  let last = Promise.resolve(true);
  return () => {
    if (clock.monotonicMs() - askedAtMs >= MAY_STILL_MS) {
      askedAtMs = clock.monotonicMs();
      last = ask();
    }
    return last;
  };
}

function beat(clock: Clock, raw: ServerResponse, onBeat: () => void): () => void {
  let cancel = () => {};
  const next = () => {
    cancel = clock.after(TAIL_HEARTBEAT_MS, () => {
      if (!raw.writableNeedDrain) raw.write(":\n\n");
      onBeat();
      next();
    });
  };
  next();
  return () => cancel();
}

function textOf(event: TailEvent): string {
  const content = event.kind === "record" ? event.record : event.kind === "end" ? { reason: event.reason } : {};
  return `event: ${event.kind}\nid: ${event.id}\ndata: ${JSON.stringify(content)}\n\n`;
}
