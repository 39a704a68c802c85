import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { TallystickError } from "../errors.ts";
import { encodeExportResponse, partialSuccess } from "../intake/otlp/response.ts";
import type { OtlpEncoding, OtlpSignal } from "../intake/otlp/response.ts";
import { asTallystickError, retryAfterOf } from "./errors.ts";
import { ACCEPTED_ENCODINGS, formatOf, LOG_FORMATS, mediaType, TRACE_FORMATS } from "./intake-content.ts";
import type { Formats } from "./intake-content.ts";
import { otlpDescribed, otlpResponses } from "./intake-description.ts";
import { otlpBody, otlpStatusOf, statusBody } from "./otlp-answer.ts";
import { principalOf } from "./route-access.ts";
import { takeIn } from "./take-in.ts";
import type { IntakeParts, Prepared } from "./take-in.ts";

/**
 * POST /v1/traces and /v1/logs. In a plugin scope of its own: it reads bodies itself and answers errors as OTLP does.
 */
export function otlpRoutes(app: FastifyInstance, parts: IntakeParts): void {
  otlpRoute(app, parts, "traces", TRACE_FORMATS);
  otlpRoute(app, parts, "logs", LOG_FORMATS);
}

/**
 * Fastify's own errors of these routes; null when the request speaks neither of OTLP's encodings, so that a problem
 * is the better answer.
 */
export function otlpError(request: FastifyRequest, reply: FastifyReply, error: TallystickError): FastifyReply | null {
  const encoding = encodingOf(request);
  if (encoding === null) return null;
  const retryAfterS = retryAfterOf(error) ?? (otlpStatusOf(error) === 503 ? 1 : null);
  if (retryAfterS !== null) reply.header("retry-after", retryAfterS);
  const { type, body } = statusBody(encoding, error);
  return reply.code(otlpStatusOf(error)).type(type).send(body);
}

const MESSAGES: Readonly<Record<OtlpSignal, string>> = { traces: "Trace", logs: "Logs" };

function otlpRoute(app: FastifyInstance, parts: IntakeParts, signal: OtlpSignal, formats: Formats): void {
  app.post(
    `/v1/${signal}`,
    {
      config: { access: "write", described: otlpDescribed(`Export${MESSAGES[signal]}ServiceRequest`) },
      schema: {
        summary: `Store OpenTelemetry ${signal}`,
        description: "OTLP/HTTP, protobuf or JSON. Errors are google.rpc.Status in the request's encoding.",
        tags: ["intake"],
        response: otlpResponses(`Export${MESSAGES[signal]}ServiceResponse`),
      },
    },
    async (request, reply) => {
      try {
        return await handle(parts, signal, formats, request, reply);
      } catch (error) {
        const known = asTallystickError(error);
        if (known.code === "internal") request.log.error({ err: error }, "an OTLP request failed");
        return otlpError(request, reply, known) ?? Promise.reject(known);
      }
    },
  );
}

async function handle(
  parts: IntakeParts,
  signal: OtlpSignal,
  formats: Formats,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.header("accept-post", Object.keys(formats).join(", "));
  reply.header("accept-encoding", ACCEPTED_ENCODINGS);
  const format = formatOf(request.headers["content-type"], formats);
  const result = await takeIn(parts, request, principalOf(request), format, storeAll);
  const encoding = encodingOf(request) ?? "json";
  const { type, body } = otlpBody(encoding, encodeExportResponse(signal, encoding, partialSuccess(signal, result)));
  return reply.code(200).type(type).send(body);
}

async function storeAll(prepared: Prepared): Promise<Prepared["result"]> {
  if (prepared.count > 0) await prepared.store();
  return prepared.result;
}

function encodingOf(request: FastifyRequest): OtlpEncoding | null {
  const type = mediaType(request.headers["content-type"]);
  if (type === "application/x-protobuf") return "protobuf";
  return type === "application/json" ? "json" : null;
}
