import { encodeStatus, OTLP_CONTENT_TYPE, RPC_CODE } from "../intake/otlp/response.ts";
import type { OtlpEncoding } from "../intake/otlp/response.ts";

import type { TallystickError } from "../errors.ts";
import { statusOf } from "./errors.ts";

/** An answer as bytes also where it is text: its content type then stays as OTLP wants it, without a charset. */
export interface OtlpBody {
  readonly type: string;
  readonly body: Buffer;
}

export function otlpBody(encoding: OtlpEncoding, bytes: Uint8Array): OtlpBody {
  return { type: OTLP_CONTENT_TYPE[encoding], body: Buffer.from(bytes) };
}

/** An error of our own making is worth a retry: exporters drop what gets a 500. */
export function otlpStatusOf(error: TallystickError): number {
  const status = statusOf(error.code);
  return status >= 500 ? 503 : status;
}

const RPC_CODES: Readonly<Record<number, number>> = {
  400: RPC_CODE.invalidArgument,
  401: RPC_CODE.unauthenticated,
  403: RPC_CODE.permissionDenied,
  413: RPC_CODE.invalidArgument,
  415: RPC_CODE.invalidArgument,
  429: RPC_CODE.resourceExhausted,
  503: RPC_CODE.unavailable,
};

export function statusBody(encoding: OtlpEncoding, error: TallystickError): OtlpBody {
  const code = RPC_CODES[otlpStatusOf(error)] ?? RPC_CODE.internal;
  return otlpBody(encoding, encodeStatus(encoding, code, error.message));
}
