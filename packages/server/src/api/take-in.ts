/**
 * The way of one intake request from its bytes to the journal's acknowledgement, the same for every protocol: body,
 * `normalise` task in a worker, journal. What the protocol answers is the route's affair.
 */
import { formatTimestamp } from "@tallystick/record";
import type { FastifyRequest } from "fastify";

import type { Principal } from "../access/access.ts";
import { DEFAULT_LOG } from "../access/authenticate.ts";
import type { Incidents } from "../access/incidents.ts";
import type { Exhausted, QuotaBook } from "../access/quota-book.ts";
import type { Blocks } from "../alert/respond/blocks.ts";
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { IntakeRequest, IntakeResult, IntakeSettings } from "../intake/intake.ts";
import type { PayloadStore } from "../payload/payload-store.ts";
import { readBody } from "./body.ts";
import type { BodyBudget } from "./body.ts";
import { clockSkewOf, encodingOf, idempotencyKeyOf } from "./intake-content.ts";
import type { ByteRates } from "./rate.ts";
import { keptOf, refuse, SIGNATURE_HEADER, signedOf } from "./signed-intake.ts";
import type { Attempt, Signed, SignedIntakeParts } from "./signed-intake.ts";
import { storeParts } from "./store-parts.ts";
import type { RoutedPart, StoredPart, StorePartsSources } from "./store-parts.ts";
import { toWhereTheyAre } from "./stored-elsewhere.ts";
import type { StoredLookup } from "./stored-elsewhere.ts";

export interface IntakeParts extends StorePartsSources {
  readonly payloads: Pick<PayloadStore, "put" | "known">;
  readonly clock: Clock;
  /** Runs the `normalise` task; the body's buffer is moved away. */
  normalise(request: IntakeRequest): Promise<IntakeResult>;
  readonly settings: IntakeSettings;
  /** JSON of RoutedLog[]; empty: there are none. */
  readonly routes: string;
  /** Logs between which the records of one sender may be parted, now or by a `match` of before; empty: none are. */
  readonly partedLogs: readonly string[];
  readonly stored: StoredLookup;
  readonly redactionKey: Uint8Array;
  readonly maxBodyBytes: number;
  readonly budget: BodyBudget;
  readonly rates: ByteRates;
  readonly quotas: QuotaBook;
  readonly inFlight: IntakeInFlight;
  readonly impersonation: "accept" | "refuse";
  readonly incidents: Incidents;
  readonly signatures: SignedIntakeParts;
  /** Credentials that are blocked. */
  readonly blocks: () => Blocks;
}

/** Bodies on their way into the journal: a stop waits for them, whatever became of their connections. */
export class IntakeInFlight {
  #count = 0;
  #whenNone: (() => void)[] = [];

