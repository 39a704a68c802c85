/**
 * One tree on its way from the journal to a published checkpoint.
 *
 * Guarantees: tiles and chain leaves are durable before the head is swapped, the head is swapped before the checkpoint
 * is published, and superseded partial tiles are removed only after that. A step that failed is done again by the next
 * call; whether a failed swap took effect is read from the head store before anything else is signed.
 * Invariant: published ≤ head ≤ integrated ≤ journaled.
 * Left out: when to run (local-ledger.ts), and whether a tree's first checkpoint may be signed yet (epoch-gate.ts).
 * Calls never overlap.
 */
import { strict as assert } from "node:assert";
import { edgeTiles, Frontier } from "@tallystick/tlog";
import type { Tile } from "@tallystick/tlog";
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { sameBytes } from "./head-store.ts";
import type { HeadStore } from "./head-store.ts";
import { MAX_PENDING_TILES, READ_BYTES } from "./limits.ts";
import { headKeys, openHead, requireHead, signHead } from "./signed-head.ts";
import type { LedgerSigner, SignedHead } from "./signed-head.ts";
import { TreeChain } from "./tree-chain.ts";
import { pathOf } from "./tree-folder.ts";
import type { TreeFolder } from "./tree-folder.ts";
import { compareAtStart, restoreTiles } from "./tree-recovery.ts";

export interface FollowerParts {
  readonly journal: Journal;
  readonly heads: HeadStore;
  readonly signer: LedgerSigner;
  readonly clock: Clock;
}

export class TreeFollower {
  readonly tree: string;
  readonly origin: string;
  readonly folder: TreeFolder;
  readonly #parts: FollowerParts;
  readonly #chain: TreeChain;
  #frontier = Frontier.empty();
  /** Complete tiles that are not durable yet. */
  #pending: Tile[] = [];
  #head: SignedHead | null = null;
  /** A note whose swap failed, so that the head is this one or `#head`. */
  #uncertain: SignedHead | null = null;
  #published: SignedHead | null = null;
  #publishedAtMs: number | null = null;
  /** Partial tiles that may be on the disk. */
  #partials = new Set<string>();

  constructor(tree: string, origin: string, folder: TreeFolder, parts: FollowerParts) {
    this.tree = tree;
    this.origin = origin;
    this.folder = folder;
    this.#parts = parts;
    this.#chain = new TreeChain(folder);
  }

  /** Compares and restores, as tree-recovery.ts and tree-chain.ts say; returns the number of tiles rebuilt. */
  async open(journaled: number | null): Promise<number> {
    const { heads, journal, signer } = this.#parts;
    const note = await heads.read(this.tree);
    const head = note === null ? null : await requireHead(this.tree, note, this.origin, headKeys(signer));
    const checkpoint = await this.#readCheckpoint();
    const publishAgain = compareAtStart({ tree: this.tree, head, checkpoint, journaled });
    const { frontier, rebuilt } = await restoreTiles(this.tree, head, this.folder, journal);
    await this.#chain.open(this.tree, frontier.size, journal);
    this.#frontier = frontier;
    this.#head = head;
    for (const tile of frontier.edge()) this.#partials.add(pathOf(tile));
    if (head !== null && publishAgain) await this.#publishHead(head);
    this.#published = head;
    return rebuilt;
  }

  get integrated(): number {
    return this.#frontier.size;
  }

  get published(): SignedHead | null {
    return this.#published;
  }

  /** The chain leaves of the published size; null before the first checkpoint. */
  get publishedChain(): Uint8Array | null {
    return this.#published === null ? null : this.#chain.bytes(this.#published.size);
  }

  get publishedAtMs(): number | null {
    return this.#publishedAtMs;
  }

  /**
   * Takes leaves into the tree, up to `target` or a little further, and makes the tiles that became complete durable.
   */
  async integrate(target: number): Promise<void> {
    if (this.#pending.length >= MAX_PENDING_TILES) await this.#flush();
    while (this.#frontier.size < target) {
      const range = await this.#parts.journal.read(this.tree, this.#frontier.size, READ_BYTES);
      if (range === null) break;
      assert(
        range.firstIndex === this.#frontier.size && range.count > 0,
        "the journal reads on from where it was asked",
      );
      assert(range.hashes.length === range.count * 32, "a leaf hash has 32 bytes");
      this.#pending.push(...this.#frontier.append(range.hashes));
      this.#chain.take(range);
      if (this.#pending.length >= MAX_PENDING_TILES) await this.#flush();
    }
    await this.#flush();
  }

  /** Signs, swaps and publishes what is integrated; null when there is nothing new. */
  async publish(): Promise<SignedHead | null> {
    if (this.#published !== null && this.#published.size === this.#frontier.size) return null;
    if (this.#frontier.size === 0) return null;
    await this.#settleHead();
    const head = await this.#advanceHead();
    await this.#publishHead(head);
    return head;
  }

  async #flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    await this.folder.writeTiles(this.#pending);
    this.#pending = [];
  }

  async #advanceHead(): Promise<SignedHead> {
    if (this.#head !== null && this.#head.size === this.#frontier.size) return this.#head;
    const edge = this.#frontier.edge();
    for (const tile of edge) this.#partials.add(pathOf(tile));
    await this.#flush();
    await this.folder.writeTiles(edge);
    await this.#chain.flush();
    const head = signHead(this.origin, this.#frontier, this.#parts.signer, this.#nowMs());
    this.#uncertain = head;
    const outcome = await this.#parts.heads.swap(this.tree, this.#head?.note ?? null, head.note);
    if (outcome.kind === "conflict") throw this.#conflict();
    this.#uncertain = null;
    this.#head = head;
    return head;
  }

  /** After a swap with an unknown end: the head store says which. */
  async #settleHead(): Promise<void> {
    if (this.#uncertain === null) return;
    const note = await this.#parts.heads.read(this.tree);
    if (sameBytes(note, this.#uncertain.note)) this.#head = this.#uncertain;
    else if (!sameBytes(note, this.#head?.note ?? null)) throw this.#conflict();
    this.#uncertain = null;
  }

  async #publishHead(head: SignedHead): Promise<void> {
    await this.folder.writeCheckpoint(head.note);
    this.#published = head;
    this.#publishedAtMs = this.#nowMs();
  }

  #nowMs(): number {
    return Math.floor(this.#parts.clock.nowUs() / 1_000);
  }

  /** Whether all `size` leaves are published and nothing superseded is left. */
  isSettled(size: number): boolean {
    return this.#published?.size === size && this.#partials.size === edgeTiles(this.#published.size).length;
  }

  /** Removes the partial tiles that the published checkpoint has superseded. */
  async removeSuperseded(): Promise<void> {
    if (this.#published === null) return;
    const kept = new Set(edgeTiles(this.#published.size).map(pathOf));
    const superseded = [...this.#partials].filter((path) => !kept.has(path));
    await this.folder.remove(superseded);
    this.#partials = kept;
  }

  async #readCheckpoint(): Promise<SignedHead | "unreadable" | null> {
    const note = await this.folder.readCheckpoint();
    if (note === null) return null;
    const opened = await openHead(note, this.origin, headKeys(this.#parts.signer));
    return opened.kind === "head" ? opened.head : "unreadable";
  }

  #conflict(): TallystickError {
    return new TallystickError(
      "ledger_rollback",
      `${this.tree}: the head store holds another note than the one this server put there`,
      {
        fatal: true,
        hint: "Two servers write to one head store, or somebody changed it. Stop one; never delete the head instead.",
        at: { tree: this.tree },
      },
    );
  }
}
