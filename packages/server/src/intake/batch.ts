import assert from "node:assert/strict";
import { hash, randomFillSync } from "node:crypto";
import {
  normalise,
  slotOf,
  targetOf,
  uuidv7,
  writeSlots,
  type NormaliseContext,
  type NormaliseOutcome,
  type Target,
} from "@tallystick/record";

import { speaksFor } from "../access/access.ts";
import type { PreparedRecords } from "../journal/journal.ts";
import { fingerprintWith } from "../control/fingerprint.ts";
import { MAX_CANONICAL_RECORD_BYTES } from "../limits.ts";
import { amendment } from "./amend.ts";
import type { TakenBody } from "./amend.ts";
import { divide, emptyRecords } from "./divide.ts";
import { derivedId } from "./derived-id.ts";
import type { IntakeRequest, IntakeResult, LineNote, LogPart, PreparedBody } from "./intake.ts";
import { MAX_NOTES } from "./limits.ts";
import { OWN_PLACE, routerOf } from "./route.ts";
import type { Router } from "./route.ts";
import { SignedCheck } from "./signed-batch.ts";
import type { RawText } from "./signed-batch.ts";
import { Standings } from "./standings.ts";

type Normal = Extract<NormaliseOutcome, { readonly kind: "ok" }>;
type Prepared = Extract<IntakeResult, { readonly kind: "prepared" }>;

const ID = slotOf("id");
const DIGEST_BYTES = 16;
const RANDOM_BYTES = 10;
const RANDOM_POOL_BYTES = 400 * RANDOM_BYTES;
/** A canonical record is as long as JSON of it, or a little longer for what the server fills in. */
const GROWTH = 1.25;

/**
 * Collects one request's records into the flat buffers the journal takes. Each value is normalised, written and
 * hashed before the next is looked at, and nothing of it is kept: short-lived objects are what keeps a record at a
 * few microseconds (DESIGN §12).
 */
export class Batch {
  readonly #request: IntakeRequest;
  readonly #context: NormaliseContext;
  #bytes: Buffer;
  /** `#bytes`, to be written to. */
  #target: Target;
  #used = 0;
  #count = 0;
  #capacity = 1_024;
  #offsets = new Uint32Array(this.#capacity + 1);
  #lines = new Uint32Array(this.#capacity);
  #digests = Buffer.allocUnsafeSlow(this.#capacity * DIGEST_BYTES);
  #identities = Buffer.allocUnsafeSlow(this.#capacity * DIGEST_BYTES);
  #identified = new Uint8Array(this.#capacity);
  #standings = new Uint8Array(this.#capacity);
  readonly #signed: SignedCheck | null;
  readonly #rejected: LineNote[] = [];
  readonly #notes: LineNote[] = [];
  #notesLeftOut = 0;
  readonly #bodies: PreparedBody[] = [];
  /** Of the record that was normalised last. */
  #taken: TakenBody[] = [];
  readonly #standingOf: Standings;
  /** Null when all go to the sender's own log. */
  readonly #router: Router | null;
  /** Which log each record goes to, as the router has them; nothing without one. */
  #places = new Uint16Array(0);
  /** Of a signed batch; its first record of another log is rejected, and with it the batch. */
  #isParted = false;
  /** SHA-256 of the record that was added last, as Latin-1; null when it was not needed. */
  #content: string | null = null;

