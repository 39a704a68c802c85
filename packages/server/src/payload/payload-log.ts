/**
 * The payload files of one log: bodies appended, found by their commitment, erased by writing a file again.
 *
 * Guarantees: what `put` acknowledges is durable before the record that names it is journaled; a body that was erased
 * is in no file, no cache and no window when `erase` returns; a file in which a write failed gets nothing more, and a
 * file of another run neither, so no pair of key and nonce is used twice. Writes and erasures come one after the other.
 * Left out on purpose: who may read a body, and why one is erased.
 */
import assert from "node:assert/strict";

import type { Clock } from "../clock.ts";
import type { Compute } from "../compute/compute.ts";
import type { AppendFile, Disk } from "../disk/disk.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import { nextEpoch } from "../journal/epochs.ts";
import type { EpochPolicy } from "../journal/epochs.ts";
import { keyIdOf } from "../journal/segment.ts";
import { diskSource } from "../journal/segment-source.ts";
import type { Keyring } from "../kms/kms.ts";
import { rewriteTask, sealBodiesTask } from "./body-tasks.ts";
import type { NewBody } from "./body-tasks.ts";
import { MAX_GROUP_BYTES, MAX_KNOWN_PLACES, PAYLOAD_FILE_BYTES, RECENT_BODIES, REMEMBERED_FILES } from "./limits.ts";
import {
  encodePayloadHeader,
  itemBytes,
  MAX_HEADER_BYTES,
  openBody,
  openMeta,
  parseItemHeader,
  parsePayloadHeader,
  payloadKeys,
  SALT_BYTES,
} from "./payload-file.ts";
import type { PayloadKeys } from "./payload-file.ts";
import type { PayloadMeta } from "./payload-meta.ts";
import { walkPayloads } from "./payload-places.ts";
import { RecentBodies } from "./recent-bodies.ts";
import type { RecentBody } from "./recent-bodies.ts";
import { payloadFileName } from "./payload-scan.ts";
import type { FoundPayloads } from "./payload-scan.ts";

export interface PayloadLogParts {
  readonly log: string;
  /** `payload/<log>` */
  readonly folder: string;
  readonly disk: Disk;
  readonly compute: Compute;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly policy: EpochPolicy;
  /** Oldest first. */
  readonly found: readonly FoundPayloads[];
}

export type PutOutcome =
  | { readonly kind: "stored"; readonly commitments: readonly string[] }
  | { readonly kind: "pushback"; readonly reason: "full" | "failed" | "locked" | "closing" };

/** A body to look for: its commitment, and when the record that names it was received. */
export interface Wanted {
  readonly commitment: string;
  readonly receivedUs: number;
}

export interface FoundBody {
  readonly meta: PayloadMeta;
  /** Empty when only the commitment is kept. */
  readonly bytes: Uint8Array;
}

interface Places {
  readonly keys: PayloadKeys;
  readonly items: Map<string, { readonly offset: number; readonly number: number }>;
}

interface OpenFile extends Places {
  readonly found: FoundPayloads;
  readonly file: AppendFile;
  nextNumber: number;
  bytes: number;
}

interface Pending {
  readonly body: NewBody;
  readonly salt: Uint8Array;
  readonly settle: (commitment: string) => void;
  readonly refuse: (error: unknown) => void;
}

export class PayloadLog {
  readonly #parts: PayloadLogParts;
  readonly #recent = new RecentBodies(RECENT_BODIES);
  readonly #places = new Map<string, Places>();
  #found: FoundPayloads[];
  #open: OpenFile | null = null;
  #queue: Pending[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #closing = false;
  #lastCreatedUs = 0;

  constructor(parts: PayloadLogParts) {
    this.#parts = parts;
    this.#found = [...parts.found];
  }

  /** Reads the newest files, so that a retry after a restart, or after several, is recognised. */
  async remember(): Promise<void> {
    const files: (readonly PayloadMeta[])[] = [];
    let left = RECENT_BODIES;
    for (const found of this.#found.slice(-REMEMBERED_FILES).toReversed()) {
      if (left <= 0) break;
      const metas: PayloadMeta[] = [];
      const walked = this.#walk(found, (meta) => void (meta.identity === "" || metas.push(meta)));
      // What is wrong with an older one, or its key, keeps no new body out; fsck names it.
      if (files.length > 0 && (await walked.catch(() => null)) === null) break;
      await walked;
      left -= metas.length;
      files.unshift(metas);
    }
    for (const { identity, part, content, commitment } of files.flat())
      this.#recent.add(`${identity}${part}`, { content, stored: Promise.resolve(commitment) });
  }

