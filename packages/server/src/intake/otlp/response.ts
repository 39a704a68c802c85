import { BinaryWriter } from "@bufbuild/protobuf/wire";

import type { IntakeResult } from "../intake.ts";

/**
 * Answers in OTLP's two encodings. An answer goes out in the encoding of its request: 200 with an export response, or
 * another status with a google.rpc.Status. Only 429, 502, 503 and 504 are retried by exporters.
 */
export type OtlpSignal = "traces" | "logs";
export type OtlpEncoding = "protobuf" | "json";

export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

/** google.rpc.Code, those that a receiver answers. */
export const RPC_CODE = {
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export const OTLP_CONTENT_TYPE: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

/** Rejections named in an answer; the rest is counted. */
const NAMED_REJECTIONS = 5;

/** What the answer says of a prepared batch: null when everything was taken, so that the field stays unset. */
export function partialSuccess(
  signal: OtlpSignal,
  result: Extract<IntakeResult, { readonly kind: "prepared" }>,
): PartialSuccess | null {
  const { rejected } = result;
  if (rejected.length === 0) return null;
  const item = signal === "traces" ? "span" : "log record";
  const named = rejected
    .slice(0, NAMED_REJECTIONS)
    .map((note) => `${item} ${note.line}: ${note.message} (${note.code})`);
  const more = rejected.length - named.length;
  return { rejected: rejected.length, message: named.join("; ") + (more > 0 ? `; and ${more} more` : "") };
}

/** ExportTraceServiceResponse or ExportLogsServiceResponse; their protobuf encodings are the same. */
export function encodeExportResponse(
  signal: OtlpSignal,
  encoding: OtlpEncoding,
  partial: PartialSuccess | null,
): Uint8Array {
  if (encoding === "json") {
    const rejectedKey = signal === "traces" ? "rejectedSpans" : "rejectedLogRecords";
    // A 64-bit integer is a string in protobuf's JSON.
    const body = partial && {
      partialSuccess: { [rejectedKey]: String(partial.rejected), errorMessage: partial.message },
    };
    return Buffer.from(JSON.stringify(body ?? {}));
  }
  const writer = new BinaryWriter();
  if (partial !== null) {
    writer.uint32(fieldTag(1, 2)).fork();
    if (partial.rejected !== 0) writer.uint32(fieldTag(1, 0)).int64(partial.rejected);
    if (partial.message !== "") writer.uint32(fieldTag(2, 2)).string(partial.message);
    writer.join();
  }
  return writer.finish();
}

/** google.rpc.Status, the body of every answer but 200. */
export function encodeStatus(encoding: OtlpEncoding, code: number, message: string): Uint8Array {
  if (encoding === "json") return Buffer.from(JSON.stringify({ code, message }));
  const writer = new BinaryWriter();
  if (code !== 0) writer.uint32(fieldTag(1, 0)).int32(code);
  if (message !== "") writer.uint32(fieldTag(2, 2)).string(message);
  return writer.finish();
}

const fieldTag = (field: number, wireType: number): number => (field << 3) | wireType;
