import { parseBatchSignature } from "@tallystick/record";
import type { BatchClaim, BatchSignature, Leaf } from "@tallystick/record";
import { HASH_SIZE_BYTES, foldHashes, hex, leafHashInto, parseHex, sha256 } from "@tallystick/tlog";
import { BATCH_PUBLIC_KEY_ATTRIBUTE } from "./batch-keys.ts";
import { ERASED_RECORD_DIGEST } from "./erasure.ts";
import type { Fault } from "./result.ts";

/**
 * Signatures of producers over their batches, checked again from the log (docs/formats/batch-signature.md). The log
 * keeps one BATCH_SIGNATURE record a batch; its records are found by producer, run and number, so that it does not
 * matter how often, in which order or into which epoch they came. Every leaf is read twice: first the signatures are
 * gathered, then the records. Memory grows with the batches, not with the records.
 */

export const BATCH_SIGNATURE_EVENT = "BATCH_SIGNATURE";
export const BATCH_SIGNATURE_ATTRIBUTE = "tallystick.batch_signature";

/** The signature that a leaf keeps; null for every other leaf. Only the log's own records count. */
export function batchSignatureOf({ record, observed }: Pick<Leaf, "record" | "observed">): string | null {
  const isOwn = observed.principal === "tallystick" && observed.intake === "tallystick";
  if (!isOwn || record.event_type !== BATCH_SIGNATURE_EVENT || record.status !== "success") return null;
  return record.attributes?.[BATCH_SIGNATURE_ATTRIBUTE] ?? null;
}

/** `unknown key`: there is nothing to check it with, as for an HMAC without its secret. */
export type SignatureVerdict = "right" | "wrong" | "unknown key";

export interface ProducerCheckOptions {
  /** One log: a signature is over records of its own log. */
  readonly log: string;
  /** `publicKey` is what the record says, base64; whether that is the key's, the caller knows. */
  verify(signature: BatchSignature, publicKey: string | null): Promise<SignatureVerdict> | SignatureVerdict;
  /**
   * The oldest tree, when older ones were deleted: records of batches whose signature came after midnight lay in the
   * one before. Null when nothing was deleted.
   */
  readonly cutAt: string | null;
}

export interface ProducerSummary {
  readonly batches: number;
  /** Signature right, all records there, and the root theirs. */
  readonly verified: number;
  /** Signed by a key that was not at hand. */
  readonly notChecked: number;
  /** Signature right, and some of the records were erased, so that the root cannot be made again. */
  readonly erased: number;
  /** Records under right signatures. */
  readonly records: number;
}

/** Checks one log after the other, and adds up what each gives. */
export async function overLogs(
  logs: Iterable<string>,
  check: (log: string) => Promise<ProducerSummary>,
): Promise<ProducerSummary> {
  const total = { batches: 0, verified: 0, notChecked: 0, erased: 0, records: 0 };
  for (const log of logs) {
    const summary = await check(log);
    total.batches += summary.batches;
    total.verified += summary.verified;
    total.notChecked += summary.notChecked;
    total.erased += summary.erased;
    total.records += summary.records;
  }
  return total;
}

export interface LeafPlace {
  readonly tree: string;
  readonly index: number;
}

interface Batch {
  readonly claim: BatchClaim;
  readonly verdict: SignatureVerdict;
  readonly place: LeafPlace;
  readonly size: number;
  /** Digest of each record, as Merkle leaf hashes; null before the first came and once it was verified. */
  hashes: Uint8Array | null;
  /** One a record: 0 absent, 1 there, 2 there and observed to be signed by this key. */
  seen: Uint8Array | null;
  count: number;
  isVerified: boolean;
}

interface Run {
  readonly batches: Batch[];
  /** Records of the longest batch. */
  longest: number;
}

const ABSENT = 0;
const THERE = 1;
const SIGNED = 2;

export class ProducerCheck {
  readonly #options: ProducerCheckOptions;
  readonly #runs = new Map<string, Run>();
  readonly #faults: Fault[] = [];
  readonly #texts = new Set<string>();
  /** Leaves of which only the hash is left. */
  #erasedLeaves = 0;
  #isSorted = false;

  constructor(options: ProducerCheckOptions) {
    this.#options = options;
  }