  /** The commitment that a body has here because the same record brought it lately; null where there is none. */
  known(bodies: readonly Pick<NewBody, "part" | "identity" | "content">[]): Promise<readonly (string | null)[]> {
    return Promise.all(bodies.map(async (body) => this.#recentOf(body)?.stored.catch(() => null) ?? null));
  }

  /** Durable when it says `stored`; a body that was stored before, by the same record, gets its commitment again. */
  async put(bodies: readonly NewBody[]): Promise<PutOutcome> {
    if (this.#closing) return { kind: "pushback", reason: "closing" };
    const stored = bodies.map((body) => this.#take(body));
    const outcomes = await Promise.allSettled(stored);
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed === undefined) return { kind: "stored", commitments: await Promise.all(stored) };
    if (isTallystickError(failed.reason, "journal_full")) return { kind: "pushback", reason: "full" };
    return { kind: "pushback", reason: isTallystickError(failed.reason, "kms_unreachable") ? "locked" : "failed" };
  }

  /** Null when no file has it. Throws `payload_damaged` when it is there and does not open. */
  async find(wanted: Wanted): Promise<FoundBody | null> {
    for (const found of this.#nearest(wanted.receivedUs)) {
      const body = (await this.#read(found, wanted.commitment)) ?? null;
      if (body !== null) return body;
    }
    return null;
  }

  /** Gone from every file and from memory when it returns; says which were in no file. */
  erase(wanted: readonly Wanted[]): Promise<{ readonly erased: number; readonly missing: readonly string[] }> {
    return this.#inTurn(async () => {
      await this.#close();
      const byFile = new Map<FoundPayloads, string[]>();
      const missing: string[] = [];
      for (const { commitment, receivedUs } of wanted) {
        const found = await this.#fileOf(commitment, receivedUs);
        if (found === null) missing.push(commitment);
        else byFile.set(found, [...(byFile.get(found) ?? []), commitment]);
      }
      let erased = 0;
      for (const [found, commitments] of byFile) erased += await this.#rewrite(found, commitments);
      for (const { commitment } of wanted) this.#recent.forget(commitment);
      return { erased, missing };
    });
  }

  /** Of a tree that was deleted: nothing of the epoch is looked for any more. Its files are retention's to remove. */
  forget(epoch: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#open?.found.epoch === epoch) await this.#close();
      for (const { path } of this.#found.filter((found) => found.epoch === epoch)) this.#places.delete(path);
      this.#found = this.#found.filter((found) => found.epoch !== epoch);
    });
  }

  /** Waits for what is under way and takes nothing more. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#inTurn(() => this.#close());
  }

  #take(body: NewBody): Promise<string> {
    const key = keyOf(body);
    const content = hex(body.content);
    const known = this.#recentOf(body);
    if (known !== null) return known.stored;
    const salt = this.#parts.randomBytes(SALT_BYTES);
    const stored = new Promise<string>((settle, refuse) => this.#queue.push({ body, salt, settle, refuse }));
    if (key !== null) this.#recent.add(key, { content, stored });
    // Whoever asked hears of it; the window alone must not make it unheard.
    stored.catch(() => undefined);
    void this.#inTurn(() => this.#writeGroup());
    return stored;
  }

  #recentOf(body: Pick<NewBody, "part" | "identity" | "content">): RecentBody | null {
    const key = keyOf(body);
    const known = key === null ? null : this.#recent.find(key);
    return known?.content === hex(body.content) ? known : null;
  }

  async #writeGroup(): Promise<void> {
    const group: Pending[] = [];
    for (let bytes = 0; this.#queue.length > 0 && bytes < MAX_GROUP_BYTES;) {
      const next = this.#queue.shift()!;
      bytes += next.body.bytes.length;
      group.push(next);
    }
    if (group.length === 0) return;
    try {
      const commitments = await this.#write(group);
      for (const [place, { settle }] of group.entries()) settle(commitments[place]!);
    } catch (error) {
      await this.#close();
      for (const { refuse } of group) refuse(error);
    }
  }

  async #write(group: readonly Pending[]): Promise<readonly string[]> {
    const open = await this.#openFile();
    const { keys, file, nextNumber: firstNumber } = open;
    const bodies = group.map(({ body, salt }) => ({ ...body, salt }));
    const moved = bodies.flatMap(({ bytes }) => (bytes.buffer.byteLength === bytes.length ? [bytes.buffer] : []));
    const sealed = await this.#parts.compute.run(sealBodiesTask, { keys, firstNumber, bodies }, moved as ArrayBuffer[]);
    await file.append(sealed.items);
    await file.sync();
    for (const [place, commitment] of sealed.commitments.entries())
      open.items.set(commitment, { offset: open.bytes + sealed.offsets[place]!, number: firstNumber + place });
    open.bytes += sealed.items.length;
    open.nextNumber += group.length;
    return sealed.commitments;
  }

  async #openFile(): Promise<OpenFile> {
    const { clock, policy, disk, folder, keyring, log, randomBytes } = this.#parts;
    const newest = this.#found.at(-1);
    const epoch = nextEpoch(policy, clock.nowUs(), newest?.epoch ?? null);
    if (this.#open !== null && this.#open.found.epoch === epoch && this.#open.bytes < PAYLOAD_FILE_BYTES)
      return this.#open;
    await this.#close();
    // Also after an attempt that failed, whose file may be there.
    this.#lastCreatedUs = Math.max(clock.nowUs(), (newest?.createdUs ?? 0) + 1, this.#lastCreatedUs + 1);
    const createdUs = this.#lastCreatedUs;
    await disk.makeFolder(`${folder}/${epoch}`);
    const epochKey = await keyring.key(`payload.${log}.${epoch}`);
    const header = encodePayloadHeader({
      tree: `${log}/${epoch}`,
      keyId: keyIdOf(epochKey),
      salt: randomBytes(SALT_BYTES),
    });
    const path = `${folder}/${epoch}/${payloadFileName(createdUs)}`;
    const file = await disk.createAppend(path);
    const found: FoundPayloads = { path, log, epoch, createdUs };
    this.#found.push(found);
    const places = { keys: keysOf(epochKey, header, path), items: new Map() };
    this.#open = { ...places, found, file, nextNumber: 0, bytes: header.length };
    await file.append(header);
    await file.sync();
    return this.#open;
  }

  async #close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    this.#keepPlaces(open.found.path, open);
    // What matters was synced before.
    await open.file.close().catch(() => undefined);
  }

  /** The file that was being written when the record was received, then its neighbours outwards. */
  #nearest(receivedUs: number): readonly FoundPayloads[] {
    const distance = ({ createdUs }: FoundPayloads): number =>
      createdUs <= receivedUs ? receivedUs - createdUs : (createdUs - receivedUs) * 2;
    return [...this.#found].sort((one, other) => distance(one) - distance(other));
  }

  async #fileOf(commitment: string, receivedUs: number): Promise<FoundPayloads | null> {
    for (const found of this.#nearest(receivedUs)) {
      if ((await this.#placesOf(found)).items.has(commitment)) return found;
    }
    return null;
  }

  async #read(found: FoundPayloads, commitment: string): Promise<FoundBody | null> {
    for (let attempt = 0; ; attempt += 1) {
      const { keys, items } = await this.#placesOf(found);
      const place = items.get(commitment);
      if (place === undefined) return null;
      const body = await this.#readAt(found, keys, place, commitment);
      if (body !== null) return body;
      // An erasure may have written the file again in the meantime.
      this.#places.delete(found.path);
      if (attempt > 0) throw damaged(found.path, place.offset, "a body does not open or does not give its commitment");
    }
  }

  async #readAt(
    { path }: FoundPayloads,
    keys: PayloadKeys,
    { offset, number }: { readonly offset: number; readonly number: number },
    commitment: string,
  ): Promise<FoundBody | null> {
    const { disk } = this.#parts;
    const start = await disk.read(path, offset, MAX_HEADER_BYTES);
    const header = parseItemHeader(start, 0, number);
    if (typeof header === "string") return null;
    const item = await disk.read(path, offset, itemBytes(header));
    if (item.length !== itemBytes(header)) return null;
    const meta = openMeta(keys, header, item);
    const bytes = meta?.commitment === commitment ? openBody(keys, header, item, meta) : null;
    return meta === null || bytes === null ? null : { meta, bytes };
  }

