import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import type { AuditRecord } from "@tallystick/record";
import { inlineCompute } from "../compute/inline.ts";
import { makeSecret } from "../control/secret.ts";
import { bulkOver } from "../disk/bulk-disk.ts";
import { faultDisk } from "../disk/fault-disk.ts";
import type { FaultDisk } from "../disk/fault-disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import type { MemoryDisk } from "../disk/memory-disk.ts";
import { writeServerFile } from "../disk/server-file.ts";
import type { EpochPolicy } from "../journal/epochs.ts";
import type { JournalSettings } from "../journal/limits.ts";
import { openLocalJournal } from "../journal/local-journal.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import { refuseLostTrees } from "../journal/lost-trees.ts";
import { createFileKms, openFileKms } from "../kms/file-kms.ts";
import { openKeyring } from "../kms/keyring.ts";
import type { Keyring, Kms } from "../kms/kms.ts";
import { fsHeadStore } from "../ledger/fs-head-store.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { settle } from "../ledger/ledger-bench.contract.ts";
import { openLedger } from "../ledger/local-ledger.ts";
import { headKeys, headSizes } from "../ledger/signed-head.ts";
import { manualClock } from "../manual-clock.ts";
import { finishRemovals } from "../retain/start-up.ts";
import { verifyFolder } from "./verify-folder.ts";
import type { FolderVerifyResult, VerifyFolderOptions } from "./verify-folder.ts";

export const DATA = "/data";
const ORIGIN = "log.example";
export const PLACES = {
  journal: `${DATA}/journal`,
  payloads: `${DATA}/payload`,
  ledger: `${DATA}/ledger`,
  head: `${DATA}/head`,
  keys: `${DATA}/keys`,
};

export interface FolderSettings {
  readonly epoch?: EpochPolicy;
  readonly journal?: Partial<JournalSettings>;
}

/** A real data folder, made by the real journal and ledger, on a disk that a test can damage. */
export class FolderBench {
  readonly clock = manualClock();
  readonly disk: MemoryDisk;
  /** What the server writes through. */
  faults: FaultDisk;
  readonly fatal: Error[] = [];
  readonly #settings: FolderSettings;
  #journal: LocalJournal | null = null;
  #ledger: Ledger | null = null;
  #opened: Keyring | null = null;
  #records = 0;
  #random = 0;

  constructor(settings: FolderSettings = {}, disk = memoryDisk()) {
    this.#settings = settings;
    this.disk = disk;
    this.faults = faultDisk(disk);
  }