  /** First reading: every leaf of the log that may be a signature. */
  async signature(leaf: Pick<Leaf, "record" | "observed">, place: LeafPlace): Promise<void> {
    const text = batchSignatureOf(leaf);
    if (text === null) return;
    const parsed = parseBatchSignature(text);
    if (parsed.kind === "refused")
      return this.#fault("batch_signature", `the batch signature is none: ${parsed.reason}`, place);
    const { claim } = parsed.value;
    const publicKey = leaf.record.attributes?.[BATCH_PUBLIC_KEY_ATTRIBUTE] ?? null;
    const verdict = await this.#options.verify(parsed.value, publicKey);
    if (verdict === "wrong")
      this.#fault("batch_signature", `the signature of ${claim.kid} over its batch is wrong`, place);
    const size = claim.last_seq - claim.first_seq + 1;
    const batch = { claim, verdict, place, size, hashes: null, seen: null, count: 0, isVerified: false };
    const name = runOf(claim.producer_id, claim.producer_epoch);
    const run = this.#runs.get(name) ?? { batches: [], longest: 0 };
    this.#runs.set(name, run);
    if (this.#texts.has(text)) return;
    this.#texts.add(text);
    run.batches.push(batch);
    run.longest = Math.max(run.longest, size);
  }

  /** Second reading: every leaf again. `canonical` is the record's part of the leaf. */
  record({ record, observed }: Pick<Leaf, "record" | "observed">, canonical: Uint8Array): void {
    if (observed.erased !== undefined) this.#erasedLeaves += 1;
    const { producer_id: producer, producer_epoch: epoch, producer_seq: number } = record;
    if (producer === undefined || epoch === undefined || number === undefined) return;
    const digest = digestOf({ record, observed }, canonical);
    if (digest === null) return;
    for (const batch of this.#batchesOf(runOf(producer, epoch), number)) {
      const isSigned = observed.signature?.kid === batch.claim.kid;
      take(batch, number - batch.claim.first_seq, isSigned ? SIGNED : THERE, digest);
    }
  }

  finish(): { readonly summary: ProducerSummary; readonly faults: readonly Fault[] } {
    const batches = [...this.#runs.values()].flatMap((run) => run.batches);
    let erasable = this.#erasedLeaves;
    let erased = 0;
    for (const batch of batches) {
      if (batch.isVerified || batch.verdict === "wrong") continue;
      // An erased leaf does not say whose it was. That a leaf went otherwise, the tree's own check finds.
      const missing = batch.size - batch.count;
      if (missing === 0 || missing > erasable) {
        this.#explain(batch);
        continue;
      }
      erasable -= missing;
      erased += 1;
    }
    const verified = batches.filter(({ isVerified, verdict }) => isVerified && verdict === "right");
    const summary = {
      batches: batches.length,
      verified: verified.length,
      notChecked: batches.filter(({ verdict }) => verdict === "unknown key").length,
      erased,
      records: verified.reduce((sum, { size }) => sum + size, 0),
    };
    return { summary, faults: this.#faults };
  }

  #explain({ claim, count, size, place }: Batch): void {
    const which = `${claim.first_seq} to ${claim.last_seq} of ${claim.producer_id}, run ${claim.producer_epoch}`;
    if (count === size)
      return this.#fault("batch_root", `the records ${which} are not those that ${claim.kid} signed`, place);
    if (place.tree === this.#options.cutAt) return;
    const missing = size - count;
    this.#fault(
      "batch_incomplete",
      `${missing} of the ${size} records ${which} that ${claim.kid} signed are not there`,
      place,
    );
  }

  #batchesOf(run: string, number: number): readonly Batch[] {
    if (!this.#isSorted) {
      for (const { batches } of this.#runs.values())
        batches.sort((one, other) => one.claim.first_seq - other.claim.first_seq);
      this.#isSorted = true;
    }
    const { batches, longest } = this.#runs.get(run) ?? NO_RUN;
    let low = 0;
    let high = batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (batches[middle]!.claim.first_seq <= number) low = middle + 1;
      else high = middle;
    }
    const found: Batch[] = [];
    for (let at = low - 1; at >= 0 && found.length < MAX_OVERLAPS; at -= 1) {
      const { claim } = batches[at]!;
      if (claim.first_seq + longest <= number) break;
      if (claim.last_seq >= number) found.push(batches[at]!);
    }
    return found;
  }

  #fault(code: string, message: string, place: LeafPlace): void {
    this.#faults.push({ code, message, tree: place.tree, index: place.index });
  }
}

/** Batches of one run hardly ever overlap; who signs a record more often is not followed further. */
const MAX_OVERLAPS = 16;
const NO_RUN: Run = { batches: [], longest: 0 };

/**
 * What the producer signed of a record. Of one that was erased the digest is kept; it need not be believed, for only
 * the right one leads to the root that was signed.
 */
function digestOf({ record, observed }: Pick<Leaf, "record" | "observed">, canonical: Uint8Array): Uint8Array | null {
  if (observed.erased === undefined) return sha256(canonical);
  const digest = parseHex(record.attributes?.[ERASED_RECORD_DIGEST] ?? "");
  return digest?.length === HASH_SIZE_BYTES ? digest : null;
}

function take(batch: Batch, at: number, kind: number, digest: Uint8Array): void {
  if (batch.isVerified) return;
  batch.hashes ??= new Uint8Array(batch.size * HASH_SIZE_BYTES);
  batch.seen ??= new Uint8Array(batch.size);
  // A number that was used twice is judged by the record that came with the signature.
  if (batch.seen[at]! >= kind) return;
  if (batch.seen[at] === ABSENT) batch.count += 1;
  batch.seen[at] = kind;
  leafHashInto(digest, 0, HASH_SIZE_BYTES, batch.hashes, at * HASH_SIZE_BYTES);
  if (batch.count < batch.size || hex(foldHashes(batch.hashes, 0, batch.size)) !== batch.claim.root) return;
  batch.isVerified = true;
  batch.hashes = null;
  batch.seen = null;
}

function runOf(producer: string, epoch: string): string {
  return `${producer}\0${epoch}`;
}

/** The canonical record inside a leaf: what its producer signed the digest of. */
export function recordBytesOf(leaf: Uint8Array): Uint8Array {
  const at = indexOf(leaf, RECORD_MEMBER);
  return leaf.subarray(at + RECORD_MEMBER.length, leaf.length - 1);
}

/** A quote inside a string is escaped, so the first place where this stands is where the member begins. */
const RECORD_MEMBER = new TextEncoder().encode(',"record":');

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = bytes.indexOf(part[0]!); at >= 0; at = bytes.indexOf(part[0]!, at + 1))
    if (part.every((byte, offset) => bytes[at + offset] === byte)) return at;
  throw new TypeError("not a leaf: it has no record");
}
