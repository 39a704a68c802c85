/**
 * The thread in which a PKCS#11 token is asked: its library blocks whoever calls it, for as long as the HSM takes. One
 * token a thread; requests come one by one and are answered by number.
 */
import { randomBytes } from "node:crypto";
import { parentPort } from "node:worker_threads";

import type { ErrorCode, ErrorDetail } from "../errors.ts";
import { TallystickError } from "../errors.ts";
import { realClock } from "../real-clock.ts";
import type { Kms } from "./kms.ts";
import { openPkcs11Kms } from "./pkcs11-kms.ts";
import type { Pkcs11Options } from "./pkcs11-kms.ts";

/** What the thread needs to know; time and randomness it has of its own. */
export type Pkcs11Token = Omit<Pkcs11Options, "clock" | "randomBytes">;

export type TokenCall =
  | { readonly call: "open"; readonly token: Pkcs11Token }
  | { readonly call: "wrap"; readonly plain: Uint8Array; readonly context: string }
  | { readonly call: "unwrap"; readonly wrapped: Uint8Array; readonly context: string; readonly keyId: string }
  | { readonly call: "rotate" | "close" };

export type TokenRequest = TokenCall & { readonly number: number };

export type TokenReply = { readonly number: number } & (
  | { readonly kind: "done"; readonly bytes: Uint8Array | null; readonly keyId: string }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly detail: ErrorDetail }
);

let kms: Kms | null = null;

async function answer(request: TokenRequest): Promise<TokenReply> {
  const { number } = request;
  try {
    const bytes = await carriedOut(request);
    return { number, kind: "done", bytes, keyId: kms?.keyId ?? "" };
  } catch (error) {
    return { number, kind: "failed", ...failureOf(error) };
  }
}

async function carriedOut(request: TokenRequest): Promise<Uint8Array | null> {
  if (request.call === "open") {
    kms = await openPkcs11Kms({ ...request.token, clock: realClock(), randomBytes });
    return null;
  }
  if (kms === null) throw new TallystickError("kms_unreachable", "The token is not open.");
  if (request.call === "wrap") return kms.wrap(request.plain, request.context);
  if (request.call === "unwrap") return kms.unwrap(request.wrapped, request.context, request.keyId);
  await (request.call === "rotate" ? kms.rotate() : kms.close());
  return null;
}

function failureOf(error: unknown): { code: ErrorCode; message: string; detail: ErrorDetail } {
  if (!(error instanceof TallystickError))
    return { code: "kms_unreachable", message: "The token does not answer as a token does.", detail: {} };
  const { code, message, hint, fatal, retryAfterS, at } = error;
  const optional = { ...(hint === undefined ? {} : { hint }), ...(retryAfterS === undefined ? {} : { retryAfterS }) };
  return { code, message, detail: { fatal, at, ...optional } };
}

parentPort?.on("message", (request: TokenRequest) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply, []));
});
