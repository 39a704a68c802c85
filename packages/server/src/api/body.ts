/**
 * Reads a request body as one buffer of its own, ready to be moved to a worker.
 *
 * Guarantees: never holds more than the limit of one body, nor more than the budget of all bodies at a time; a body
 * beyond the first is `body_too_large`, beyond the second `journal_unavailable`. A client that sends on after that is
 * listened to for a bounded while, because many clients read an answer only when they have sent everything.
 */
import type { IncomingMessage } from "node:http";

import { TallystickError } from "../errors.ts";
import { MAX_DISCARDED_BYTES } from "./limits.ts";

/** Bytes of bodies that are held in memory until the journal has them. */
export interface BodyBudget {
  /** False when there is no room. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  held(): number;
}

export function bodyBudget(limitBytes: number): BodyBudget {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > limitBytes) return false;
      held += bytes;
      return true;
    },
    give(bytes) {
      held -= bytes;
    },
    held: () => held,
  };
}

/** The body's bytes, counted in the budget; whoever takes them gives their length back. */
export async function readBody(message: IncomingMessage, limitBytes: number, budget: BodyBudget): Promise<Uint8Array> {
  const claimedBytes = Number(message.headers["content-length"] ?? 0);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  let fault = claimedBytes > limitBytes ? tooLarge(limitBytes) : null;
  try {
    // Left early, the stream must live on: the answer goes over its socket.
    if (fault === null) {
      for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        if (sizeBytes + chunk.length > limitBytes) fault = tooLarge(limitBytes);
        else if (!budget.take(chunk.length)) fault = tooMuchWaiting();
        if (fault !== null) break;
        sizeBytes += chunk.length;
        chunks.push(chunk);
      }
    }
  } catch (cause) {
    fault = new TallystickError("bad_request", "The connection ended before the body did.", { cause });
  }
  if (fault === null) return joined(chunks, sizeBytes);
  budget.give(sizeBytes);
  if (claimedBytes <= MAX_DISCARDED_BYTES) await discard(message);
  throw fault;
}

/** In an ArrayBuffer of its own: one from the pool could not be moved without its neighbours. */
function joined(chunks: readonly Buffer[], sizeBytes: number): Uint8Array {
  const body = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

/** Resolves at the body's end, at the bound, or when the client goes. */
function discard(message: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    const end = () => {
      message.off("data", count);
      message.pause();
      resolve();
    };
    const count = (chunk: Buffer) => {
      seen += chunk.length;
      if (seen > MAX_DISCARDED_BYTES) end();
    };
    if (message.readableEnded || message.destroyed) return resolve();
    message.once("end", end).once("close", end).once("error", end);
    message.on("data", count).resume();
  });
}

function tooLarge(limitBytes: number): TallystickError {
  return new TallystickError("body_too_large", `The body is larger than ${limitBytes} bytes.`);
}

function tooMuchWaiting(): TallystickError {
  return new TallystickError("journal_unavailable", "Too many request bodies are waiting to be stored.", {
    retryAfterS: 1,
  });
}
