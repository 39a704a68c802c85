/**
 * What senders with a quota have used of it.
 *
 * Guarantees: the day's bytes are counted as bodies come in, before they are looked at, and never above the quota; a
 * batch may take a second's records into debt, which the next requests wait for, so that over time no more come than
 * the quota says. The day's counts are kept in a file, written within a second of a count and at a stop: after a kill
 * the bytes of the last second are not counted.
 */
import type { Clock } from "../clock.ts";
import type { Quota } from "../control/quota.ts";
import type { Disk } from "../disk/disk.ts";
import { readSummed, writeSummed } from "../disk/summed-json.ts";
import { MAX_QUOTA_ENTRIES, QUOTA_SAVE_MS } from "./limits.ts";

const DAY_S = 86_400;

export interface Exhausted {
  readonly quota: "records_per_second" | "bytes_per_day";
  /** Seconds after which a request may be let in again. */
  readonly waitS: number;
}

export interface QuotaUse {
  readonly principal: string;
  readonly quota: Quota;
  /** Since 00:00 UTC. */
  readonly bytesToday: number;
}

interface Sender {
  readonly name: string;
  readonly quota: Quota;
}

interface Entry {
  quota: Quota;
  day: number;
  bytes: number;
  /** Records that may be sent now; below zero in debt. */
  records: number;
  atMs: number;
}

export interface QuotaParts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly file: string;
  readonly onTrouble: (error: unknown) => void;
}

export class QuotaBook {
  readonly #parts: QuotaParts;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #saved: ReadonlyMap<string, number>;
  #savedDay: number;
  #isDirty = false;
  #cancel: () => void = () => {};
  #saving: Promise<void> = Promise.resolve();

  private constructor(parts: QuotaParts, saved: Saved) {
    this.#parts = parts;
    this.#saved = new Map(Object.entries(saved.bytes));
    this.#savedDay = saved.day;
  }

  static async open(parts: QuotaParts): Promise<QuotaBook> {
    const bytes = await parts.disk.readFile(parts.file);
    return new QuotaBook(parts, savedOf(bytes));
  }

  /** Null when a request may come in. */
  admit(sender: Sender): Exhausted | null {
    const { recordsPerSecond, bytesPerDay } = sender.quota;
    if (recordsPerSecond === null && bytesPerDay === null) return null;
    const entry = this.#entryOf(sender);
    if (bytesPerDay !== null && entry.bytes >= bytesPerDay) return this.#untilTomorrow();
    if (recordsPerSecond === null || entry.records > 0) return null;
    return { quota: "records_per_second", waitS: Math.max(1, Math.ceil((1 - entry.records) / recordsPerSecond)) };
  }

  /** Counts a body, or says that it would be too much; then it is not counted. */
  takeBytes(sender: Sender, bytes: number): Exhausted | null {
    const { bytesPerDay } = sender.quota;
    if (bytesPerDay === null) return null;
    const entry = this.#entryOf(sender);
    if (entry.bytes + bytes > bytesPerDay) return this.#untilTomorrow();
    entry.bytes += bytes;
    this.#markDirty();
    return null;
  }

  takeRecords(sender: Sender, records: number): void {
    if (sender.quota.recordsPerSecond !== null) this.#entryOf(sender).records -= records;
  }

  /** Of those who sent something, or tried to, since the server's start. */
  uses(): readonly QuotaUse[] {
    const today = this.#today();
    return [...this.#entries].map(([principal, { quota, day, bytes }]) => {
      return { principal, quota, bytesToday: day === today ? bytes : 0 };
    });
  }

  async close(): Promise<void> {
    this.#cancel();
    await this.#saving;
    if (this.#isDirty) await this.#save();
  }

  #entryOf({ name, quota }: Sender): Entry {
    const nowMs = this.#parts.clock.monotonicMs();
    const entry = this.#entries.get(name) ?? this.#newEntry(name, quota, nowMs);
    const most = quota.recordsPerSecond ?? 0;
    entry.records = Math.min(most, entry.records + ((nowMs - entry.atMs) * most) / 1_000);
    entry.atMs = nowMs;
    entry.quota = quota;
    const today = this.#today();
    if (entry.day !== today) [entry.day, entry.bytes] = [today, 0];
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    return entry;
  }

  #newEntry(name: string, quota: Quota, nowMs: number): Entry {
    const oldest = this.#entries.keys().next();
    if (this.#entries.size >= MAX_QUOTA_ENTRIES && oldest.done !== true) this.#entries.delete(oldest.value);
    const day = this.#today();
    const bytes = this.#savedDay === day ? (this.#saved.get(name) ?? 0) : 0;
    return { quota, day, bytes, records: quota.recordsPerSecond ?? 0, atMs: nowMs };
  }

  #today(): number {
    return Math.floor(this.#parts.clock.nowUs() / 1e6 / DAY_S);
  }

  #untilTomorrow(): Exhausted {
    const nowS = this.#parts.clock.nowUs() / 1e6;
    return { quota: "bytes_per_day", waitS: Math.max(1, Math.ceil(DAY_S - (nowS % DAY_S))) };
  }

  #markDirty(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#cancel = this.#parts.clock.after(QUOTA_SAVE_MS, () => void this.#save());
  }

  #save(): Promise<void> {
    this.#isDirty = false;
    const { disk, file, onTrouble } = this.#parts;
    const day = this.#today();
    const counts = new Map(this.#savedDay === day ? this.#saved : []);
    for (const [name, entry] of this.#entries) if (entry.day === day) counts.set(name, entry.bytes);
    [this.#saved, this.#savedDay] = [counts, day];
    const bytes = writeSummed({ day, bytes: Object.fromEntries(counts) });
    this.#saving = this.#saving.then(() => disk.replaceFile(file, bytes)).catch(onTrouble);
    return this.#saving;
  }
}

interface Saved {
  readonly day: number;
  readonly bytes: Readonly<Record<string, number>>;
}

/** Counts are worth a day; a file that does not hold them counts nothing. */
function savedOf(bytes: Uint8Array | null): Saved {
  const nothing: Saved = { day: -1, bytes: {} };
  if (bytes === null) return nothing;
  try {
    const { day, bytes: counts } = readSummed(bytes) as Saved;
    const isCounts = Object.values(counts).every((count) => Number.isSafeInteger(count) && count >= 0);
    return Number.isSafeInteger(day) && isCounts ? { day, bytes: counts } : nothing;
  } catch {
    return nothing;
  }
}
