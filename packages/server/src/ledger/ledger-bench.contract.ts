import { strict as assert } from "node:assert";
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { encodeLeaf } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import {
  bundleHashes,
  entriesPath,
  equalBytes,
  Frontier,
  leafHash,
  openNote,
  parseCheckpoint,
  parseEntryBundle,
} from "@tallystick/tlog";
import { parseVerifierKey, tilePath, tilesForSize, treeSize } from "@tallystick/tlog";
import { bulkOver } from "../disk/bulk-disk.ts";
import type { Disk } from "../disk/disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import type { AppendOutcome, Journal, LeafRange, TreePosition } from "../journal/journal.ts";
import { manualClock } from "../manual-clock.ts";
import type { HeadStore } from "./head-store.ts";
import type { Ledger } from "./ledger.ts";
import { openLedger } from "./local-ledger.ts";
import type { LedgerNotice, LedgerOptions, PublishedCheckpoint } from "./local-ledger.ts";
import { MemoryHeadStore } from "./memory-head-store.ts";
import type { LedgerSigner } from "./signed-head.ts";

/** Leaves in memory, in trees that the test opens: the part of a journal that the ledger sees. */
class LeafJournal implements Journal {
  readonly #leaves = new Map<string, Uint8Array[]>();
  readonly #listeners = new Set<(tree: string, size: number) => void>();
  readonly #ownIds = new Map<string, string>();
  #refusals = 0;
  ownAppends = 0;
  /** Opened by the next own record, as when an epoch ends meanwhile. */
  nextTree: string | null = null;

  openTree(tree: string): void {
    const previous = this.trees().findLast(({ log }) => log === logOf(tree));
    this.#leaves.set(tree, []);
    this.#push(tree, [leafOf(ownRecord(`opened-${tree}`, previous?.tree ?? "none"))]);
  }

