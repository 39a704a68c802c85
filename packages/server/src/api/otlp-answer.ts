/**
 * Bodies that OTLP/HTTP demands (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response): answers in the
 * request's encoding, errors as google.rpc.Status, `partial_success` only when something was rejected.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import type { TallystickError } from "../errors.ts";
import { statusOf } from "./errors.ts";

export type OtlpEncoding = "protobuf" | "json";
export type OtlpSignal = "traces" | "logs";

export interface OtlpBody {
  readonly type: string;
  /** Bytes also where it is text: the content type is then left as it is, without a charset. */
  readonly body: Buffer;
}

const TYPES = { protobuf: "application/x-protobuf", json: "application/json" } as const;

/** The whole success is an empty message. */
export function exportResponse(
  encoding: OtlpEncoding,
  signal: OtlpSignal,
  rejected: number,
  message: string,
): OtlpBody {
  const type = TYPES[encoding];
  if (rejected === 0) return { type, body: Buffer.from(encoding === "json" ? "{}" : "") };
  if (encoding === "json") {
    const count = signal === "traces" ? { rejectedSpans: String(rejected) } : { rejectedLogRecords: String(rejected) };
    return { type, body: Buffer.from(JSON.stringify({ partialSuccess: { ...count, errorMessage: message } })) };
  }
  const partial = new BinaryWriter()
    .tag(1, WireType.Varint)
    .int64(rejected)
    .tag(2, WireType.LengthDelimited)
    .string(message);
  const response = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(partial.finish());
  return { type, body: Buffer.from(response.finish()) };
}

/** An error of our own making is worth a retry: exporters drop what gets a 500. */
export function otlpStatusOf(error: TallystickError): number {
  const status = statusOf(error.code);
  return status >= 500 ? 503 : status;
}

/** https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const RPC_CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  405: 12,
  413: 3,
  415: 3,
  429: 8,
  503: 14,
};

export function statusBody(encoding: OtlpEncoding, error: TallystickError): OtlpBody {
  const code = RPC_CODES[otlpStatusOf(error)] ?? 2;
  const type = TYPES[encoding];
  if (encoding === "json") return { type, body: Buffer.from(JSON.stringify({ code, message: error.message })) };
  const writer = new BinaryWriter()
    .tag(1, WireType.Varint)
    .int32(code)
    .tag(2, WireType.LengthDelimited)
    .string(error.message);
  return { type, body: Buffer.from(writer.finish()) };
}
