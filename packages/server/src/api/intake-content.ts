import type { IncomingHttpHeaders } from "node:http";

import { TallystickError } from "../errors.ts";
import type { IntakeRequest } from "../intake/intake.ts";
import { MAX_IDEMPOTENCY_KEY_BYTES } from "./limits.ts";

type Format = IntakeRequest["format"];
type Encoding = IntakeRequest["encoding"];

/** Content type (without parameters) to format. */
export type Formats = Readonly<Record<string, Format>>;

export const RECORD_FORMATS: Formats = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/jsonl": "ndjson",
  "application/xml": "xml",
  "text/xml": "xml",
};
export const TRACE_FORMATS: Formats = {
  "application/x-protobuf": "otlp-traces-protobuf",
  "application/json": "otlp-traces-json",
};
export const LOG_FORMATS: Formats = {
  "application/x-protobuf": "otlp-logs-protobuf",
  "application/json": "otlp-logs-json",
};

export function mediaType(contentType: string | undefined): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

/** Text must be UTF-8, and protobuf is no text; another charset in the header is refused rather than misread. */
export function formatOf(contentType: string | undefined, formats: Formats): Format {
  const format = formats[mediaType(contentType)];
  if (format === undefined) {
    const given = contentType === undefined ? "No Content-Type was sent" : "That Content-Type is not taken";
    throw new TallystickError(
      "unsupported_media_type",
      `${given}; this path takes ${Object.keys(formats).join(", ")}.`,
    );
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? "")?.[1];
  const isText = !format.endsWith("-protobuf");
  if (isText && charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new TallystickError("unsupported_media_type", "Bodies are taken in UTF-8 only.");
  }
  return format;
}

const ENCODINGS: Readonly<Record<string, Encoding>> = {
  "": "identity",
  identity: "identity",
  gzip: "gzip",
  "x-gzip": "gzip",
  zstd: "zstd",
  deflate: "deflate",
};
export const ACCEPTED_ENCODINGS = "gzip, zstd, deflate";

export function encodingOf(contentEncoding: string | undefined): Encoding {
  const encoding = ENCODINGS[(contentEncoding ?? "").trim().toLowerCase()];
  if (encoding === undefined)
    throw new TallystickError("unsupported_encoding", `Bodies are taken in ${ACCEPTED_ENCODINGS} or as they are.`);
  return encoding;
}

export function idempotencyKeyOf(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const key = typeof header === "string" ? header.trim() : "";
  if (key === "" || Buffer.byteLength(key) > MAX_IDEMPOTENCY_KEY_BYTES) {
    throw new TallystickError(
      "bad_request",
      `Idempotency-Key is one value of 1 to ${MAX_IDEMPOTENCY_KEY_BYTES} bytes.`,
    );
  }
  return key;
}

/** Producer's clock minus the server's, when the request says its time; whole seconds, as the Date header is. */
export function clockSkewOf(headers: IncomingHttpHeaders, nowUs: number): number | undefined {
  if (headers.date === undefined) return undefined;
  const sentMs = Date.parse(headers.date);
  return Number.isNaN(sentMs) ? undefined : sentMs * 1_000 - nowUs;
}

/** RFC 7240: all or nothing. */
export function wantsStrict(prefer: string | string[] | undefined): boolean {
  const text = Array.isArray(prefer) ? prefer.join(",") : (prefer ?? "");
  return text.split(/[,;]/).some((preference) => /^\s*handling\s*=\s*"?strict"?\s*$/i.test(preference));
}