  async #placesOf(found: FoundPayloads): Promise<Places> {
    if (this.#open?.found.path === found.path) return this.#open;
    const kept = this.#places.get(found.path);
    if (kept !== undefined) {
      this.#keepPlaces(found.path, kept);
      return kept;
    }
    const items: Places["items"] = new Map();
    const keys = await this.#walk(found, (meta, offset, number) => void items.set(meta.commitment, { offset, number }));
    const places = { keys, items };
    this.#keepPlaces(found.path, places);
    return places;
  }

  async #walk(
    found: FoundPayloads,
    onItem: (meta: PayloadMeta, offset: number, number: number) => void,
  ): Promise<PayloadKeys> {
    const { disk } = this.#parts;
    const source = await diskSource(disk, found.path);
    const header = await source.read(0, MAX_HEADER_BYTES);
    const parsed = parsePayloadHeader(header);
    if (parsed.kind === "refused") throw damaged(found.path, 0, parsed.reason);
    // Its making was interrupted, so it holds nothing.
    if (parsed.kind === "short") return { fileKey: new Uint8Array(32), headerHash: new Uint8Array(32) };
    const keys = keysOf(await this.#epochKey(found), header.subarray(0, parsed.bytes), found.path);
    await walkPayloads(source, parsed.bytes, keys, ({ offset, header: item }, meta) => {
      if (meta !== null) onItem(meta, offset, item.number);
    });
    return keys;
  }

  async #epochKey({ log, epoch, path }: FoundPayloads): Promise<Uint8Array> {
    const key = await this.#parts.keyring.existing(`payload.${log}.${epoch}`);
    if (key === null) throw damaged(path, 0, "its key is not in keys/");
    return key;
  }

  #keepPlaces(path: string, places: Places): void {
    this.#places.delete(path);
    this.#places.set(path, places);
    let known = 0;
    for (const { items } of this.#places.values()) known += items.size;
    for (const [oldest, { items }] of this.#places) {
      if (known <= MAX_KNOWN_PLACES || this.#places.size === 1) break;
      known -= items.size;
      this.#places.delete(oldest);
    }
  }

  async #rewrite(found: FoundPayloads, erased: readonly string[]): Promise<number> {
    const { disk, compute, randomBytes } = this.#parts;
    const file = await disk.readFile(found.path);
    assert(file !== null);
    const epochKey = await this.#epochKey(found);
    const oldKeys = keysOf(epochKey, file, found.path);
    const { log, epoch } = found;
    const salt = randomBytes(SALT_BYTES);
    const newHeader = encodePayloadHeader({ tree: `${log}/${epoch}`, keyId: keyIdOf(epochKey), salt });
    const newKeys = keysOf(epochKey, newHeader, found.path);
    const written = await compute.run(rewriteTask, { file, oldKeys, newHeader, newKeys, erased });
    if (written.kind === "damaged") throw damaged(found.path, written.offset, written.reason);
    if (written.items > 0) await disk.replaceFile(found.path, written.file);
    else {
      await disk.remove(found.path);
      this.#found = this.#found.filter(({ path }) => path !== found.path);
    }
    this.#places.delete(found.path);
    return written.erased;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** Null of a record without an id of its own: nobody knows it again. */
function keyOf({ identity, part }: Pick<NewBody, "part" | "identity">): string | null {
  return identity.length === 0 ? null : `${hex(identity)}${part}`;
}

function keysOf(epochKey: Uint8Array, header: Uint8Array, path: string): PayloadKeys {
  const parsed = parsePayloadHeader(header);
  if (parsed.kind !== "header") throw damaged(path, 0, "the file has no whole header");
  const keys = payloadKeys(epochKey, parsed.header, new Uint8Array(parsed.hash));
  if (keys === null) throw damaged(path, 0, "the file is under another key than its epoch's");
  return keys;
}

function damaged(file: string, offset: number, reason: string): TallystickError {
  return new TallystickError(
    "payload_damaged",
    `a payload file is damaged: ${reason} (file ${file}, offset ${offset})`,
    {
      at: { file, offset },
      hint: "Nothing was changed. `tallystick fsck` names all that is wrong; restore the file from a backup.",
    },
  );
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