  constructor(request: IntakeRequest, expectedBytes: number) {
    this.#request = request;
    this.#context = contextOf(request, (body) => this.#taken.push(body));
    this.#standingOf = new Standings(request.sender);
    this.#router = routerOf(request.routes ?? "");
    if (this.#router !== null) this.#places = new Uint16Array(this.#capacity);
    this.#signed = request.signed === undefined ? null : new SignedCheck(request.signed);
    this.#bytes = Buffer.allocUnsafeSlow(Math.ceil(expectedBytes * GROWTH) + MAX_CANONICAL_RECORD_BYTES);
    this.#target = targetOf(this.#bytes);
  }

  get count(): number {
    return this.#count;
  }

  /** Whether `take` wants the text that a value was read from. */
  get isSigned(): boolean {
    return this.#signed !== null;
  }

  /** Normalises and adds one value, or notes why it was rejected. */
  take(line: number, value: unknown, raw: RawText | null = null): void {
    if (this.#request.idempotencyKey !== null) giveId(value, this.#request, line);
    const outcome = this.try(value);
    if (outcome.kind !== "ok") return this.reject(line, outcome.code, messageOf(outcome));
    const start = this.#used;
    this.add(line, outcome, hasSide(value));
    if (this.#signed === null) return;
    const of = { bytes: this.#bytes, start, end: this.#used, digest: this.#content, raw };
    this.#signed.look(line, value, outcome.slots, of);
  }

  /** Normalises without adding. */
  try(value: unknown): NormaliseOutcome {
    if (this.#taken.length > 0) this.#taken = [];
    return normalise(value, this.#context);
  }

  /** `isSideSent`: the record said its side; one that was mapped from another format has the side that it shows. */
  add(line: number, outcome: Normal, isSideSent = true): void {
    const { slots, identified, notes } = outcome;
    if (this.#count === this.#capacity) this.#growCounts();
    if (this.#bytes.byteLength - this.#used < MAX_CANONICAL_RECORD_BYTES) this.#growBytes();
    const at = this.#count;
    const start = this.#used;
    this.#used += writeSlots(slots, this.#target, start);
    this.#count = at + 1;
    this.#offsets[at + 1] = this.#used;
    this.#lines[at] = line;
    this.#standings[at] = this.#standingOf.record(slots, line, isSideSent);
    this.#identified[at] = identified ? 1 : 0;
    this.#identify(at, identified ? (slots[ID] as string) : null, start);
    if (this.#taken.length > 0) this.#addBodies(at, start);
    if (this.#router !== null) this.#route(this.#router, at, slots);
    for (const note of notes) this.note(line, note.code, note.message);
  }

  reject(line: number, code: string, message: string): void {
    this.#rejected.push({ line, code, message });
  }

  note(line: number, code: string, message: string): void {
    if (this.#notes.length < MAX_NOTES) this.#notes.push({ line, code, message });
    else this.#notesLeftOut++;
  }

  finish(leftOut = 0): IntakeResult {
    const count = this.#count;
    this.#rejected.push(...(this.#signed?.faults() ?? []));
    // A batch with rejected records is refused whole, and those are what its sender has to know first.
    const mismatch = this.#rejected.length > 0 ? null : (this.#signed?.mismatch() ?? null);
    if (mismatch !== null) return { kind: "refused", code: "signature_invalid", message: mismatch };
    if (this.#notesLeftOut > 0) {
      const line = this.#notes[MAX_NOTES - 1]?.line ?? 0;
      this.#notes.push({ line, code: "notes_left_out", message: `${this.#notesLeftOut} more notes are left out` });
    }
    const records: PreparedRecords = {
      count,
      bytes: this.#bytes.subarray(0, this.#used),
      offsets: this.#offsets.subarray(0, count + 1),
      digests: this.#digests.subarray(0, count * DIGEST_BYTES),
      identities: this.#identities.subarray(0, count * DIGEST_BYTES),
      identified: this.#identified.subarray(0, count),
      standings: this.#standings.subarray(0, count),
    };
    const lines = this.#lines.subarray(0, count);
    return {
      kind: "prepared",
      ...this.#byLog({ records, lines, bodies: this.#bodies }),
      rejected: this.#rejected,
      notes: this.#notes,
      claims: this.#standingOf.claims(),
      leftOut,
      ...(this.#signed === null ? {} : { signedAt: this.#signed.timestamp }),
    };
  }

  /** A signature is over the records of one log, so a batch that has one is not parted. */
  #route(router: Router, at: number, slots: Normal["slots"]): void {
    const place = router.placeOf(slots);
    this.#places[at] = place;
    const first = this.#places[0]!;
    if (this.#signed === null || this.#isParted || place === first) return;
    this.#isParted = true;
    this.reject(this.#lines[at]!, "signed_batch_parted", partedMessage(router.logAt(place), router.logAt(first)));
  }

  #byLog(whole: Omit<LogPart, "log">): Pick<Prepared, "records" | "lines" | "bodies" | "routed"> {
    const router = this.#router;
    const isOwn = router === null || this.#places.subarray(0, whole.records.count).every((at) => at === OWN_PLACE);
    if (isOwn) return { ...whole, routed: [] };
    const parts = divide(whole, this.#places, (place) => router.logAt(place));
    const own = parts.find(({ log }) => log === null);
    const { records, lines, bodies } = own ?? { records: emptyRecords(0, 0), lines: new Uint32Array(0), bodies: [] };
    return { records, lines, bodies, routed: parts.filter((part) => part !== own) };
  }

  /** Duplicate key and content of a record that a retry would have again; zeros for one that is never a duplicate. */
  #identify(at: number, id: string | null, start: number): void {
    const from = at * DIGEST_BYTES;
    if (id === null) {
      this.#content = null;
      this.#digests.fill(0, from, from + DIGEST_BYTES);
      this.#identities.fill(0, from, from + DIGEST_BYTES);
      return;
    }
    const content = hash("sha256", this.#bytes.subarray(start, this.#used), "binary");
    this.#content = content;
    this.#digests.write(content, from, DIGEST_BYTES, "latin1");
    const key = hash("sha256", `${this.#request.sender.principal}\0${id}`, "binary");
    this.#identities.write(key, from, DIGEST_BYTES, "latin1");
  }

  /** In a record the only map, `attributes`, sorts before these names, and quotes inside a string are escaped. */
  #addBodies(at: number, start: number): void {
    const record = this.#bytes.subarray(start, this.#used);
    const isKnown = this.#identified[at] === 1;
    const identity = isKnown ? this.#identities.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES) : [];
    for (const body of this.#taken) {
      const name = `"${body.part}_payload":"sha256:`;
      const found = record.lastIndexOf(name, undefined, "latin1");
      assert(found >= 0, "a record that brings a body has a place for its commitment");
      // Bytes with a buffer of their own: they move to another thread.
      const bytes = new Uint8Array(body.bytes);
      const place = start + found + name.length;
      this.#bodies.push({ ...body, bytes, identity: Uint8Array.from(identity), record: at, at: place });
    }
  }

  #growCounts(): void {
    const capacity = this.#capacity * 2;
    this.#offsets = grown(this.#offsets, new Uint32Array(capacity + 1));
    this.#lines = grown(this.#lines, new Uint32Array(capacity));
    this.#identified = grown(this.#identified, new Uint8Array(capacity));
    this.#standings = grown(this.#standings, new Uint8Array(capacity));
    if (this.#router !== null) this.#places = grown(this.#places, new Uint16Array(capacity));
    this.#digests = grown(this.#digests, Buffer.allocUnsafeSlow(capacity * DIGEST_BYTES));
    this.#identities = grown(this.#identities, Buffer.allocUnsafeSlow(capacity * DIGEST_BYTES));
    this.#capacity = capacity;
  }

  #growBytes(): void {
    this.#bytes = grown(this.#bytes, Buffer.allocUnsafeSlow(this.#bytes.byteLength * 2));
    this.#target = targetOf(this.#bytes);
  }
}

function partedMessage(log: string | null, first: string | null): string {
  const named = (name: string | null): string => (name === null ? "the sender's own log" : `the log ${name}`);
  return (
    `the record belongs to ${named(log)} and the first to ${named(first)} (logs[].match): a signature is over records ` +
    "of one log; sign them as two batches, or give the sender a key that names a log"
  );
}

function grown<Target extends Uint8Array | Uint16Array | Uint32Array>(from: Target, to: Target): Target {
  to.set(from);
  return to;
}

export const messageOf = (rejection: Extract<NormaliseOutcome, { readonly kind: "rejected" }>): string =>
  rejection.field === "" || rejection.message.includes(rejection.field)
    ? rejection.message
    : `${rejection.field}: ${rejection.message}`;

function contextOf(request: IntakeRequest, onBody: (body: TakenBody) => void): NormaliseContext {
  const nowMs = Math.floor(request.nowUs / 1_000);
  const pool = new Uint8Array(RANDOM_POOL_BYTES);
  let next = RANDOM_POOL_BYTES;
  const redactNames = new Set(request.settings.redactNames.map((name) => name.toLowerCase()));
  return {
    service: request.sender.service,
    ...(request.sender.services.length === 0 ? {} : { speaksFor: (name: string) => speaksFor(request.sender, name) }),
    principal: request.sender.principal,
    nowUs: request.nowUs,
    newId() {
      if (next === RANDOM_POOL_BYTES) {
        randomFillSync(pool);
        next = 0;
      }
      next += RANDOM_BYTES;
      return uuidv7(nowMs, pool.subarray(next - RANDOM_BYTES, next));
    },
    fingerprint: fingerprintWith(request.redactionKey),
    redactNames,
    amendment: amendment(request.settings.amendments, redactNames, onBody),
    oversize: request.format.startsWith("otlp") ? "cut" : "refuse",
  };
}

/** What is null or empty is absent, as everywhere in a record. */
function hasSide(value: unknown): boolean {
  const { side } = value as { readonly side?: unknown };
  return side !== undefined && side !== null && side !== "";
}

/**
 * A record without an id of its own gets one that the same request has again: of principal, Idempotency-Key and line.
 */
function giveId(value: unknown, request: IntakeRequest, line: number): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  const record = value as { id?: unknown };
  if (record.id !== undefined && record.id !== null && record.id !== "") return;
  record.id = derivedId("idempotency-key", request.sender.principal, request.idempotencyKey ?? "", String(line));
}
