import { errorCodes } from "fastify";
import type { FastifySchemaValidationError } from "fastify";

import { isTallystickError, TallystickError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { ERROR_TABLE } from "./error-table.ts";
import { schemaFault } from "./schema-fault.ts";

export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** RFC 9457 problem details, with the fields that Tallystick adds. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string;
  readonly at?: Readonly<Record<string, string | number>>;
}

export function statusOf(code: ErrorCode): number {
  return ERROR_TABLE[code].status;
}

export function problemOf(error: TallystickError): Problem {
  const { status, title, hint } = ERROR_TABLE[error.code];
  return {
    type: `urn:tallystick:error:${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.message,
    hint: error.hint ?? hint,
    ...(Object.keys(error.at).length === 0 ? {} : { at: error.at }),
  };
}

/** Seconds for Retry-After; every 429 and 503 has one. */
export function retryAfterOf(error: TallystickError): number | null {
  const status = statusOf(error.code);
  return error.retryAfterS ?? (status === 503 || status === 429 ? 1 : null);
}

interface FastifyLike {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly validationContext?: unknown;
  readonly validation?: readonly FastifySchemaValidationError[];
}

/**
 * Any thrown value as one of ours. What Fastify says about a request is passed on; what anything else says may hold
 * payloads or paths and stays in the log.
 */
export function asTallystickError(error: unknown): TallystickError {
  if (isTallystickError(error)) return error;
  if (error instanceof Error && error.name === "AbortError") {
    return new TallystickError("bad_request", "The reader went away before the answer.", { cause: error });
  }
  const { code, statusCode, validation, validationContext } = (error ?? {}) as FastifyLike;
  if (typeof validationContext === "string")
    return new TallystickError("bad_request", schemaFault(validationContext, validation ?? []));
  const known = typeof code === "string" ? FASTIFY_CODES[code] : undefined;
  if (known !== undefined) return new TallystickError(known[0], known[1], { cause: error });
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return new TallystickError("bad_request", "The request is not valid HTTP for this path.", { cause: error });
  }
  return new TallystickError("internal", "Something went wrong that should not.", { cause: error });
}

const FASTIFY_CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  [codeOf(errorCodes.FST_ERR_CTP_BODY_TOO_LARGE)]: ["body_too_large", "The body is larger than this path takes."],
  [codeOf(errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE)]: [
    "unsupported_media_type",
    "This path does not take that content type.",
  ],
  [codeOf(errorCodes.FST_ERR_CTP_INVALID_JSON_BODY)]: ["malformed_body", "The body is not valid JSON."],
  [codeOf(errorCodes.FST_ERR_CTP_EMPTY_JSON_BODY)]: ["malformed_body", "The body is empty."],
  [codeOf(errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH)]: [
    "bad_request",
    "The body is not as long as Content-Length says.",
  ],
  [codeOf(errorCodes.FST_ERR_BAD_URL)]: ["bad_request", "The URL is not validly encoded."],
};

function codeOf(make: () => { readonly code: string }): string {
  return make().code;
}