  /** The returned function says that this one is stored, or will not be. */
  begin(): () => void {
    this.#count += 1;
    return () => {
      this.#count -= 1;
      if (this.#count > 0) return;
      for (const resolve of this.#whenNone.splice(0)) resolve();
    };
  }

  ended(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenNone.push(resolve));
  }
}

export interface Prepared {
  readonly result: Extract<IntakeResult, { kind: "prepared" }>;
  /** Records that can be stored. */
  readonly count: number;
  /** Signed by its producer: all or nothing. */
  readonly isSigned: boolean;
  /** Appends what was prepared, one part a log; at most once. */
  store(): Promise<readonly StoredPart[]>;
}

/** One request on its way. */
interface Arrival {
  readonly request: FastifyRequest;
  readonly principal: Principal;
  readonly format: IntakeRequest["format"];
  readonly startedMs: number;
  readonly nowUs: number;
  /** Null when the batch came unsigned. */
  readonly signed: Signed | null;
}

/**
 * Runs `answer` with the prepared records. The body's room in memory is given back once they are stored or will not
 * be, however long the answer then waits for a checkpoint.
 */
export async function takeIn<Answer>(
  parts: IntakeParts,
  request: FastifyRequest,
  principal: Principal,
  format: IntakeRequest["format"],
  answer: (prepared: Prepared) => Promise<Answer>,
): Promise<Answer> {
  const startedMs = parts.clock.monotonicMs();
  refuseBlocked(parts, request, principal);
  const waitS = parts.rates.waitS(principal.name);
  if (waitS !== null) {
    throw new TallystickError("rate_limited", `${principal.name} has used up its allowance.`, { retryAfterS: waitS });
  }
  refuseExhausted(parts, request, principal, parts.quotas.admit(principal));
  const encoding = encodingOf(request.headers["content-encoding"]);
  const idempotencyKey = idempotencyKeyOf(request.headers["idempotency-key"]);
  const signed = await signedOf(
    parts.signatures,
    request.headers[SIGNATURE_HEADER],
    format,
    attemptOf(principal, request),
  );
  const body = await readBody(request.raw, parts.maxBodyBytes, parts.budget);
  // A block that came while the body did counts too.
  refuseBlocked(parts, request, principal);
  const settle = settler(parts, body.length);
  try {
    const arrival = { request, principal, format, startedMs, nowUs: parts.clock.nowUs(), signed };
    const result = await prepare(parts, arrival, { body, encoding, idempotencyKey });
    const isSigned = signed !== null;
    const of = partsOf(arrival, result);
    const count = countOf(of);
    return await answer({ result, count, isSigned, store: () => store(parts, arrival, result, of).finally(settle) });
  } finally {
    settle();
  }
}

function countOf(parts: readonly Pick<RoutedPart, "records">[]): number {
  return parts.reduce((sum, { records }) => sum + records.count, 0);
}

function attemptOf(principal: Principal, request: FastifyRequest): Attempt {
  return { log: principal.log, principal: principal.name, address: request.client };
}

function refuseBlocked(
  { blocks, incidents }: IntakeParts,
  { client: address }: FastifyRequest,
  { name }: Principal,
): void {
  const block = blocks().ofCredential(namesOf(name));
  if (block === null) return;
  void incidents.note({ kind: "blocked", principal: name, about: block.id, answer: "refused", count: 1, address });
  throw new TallystickError("blocked", `${name} is blocked by ${block.id}. Nothing was stored.`);
}

/** A certificate may be named as records do, by its SHA-256 alone. */
function namesOf(principal: string): readonly string[] {
  return principal.startsWith("certificate:") ? [principal, principal.slice("certificate:".length)] : [principal];
}

/** Nothing is dropped: the sender is told when to come again, and that it was too much is recorded. */
function refuseExhausted(
  { incidents }: IntakeParts,
  request: FastifyRequest,
  principal: Principal,
  exhausted: Exhausted | null,
): void {
  if (exhausted === null) return;
  const { quota, waitS } = exhausted;
  const { name } = principal;
  void incidents.note({
    kind: "quota",
    principal: name,
    about: quota,
    answer: "refused",
    count: 1,
    address: request.client,
  });
  throw new TallystickError("rate_limited", `${name} has used up its quota ${quota}.`, { retryAfterS: waitS });
}

/** Gives the body's room back and ends its time in flight; once. */
function settler({ budget, inFlight }: IntakeParts, sizeBytes: number): () => void {
  const ended = inFlight.begin();
  let isSettled = false;
  return () => {
    if (isSettled) return;
    isSettled = true;
    budget.give(sizeBytes);
    ended();
  };
}

async function prepare(
  parts: IntakeParts,
  arrival: Arrival,
  sent: Pick<IntakeRequest, "body" | "encoding" | "idempotencyKey">,
): Promise<Prepared["result"]> {
  const { principal, format, nowUs, request, signed } = arrival;
  const sizeBytes = sent.body.length;
  parts.rates.spend(principal.name, sizeBytes);
  refuseExhausted(parts, arrival.request, principal, parts.quotas.takeBytes(principal, sizeBytes));
  const { name, service, services, relay } = principal;
  const { redactionKey, settings } = parts;
  const sender = { principal: name, service, services, relay };
  const more = {
    ...(signed === null ? {} : { signed: signed.request }),
    ...(parts.routes === "" || principal.log !== DEFAULT_LOG ? {} : { routes: parts.routes }),
  };
  const result = await parts.normalise({ ...sent, format, sender, nowUs, redactionKey, settings, ...more });
  if (result.kind === "refused") {
    parts.meter.refused(intakeOf(format), result.code);
    if (result.code === "signature_invalid")
      return refuse(parts.signatures, attemptOf(principal, request), signed?.key.kid ?? null, result.message);
    throw new TallystickError(result.code, result.message);
  }
  parts.quotas.takeRecords(principal, countOf([result, ...result.routed]));
  parts.meter.prepared(intakeOf(format), sizeBytes, result.rejected.length, result.leftOut);
  await refuseClaims(parts, arrival, result);
  return result;
}

/** Names that were taken by somebody else are evidence: stored as claimed, and raised. */
function raiseClaims(
  parts: IntakeParts,
  { request, principal }: Arrival,
  result: Prepared["result"],
): Promise<unknown> {
  const answer = parts.impersonation === "refuse" ? "refused" : "accepted";
  const noted = result.claims.map(({ name, count }) =>
    parts.incidents.note({
      kind: "impersonation",
      principal: principal.name,
      about: name,
      answer,
      count,
      address: request.client,
    }),
  );
  return Promise.all(noted);
}

/** Where they are to be refused, the attempt is recorded before it is answered. */
async function refuseClaims(parts: IntakeParts, arrival: Arrival, result: Prepared["result"]): Promise<void> {
  const [first] = result.claims;
  if (first === undefined || parts.impersonation !== "refuse") return;
  await raiseClaims(parts, arrival, result);
  parts.meter.refused(intakeOf(arrival.format), "impersonation");
  const { name } = arrival.principal;
  const message = `Record ${first.line} speaks for ${first.name}, which ${name} may not do. Nothing was stored.`;
  throw new TallystickError("impersonation", message, { at: { line: first.line } });
}

async function store(
  parts: IntakeParts,
  arrival: Arrival,
  result: Prepared["result"],
  of: readonly RoutedPart[],
): Promise<readonly StoredPart[]> {
  const { request, principal, format, startedMs, nowUs, signed } = arrival;
  const intake = intakeOf(format);
  const skewUs = clockSkewOf(request.headers, nowUs);
  const observed = {
    principal: principal.name,
    intake,
    sourceAddress: request.client,
    ...(skewUs === undefined ? {} : { clockSkewUs: skewUs }),
    ...(signed === null ? {} : { signature: { alg: signed.key.alg, kid: signed.key.kid, verified: true } }),
  };
  const about = signed === null ? [] : keptOf(signed, result.signedAt ?? formatTimestamp(nowUs));
  const isParted = principal.log === DEFAULT_LOG && parts.partedLogs.length > 1;
  const places = isParted ? await toWhereTheyAre(parts, parts.partedLogs, of, signed !== null) : of;
  const stored = await storeParts(parts, { parts: places, observed, about });
  void raiseClaims(parts, arrival, result);
  const ackMs = parts.clock.monotonicMs() - startedMs;
  for (const { count, duplicates } of stored) parts.meter.stored(intake, count, duplicates, ackMs);
  return stored;
}

/** The records by log, each with a name; a log that asks for a client certificate takes none without. */
function partsOf({ request, principal }: Arrival, result: Prepared["result"]): readonly RoutedPart[] {
  const { records, lines, bodies } = result;
  const own = records.count === 0 ? [] : [{ log: principal.log, records, lines, bodies }];
  const parts = [...own, ...result.routed.map((part) => ({ ...part, log: part.log ?? principal.log }))];
  for (const { log, lines: of } of parts) {
    if (request.closedLogs?.has(log) !== true) continue;
    const [line = 0] = of;
    const message = `Record ${line} goes to the log ${log}, which takes records only of clients with a certificate. Nothing was stored.`;
    throw new TallystickError("certificate_required", message, { at: { line } });
  }
  return parts;
}

/** `observed.intake`: the protocol, whatever its encoding. */
export function intakeOf(format: IntakeRequest["format"]): string {
  return format.replace(/^(otlp-(?:traces|logs))-.*$/, "$1");
}