  addLeaves(tree: string, count: number): void {
    const from = this.#leaves.get(tree)?.length ?? 0;
    this.#push(
      tree,
      Array.from({ length: count }, (_, at) => Buffer.from(`leaf ${from + at} of ${tree}`)),
    );
  }

  receivedBeforeUs(): number {
    return 0;
  }

  /** What somebody does who puts an older journal back. */
  cut(tree: string, size: number): void {
    this.#leaves.get(tree)?.splice(size);
  }

  change(tree: string, index: number, leaf: Uint8Array): void {
    this.#leaves.get(tree)![index] = leaf;
  }

  forget(tree: string): void {
    this.#leaves.delete(tree);
  }

  leaves(tree: string): readonly Uint8Array[] {
    return this.#leaves.get(tree) ?? [];
  }

  refuseOwn(times: number): void {
    this.#refusals = times;
  }

  async append(): Promise<AppendOutcome> {
    assert.fail("the ledger appends only own records");
  }

  async appendOwn(log: string, records: readonly AuditRecord[]): Promise<AppendOutcome> {
    this.ownAppends += 1;
    if (this.#refusals-- > 0) return { kind: "pushback", reason: "busy", retryAfterS: 1 };
    if (this.nextTree !== null) this.openTree(this.nextTree);
    this.nextTree = null;
    const tree = this.trees().findLast((position) => position.log === log)!.tree;
    const fresh = records.filter(({ id }) => !this.#ownIds.has(id));
    for (const { id } of fresh) this.#ownIds.set(id, tree);
    const firstIndex = this.#leaves.get(tree)!.length;
    this.#push(tree, fresh.map(leafOf));
    const duplicates = records.length - fresh.length;
    return {
      kind: "stored",
      tree,
      firstIndex: fresh.length === 0 ? null : firstIndex,
      count: fresh.length,
      duplicates,
      copies: [],
    };
  }

  trees(): readonly TreePosition[] {
    const names = [...this.#leaves.keys()];
    return names.map((tree, at) => ({
      tree,
      log: logOf(tree),
      epoch: tree.slice(tree.indexOf("/") + 1),
      size: this.#leaves.get(tree)!.length,
      closed: names.slice(at + 1).some((later) => logOf(later) === logOf(tree)),
    }));
  }

  async read(tree: string, from: number, maxBytes: number): Promise<LeafRange | null> {
    const all = this.#leaves.get(tree) ?? [];
    const taken: Uint8Array[] = [];
    for (let at = from, bytes = 0; at < all.length && (taken.length === 0 || bytes < maxBytes); at += 1) {
      taken.push(all[at]!);
      bytes += all[at]!.length + 2;
    }
    if (taken.length === 0) return null;
    const entries = Buffer.concat(taken.flatMap((leaf) => [Uint8Array.of(leaf.length >> 8, leaf.length & 255), leaf]));
    return { tree, firstIndex: from, count: taken.length, entries, hashes: Buffer.concat(taken.map(leafHash)) };
  }

  onJournaled(listener: (tree: string, size: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {}

  #push(tree: string, leaves: readonly Uint8Array[]): void {
    this.#leaves.get(tree)!.push(...leaves);
    for (const listener of this.#listeners) listener(tree, this.#leaves.get(tree)!.length);
  }
}

function logOf(tree: string): string {
  return tree.slice(0, tree.indexOf("/"));
}

function ownRecord(id: string, target: string): AuditRecord {
  const named = { id, request_id: id, target_id: target, service_id: "tallystick", recorder_id: "tallystick" };
  const fixed = { phase: "outcome", side: "observer", attempt: 0, protocol: "other", status: "success" };
  return {
    ...named,
    ...fixed,
    timestamp: "2026-11-25T00:00:00Z",
    event_type: "LOG_LIFECYCLE",
    operation: "tree opened",
  };
}

function leafOf(record: AuditRecord): Uint8Array {
  const observed = {
    received_at: "2026-11-25T00:00:00.000000Z",
    principal: "tallystick",
    standing: "authenticated",
  } as const;
  return encodeLeaf({ ...observed, source_address: "local", intake: "tallystick" }, record);
}

export function testSigner(seed = 7): LedgerSigner {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, seed)]);
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return { publicKey: new Uint8Array(spki.subarray(-32)), sign: (message) => sign(null, message, key) };
}

/** One ledger over parts that outlive it, with a clock that the test moves. */
export class LedgerBench {
  readonly clock = manualClock();
  readonly journal = new LeafJournal();
  readonly files = memoryDisk();
  readonly signer = testSigner();
  readonly notices: LedgerNotice[] = [];
  readonly fatal: Error[] = [];
  readonly checkpoints: PublishedCheckpoint[] = [];
  disk: Disk = this.files;
  heads: HeadStore = new MemoryHeadStore();
  #ledger: Ledger | null = null;

  async open(changes: Partial<LedgerOptions> = {}): Promise<Ledger> {
    const { journal, clock, signer, disk, heads } = this;
    const bulk = bulkOver(disk);
    const reports = {
      onCheckpoint: (checkpoint: PublishedCheckpoint) => void this.checkpoints.push(checkpoint),
      onNotice: (notice: LedgerNotice) => void this.notices.push(notice),
      onFatal: (error: Error) => void this.fatal.push(error),
    };
    const parts = { folder: "/ledger", serverOrigin: "log.example", signer, journal, heads, disk, bulk, clock };
    this.#ledger = await openLedger({ ...parts, ...reports, ...changes });
    return this.#ledger;
  }

  /** Another ledger over the same journal and clock. */
  use(ledger: Ledger): Ledger {
    this.#ledger = ledger;
    return ledger;
  }

  /** Moves the clock until the condition holds; at most ten minutes of it. */
  async until(holds: () => boolean, stepMs = 50): Promise<void> {
    for (let moved = 0; moved < 600_000; moved += stepMs) {
      await settle();
      if (holds()) return;
      this.clock.advance(stepMs);
    }
    assert.fail("the condition never came to hold");
  }

  untilPublished(tree: string): Promise<void> {
    return this.until(() => this.publishedSize(tree) === this.journal.leaves(tree).length);
  }

  publishedSize(tree: string): number {
    return this.#ledger?.positions().find((position) => position.tree === tree)?.published ?? 0;
  }

  tileFiles(tree: string): readonly string[] {
    const prefix = `/ledger/${tree}/`;
    return [...this.files.files().keys()]
      .filter((path) => path.startsWith(`${prefix}tile/`))
      .map((path) => path.slice(prefix.length));
  }
}

/** Lets everything that waits for no timer run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Walks a served tree as a stranger does, by the rules of C2SP tlog-tiles: checkpoint under its key, every entry
 * bundle, every tile derived again from the entries, the root. Returns the size.
 */
export async function walkServedTree(ledger: Ledger, tree: string): Promise<number> {
  const key = parseVerifierKey(ledger.verifierKey(tree));
  assert(key.kind === "ok", "the verifier key has the C2SP form");
  const note = await openNote((await ledger.checkpoint(tree)) ?? "", [key.value]);
  assert(note.kind === "ok", "the checkpoint opens under the tree's key");
  const checkpoint = parseCheckpoint(note.value.text);
  assert(checkpoint.kind === "ok" && checkpoint.value.origin === ledger.origin(tree), "the checkpoint is of this tree");
  const { size, root } = checkpoint.value;
  const expected = await deriveTiles(ledger, tree, size);
  for (const place of tilesForSize(size)) {
    const path = tilePath(place.level, place.n, place.width);
    const [served, derived] = [await ledger.tile(tree, path), expected.tiles.get(path)];
    assert(served !== null && derived !== undefined && derived.equals(served), path);
  }
  assert(equalBytes(expected.root, root), "the tiles give the signed root");
  return size;
}

async function deriveTiles(
  ledger: Ledger,
  tree: string,
  size: number,
): Promise<{ tiles: Map<string, Buffer>; root: Uint8Array }> {
  const frontier = Frontier.empty();
  const tiles = new Map<string, Buffer>();
  for (let n = 0; n * 256 < size; n += 1) {
    const width = Math.min(256, size - n * 256);
    const bundle = await ledger.entries(tree, entriesPath(n, width));
    assert(bundle !== null, `entry bundle ${n}`);
    const entries = parseEntryBundle(bundle, width);
    assert(entries.kind === "ok", `entry bundle ${n} is whole`);
    for (const tile of frontier.append(bundleHashes(bundle, entries.value))) {
      tiles.set(tilePath(tile.level, tile.n), Buffer.from(tile.bytes));
    }
  }
  assert.equal(frontier.size, treeSize(size));
  for (const { level, n, width, bytes } of frontier.edge()) tiles.set(tilePath(level, n, width), Buffer.from(bytes));
  return { tiles, root: frontier.root() };
}
