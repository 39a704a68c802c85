/**
 * The prepared records of one request into the log or logs that they go to. A request whose records go to several logs
 * is acknowledged when all of them have theirs; when one does not take its part, the sender hears of it and sends all
 * again, and what was stored is recognised by its ids.
 */
import { TallystickError } from "../errors.ts";
import { commitBodies } from "../intake/commit.ts";
import type { LogPart } from "../intake/intake.ts";
import type { AuditRecord } from "@tallystick/record";
import type { AppendOutcome, IncomingBatch, Journal } from "../journal/journal.ts";
import type { PayloadStore } from "../payload/payload-store.ts";
import type { Meter } from "./metrics.ts";

export type Stored = Extract<AppendOutcome, { kind: "stored" }>;
type Pushback = Extract<AppendOutcome, { kind: "pushback" }>;

/** A request's records in one log. */
export interface StoredPart extends Stored {
  /** Line of each of them, those that were stored before included. */
  readonly lines: Uint32Array;
}

export interface RoutedPart extends LogPart {
  readonly log: string;
}

export interface StorePartsRequest {
  /** Each with a record. */
  readonly parts: readonly RoutedPart[];
  /** What is observed of all of them. */
  readonly observed: Omit<IncomingBatch, "records">;
  /** Follows the records; only of a request whose records go to one log. */
  readonly about: readonly AuditRecord[];
}

export interface StorePartsSources {
  readonly journal: Journal;
  readonly payloads: Pick<PayloadStore, "put">;
  readonly meter: Meter;
}

/** TallystickError with a time to come again when not all is durable. */
export async function storeParts(
  sources: StorePartsSources,
  { parts, observed, about }: StorePartsRequest,
): Promise<readonly StoredPart[]> {
  const { journal, meter } = sources;
  // No record of any log is stored before all bodies are.
  for (const part of parts) await storeBodies(sources, observed.intake, part);
  const outcomes = await Promise.all(
    parts.map(async ({ log, records, lines }) => {
      const outcome = await journal.append(log, { ...observed, records }, about);
      return { log, lines, outcome };
    }),
  );
  const stored: StoredPart[] = [];
  let refused: { readonly log: string; readonly outcome: Pushback } | null = null;
  for (const { log, lines, outcome } of outcomes) {
    if (outcome.kind === "stored") stored.push({ ...outcome, lines });
    else refused ??= { log, outcome };
  }
  if (refused === null) return stored;
  meter.pushedBack(observed.intake, refused.outcome.reason);
  throw pushback(refused.outcome, stored.length > 0 ? refused.log : null);
}

/** Bodies are durable before the records that name them are journaled. */
async function storeBodies(
  { payloads, meter }: StorePartsSources,
  intake: string,
  { log, records, bodies }: RoutedPart,
): Promise<void> {
  if (bodies.length === 0) return;
  const outcome = await payloads.put(log, bodies);
  if (outcome.kind === "stored") return commitBodies(records, bodies, outcome.commitments);
  meter.pushedBack(intake, outcome.reason);
  throw pushback({ kind: "pushback", reason: outcome.reason, retryAfterS: RETRY_AFTER_BODIES_S }, null);
}

const RETRY_AFTER_BODIES_S = 5;
/** What each reason for not taking records answers: the code and a sentence. */
export const PUSHBACK = {
  full: ["journal_full", "There is no space for new records."],
  failed: ["journal_unavailable", "The records could not be made durable."],
  locked: ["kms_unreachable", "A new epoch has begun, and the KMS that must wrap its key does not answer."],
  busy: ["journal_unavailable", "Too much is waiting to be stored."],
  closing: ["shutting_down", "The server is shutting down."],
} as const;

/** `log`: the one that did not take its part, when another did. */
function pushback({ reason, retryAfterS }: Pushback, log: string | null): TallystickError {
  const [code, message] = PUSHBACK[reason];
  const parted =
    log === null
      ? ""
      : ` That is said of the records for the log ${log}; those for other logs are stored. Send all again: what has ` +
        "ids, or came with an Idempotency-Key, is not stored twice.";
  return new TallystickError(code, `${message}${parted}`, { retryAfterS: Math.max(1, Math.ceil(retryAfterS)) });
}
