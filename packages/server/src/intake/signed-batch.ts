/**
 * A batch that its producer signed: all or nothing, and already what will be stored. The signature is over what stands
 * in the log afterwards, so it is checked against exactly those bytes, and nothing is normalised behind the producer's
 * back.
 */
import { hash } from "node:crypto";
import { canonicalOf, slotOf } from "@tallystick/record";
import type { BatchClaim, NormaliseOutcome } from "@tallystick/record";
import { foldHashes, hex } from "@tallystick/tlog";

import type { LineNote } from "./intake.ts";

/** What a request's signature says, and the key that it names. */
export interface SignedRequest {
  readonly claim: BatchClaim;
  readonly signature: Uint8Array;
  /** Ed25519: the 32 bytes of the public key. HMAC: the secret, as the producer was given it. */
  readonly key: Uint8Array;
  /** The service that the key speaks for. */
  readonly service: string;
}

/** A record among the batch's bytes: no view is made of it, which would cost more than the comparison. */
export interface RecordBytes {
  readonly bytes: Buffer;
  /** What would be stored: `bytes[start … end)`. */
  readonly start: number;
  readonly end: number;
  /** SHA-256 of it as Latin-1, where it is known already. */
  readonly digest: string | null;
  /** The text that it was read from, when that is at hand: nearly always the same bytes. */
  readonly raw: RawText | null;
}

/** `bytes[start … end)` of a request's body. */
export interface RawText {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Of the record that would be stored, by its slots. */
type Slots = Extract<NormaliseOutcome, { readonly kind: "ok" }>["slots"];

const RECORDER = slotOf("recorder_id");
const PRODUCER = slotOf("producer_id");
const EPOCH = slotOf("producer_epoch");
const NUMBER = slotOf("producer_seq");
const TIMESTAMP = slotOf("timestamp");
const HASH_BYTES = 32;
/** Faults of one batch that are told; the sender mends them all alike. */
const MAX_FAULTS = 100;

/** Looks at each record on its way into the batch. */
export class SignedCheck {
  readonly #request: SignedRequest;
  readonly #hashes: Buffer;
  /** 0x00 and the digest of a record (RFC 6962 §2.1). */
  readonly #leaf = Buffer.alloc(1 + HASH_BYTES);
  readonly #faults: LineNote[] = [];
  readonly #expected: number;
  #count = 0;
  #lastTimestamp = "";

  constructor(request: SignedRequest) {
    this.#request = request;
    this.#expected = request.claim.last_seq - request.claim.first_seq + 1;
    this.#hashes = Buffer.alloc(this.#expected * HASH_BYTES);
  }

  /** `sent` is the value as it came. */
  look(line: number, sent: unknown, slots: Slots, of: RecordBytes): void {
    const at = this.#count;
    this.#count += 1;
    if (at >= this.#expected) return;
    if (!isSame(of)) this.#lookForChange(line, sent, of);
    const { claim, service } = this.#request;
    const isRight =
      slots[NUMBER] === claim.first_seq + at &&
      slots[PRODUCER] === claim.producer_id &&
      slots[EPOCH] === claim.producer_epoch &&
      slots[RECORDER] === service;
    if (!isRight) this.#tellWrong(line, slots, claim.first_seq + at);
    // The digest of the record is the leaf, so that a verifier needs digests only.
    const digest = of.digest ?? hash("sha256", of.bytes.subarray(of.start, of.end), "binary");
    this.#leaf.write(digest, 1, HASH_BYTES, "latin1");
    this.#hashes.write(hash("sha256", this.#leaf, "binary"), at * HASH_BYTES, HASH_BYTES, "latin1");
    this.#lastTimestamp = slots[TIMESTAMP] as string;
  }

  /** What keeps the batch from being stored, line by line; its first hundred. */
  faults(): readonly LineNote[] {
    return this.#faults;
  }

  /** Of the last record: the same however often the batch is sent. */
  get timestamp(): string {
    return this.#lastTimestamp;
  }

  /** Null when number and root are what was signed. */
  mismatch(): string | null {
    if (this.#count !== this.#expected)
      return `the signature is over ${this.#expected} records, and the request has ${this.#count}`;
    const root = hex(foldHashes(this.#hashes, 0, this.#count));
    return root === this.#request.claim.root ? null : "the root that was signed is not the root of these records";
  }

  #tellWrong(line: number, slots: Slots, number: number): void {
    const { claim, service } = this.#request;
    const wrong = (field: string, is: unknown, should: unknown) =>
      this.#fault(line, "signature_mismatch", `${field} is ${String(is)}, and the signature is over ${String(should)}`);
    if (slots[PRODUCER] !== claim.producer_id) wrong("producer_id", "another", "one producer's records");
    if (slots[EPOCH] !== claim.producer_epoch) wrong("producer_epoch", "another", "one run's records");
    if (slots[NUMBER] !== number) wrong("producer_seq", slots[NUMBER] ?? "absent", number);
    if (slots[RECORDER] !== service)
      this.#fault(line, "signature_mismatch", "recorder_id is not the service that the batch key speaks for");
  }

  #lookForChange(line: number, sent: unknown, { bytes, start, end }: RecordBytes): void {
    const stored = JSON.parse(bytes.toString("utf8", start, end)) as Readonly<Record<string, unknown>>;
    const given = sent as Readonly<Record<string, unknown>>;
    const field = [...new Set([...Object.keys(stored), ...Object.keys(given)])].find(
      (name) => textOf(given[name]) !== textOf(stored[name]),
    );
    if (field === undefined) return;
    const why = Object.hasOwn(given, field)
      ? "would be stored otherwise than it was sent: a signed record comes in normal form, redacted by its producer"
      : "would be filled in by the server: a signed record has it already";
    this.#fault(line, "not_normal", `${field} ${why}`);
  }

  #fault(line: number, code: string, message: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push({ line, code, message });
  }
}

function isSame({ bytes, start, end, raw }: RecordBytes): boolean {
  return raw !== null && bytes.compare(raw.bytes, raw.start, raw.end, start, end) === 0;
}

/** Undefined for what is not there or has no canonical form. */
function textOf(value: unknown): string | undefined {
  try {
    return value === undefined ? undefined : canonicalOf(value);
  } catch {
    return undefined;
  }
}