  get journal(): LocalJournal {
    assert(this.#journal !== null, "the folder is open");
    return this.#journal;
  }

  /** The keyring of the folder that is open. */
  get keys(): Keyring {
    assert(this.#opened !== null, "the folder is open");
    return this.#opened;
  }

  get ledger(): Ledger {
    assert(this.#ledger !== null, "the folder is open");
    return this.#ledger;
  }

  async start(): Promise<void> {
    const { clock } = this;
    const disk = this.faults;
    const kms = await this.#firstStart();
    await disk.replaceFile(`${DATA}/lock`, Buffer.from("held"));
    const keyring = this.keyring(kms);
    this.#opened = keyring;
    for (const name of ["integrity", "redaction", "index"]) await keyring.key(name);
    const signer = await keyring.signer();
    const heads = fsHeadStore(disk, `${DATA}/head`);
    const publicKeys = headKeys(signer);
    const removal = { disk, bulk: bulkOver(disk), places: PLACES, keyring, deletedFolder: `${DATA}/deleted` };
    await finishRemovals({ ...removal, serverOrigin: ORIGIN, publicKeys });
    const sizes = await headSizes(heads, ORIGIN, publicKeys);
    const onFatal = (error: Error): void => void this.fatal.push(error);
    await refuseLostTrees(disk, `${DATA}/keys`, `${DATA}/journal`);
    this.#journal = await openLocalJournal({
      folder: `${DATA}/journal`,
      disk,
      compute: inlineCompute(),
      keyring,
      clock,
      randomBytes: (size) => this.randomBytes(size),
      epochOf: () => this.#settings.epoch ?? { kind: "month" },
      integratedSize: async (tree) => sizes.get(tree) ?? 0,
      settings: { windowMs: 0, ...this.#settings.journal },
      onFatal,
    });
    const parts = {
      folder: `${DATA}/ledger`,
      serverOrigin: ORIGIN,
      signer,
      journal: this.#journal,
      heads,
      disk,
      clock,
      onFatal,
    };
    this.#ledger = await openLedger({ ...parts, bulk: bulkOver(disk) });
  }

  async append(log: string, count: number): Promise<void> {
    assert((await this.offer(log, count)).length === count, "the records are stored");
  }

  /** The ids of records that were acknowledged: all or none. */
  async offer(log: string, count: number): Promise<readonly string[]> {
    const records = Array.from({ length: count }, () => this.#record());
    const outcome = await this.journal.appendOwn(log, records);
    return outcome.kind === "stored" ? records.map(({ id }) => id) : [];
  }

  /** Moves the clock until everything journaled is published. */
  async publish(): Promise<void> {
    for (let turn = 0; turn < 200; turn += 1) {
      await settle();
      const published = new Map(this.ledger.positions().map((position) => [position.tree, position.published]));
      if (this.journal.trees().every(({ tree, size }) => published.get(tree) === size)) return;
      this.clock.advance(100);
    }
    assert.fail("not everything was published");
  }

  async stop(): Promise<void> {
    await this.ledger.close();
    await this.journal.close({ seal: true });
    await this.faults.remove(`${DATA}/lock`);
  }

  /** The process dies: unsynced bytes are lost, or kept as far as `keep` says. */
  kill(keep?: (path: string, unsyncedBytes: number) => number): void {
    this.disk.crash(keep);
    // What is left of the old process in this one writes nothing any more.
    this.faults.inject({ kind: "not persisted", stays: true, fatal: true });
    this.faults = faultDisk(this.disk);
  }

  async verify(changes: Partial<VerifyFolderOptions> = {}): Promise<FolderVerifyResult> {
    const kms = await openFileKms(this.disk, `${DATA}/kms.key`, (size) => this.randomBytes(size)).catch(() => null);
    return verifyFolder({ dataFolder: DATA, disk: this.disk, clock: this.clock, kms, integrityKey: null, ...changes });
  }

  /** The key beside the data, which the first start made. */
  async kms(): Promise<Kms> {
    const kms = await openFileKms(this.disk, `${DATA}/kms.key`, (size) => this.randomBytes(size));
    assert(kms !== null, "the folder was started before");
    return kms;
  }

  keyring(kms: Kms): Keyring {
    return openKeyring({
      disk: this.faults,
      folder: `${DATA}/keys`,
      kms,
      clock: this.clock,
      randomBytes: (size) => this.randomBytes(size),
    });
  }

  /** The same folder on a disk of its own; without the files, and folders of files, that `keeps` refuses. */
  async copy(keeps: (path: string) => boolean = () => true): Promise<FolderBench> {
    const copy = new FolderBench(this.#settings);
    [copy.#records, copy.#random] = [this.#records, this.#random];
    for (const [path, bytes] of this.disk.files()) {
      if (!keeps(path)) continue;
      await copy.disk.makeFolder(path.slice(0, path.lastIndexOf("/")));
      copy.disk.tamper(path, bytes);
    }
    return copy;
  }

  /** Deterministic, and never the same twice. */
  randomBytes(size: number): Uint8Array {
    this.#random += 1;
    return createHash("shake256", { outputLength: size }).update(`random ${this.#random}`).digest();
  }

  async #firstStart(): Promise<Kms> {
    const disk = this.faults;
    const known = await openFileKms(disk, `${DATA}/kms.key`, (size) => this.randomBytes(size));
    if (known !== null) return known;
    await disk.makeFolder(DATA);
    await writeServerFile(disk, DATA, { origin: ORIGIN, createdAt: "2026-11-25T00:00:00Z" });
    const token = makeSecret("tsa_", (size) => this.randomBytes(size));
    await disk.replaceFile(`${DATA}/admin.token`, Buffer.from(`${token}\n`));
    return createFileKms(disk, `${DATA}/kms.key`, (size) => this.randomBytes(size));
  }

  #record(): AuditRecord {
    this.#records += 1;
    const id = `00000000-0000-7000-8000-${String(this.#records).padStart(12, "0")}`;
    const named = {
      id,
      request_id: `r${this.#records}`,
      service_id: "orders",
      target_id: "payments",
      recorder_id: "orders",
    };
    const fixed = { phase: "outcome", side: "caller", attempt: 0, protocol: "http", status: "success" };
    return { ...named, ...fixed, timestamp: "2026-11-25T00:00:00Z", event_type: "API_CALL", operation: "POST /charge" };
  }
}
