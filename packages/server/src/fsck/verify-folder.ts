/**
 * Verification of a data folder: reads every file that is not derived (and the ledger, which a stranger relies on),
 * believes none of them, and says everything that is wrong, each with its place.
 *
 * Guarantees: after a clean stop any changed, missing, added or exchanged byte of journal, ledger, heads, keys and
 * server.json is a fault, as far as the given keys reach. A folder in use is checked up to its published checkpoints;
 * what grows meanwhile is no fault. Memory does not grow with the folder, but for the bodies in it (payload-check.ts).
 * Nothing is written.
 * Left out: `index/` (derived; fsck.ts compares it), and whether the folder is older than the verifier knows, unless
 * `vkey` or `since` say.
 */
import { encodeBase64 } from "@tallystick/tlog";
import type { Checkpoint } from "@tallystick/tlog";
import { anchoredTrees, succeededKeys, treeOfOrigin, verifyResult } from "@tallystick/verify";
import type { ProducerSummary, VerifyResult } from "@tallystick/verify";
import type { Clock } from "../clock.ts";
import type { Compute } from "../compute/compute.ts";
import { inlineCompute } from "../compute/inline.ts";
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import { digestOf } from "../journal/own-records.ts";
import type { FoundTree, JournalScan } from "../journal/scan.ts";
import { checkKeys, openKeyring, readPublicKeys } from "../kms/keyring.ts";
import type { Keyring, Kms } from "../kms/kms.ts";
import { compareEpochs } from "../journal/epochs.ts";
import { scanDeleted } from "../retain/deleted-folder.ts";
import { checkDeleted, findDeleted, goneTrees } from "./deleted-trees.ts";
import { checkChain, checkCuts } from "./epoch-chain.ts";
import { FolderFaults } from "./faults.ts";
import { checkKmsFile, checkRoot, checkServerFile, isInUse, wrappingKey } from "./folder-files.ts";
import { parsePin, parseRemembered } from "./known-notes.ts";
import type { PinnedKey, RememberedNote } from "./known-notes.ts";
import { findTrees } from "./folder-trees.ts";
import { checkPayloads } from "./payload-check.ts";
import type { PayloadFigures } from "./payload-check.ts";
import { PROGRESS_LEAVES } from "./limits.ts";
import { checkProducerSignatures } from "./producer-signatures.ts";
import { checkTree } from "./tree-check.ts";
import type { CheckedTree } from "./tree-check.ts";
import type { FolderTail } from "./tree-leaves.ts";
import { openOwn } from "./tree-notes.ts";

export interface VerifyFolderOptions {
  readonly dataFolder: string;
  readonly disk: Disk;
  readonly clock: Clock;
  /** Null: contents are not checked. */
  readonly kms: Kms | null;
  /** As `keys export-integrity` gives it; not needed beside `kms`. */
  readonly integrityKey: Uint8Array | null;
  /** `ledger.head` when it is not in the data folder. */
  readonly headFolder?: string;
  /** C2SP verifier key of one of the folder's trees; all have the same key. */
  readonly vkey?: string;
  /** Signed notes of checkpoints that the verifier remembers. */
  readonly since?: Uint8Array;
  readonly compute?: Compute;
  /** Whether a server runs in the folder or was killed there; found out by `lock` and `run.json` when absent. */
  readonly inUse?: boolean;
  /** Check the signatures of producers over their batches as well; takes as long again. */
  readonly producers?: boolean;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly tree: string;
  /** Over all trees. */
  readonly leavesChecked: number;
}

export interface FolderVerifyResult extends VerifyResult {
  /** Bytes that an unclean stop left beyond everything that was signed; no fault. */
  readonly tails: readonly FolderTail[];
  /** Whether every sealed segment's HMAC was checked. */
  readonly macs: "checked" | "not checked";
  readonly payloads: PayloadFigures;
  readonly leavesChecked: number;
  readonly leavesPerSecond: number;
  /** Null when they were not asked for. */
  readonly producers: ProducerSummary | null;
}

/** Throws when it could not run: no data folder, an unreadable disk, an argument that cannot be used. */
export async function verifyFolder(options: VerifyFolderOptions): Promise<FolderVerifyResult> {
  return (await inspectFolder(options)).result;
}

export interface FolderInspection {
  readonly result: FolderVerifyResult;
  readonly trees: readonly CheckedTree[];
}

/** The same, with what was found of each tree. */
export async function inspectFolder(options: VerifyFolderOptions): Promise<FolderInspection> {
  const folder = `${options.dataFolder}/deleted`;
  const count = async (): Promise<number> => (await scanDeleted(options.disk, folder)).deleted.length;
  for (let attempt = 1; ; attempt += 1) {
    const before = await count();
    const inspection = await new FolderVerification(options).run().catch((error: unknown) => error);
    // A running server deleted a tree under our eyes: what was seen of it says nothing.
    if (attempt < MAX_ATTEMPTS && (await count()) !== before) continue;
    if (inspection instanceof Error) throw inspection;
    return inspection as FolderInspection;
  }
}

/** Of a folder in which trees are being deleted. */
const MAX_ATTEMPTS = 3;
/** Keys without which no leaf is ever written. */
const ALWAYS_THERE = ["signing", "integrity", "redaction", "index"];

class FolderVerification {
  readonly #options: VerifyFolderOptions;
  readonly #faults: FolderFaults;
  readonly #pin: PinnedKey | null;
  readonly #remembered: readonly RememberedNote[];
  readonly #compute: Compute;
  /** Trees of which a remembered checkpoint was compared. */
  readonly #compared = new Set<string>();
  #producers: ProducerSummary | null = null;
  #leaves = 0;
  #reported = 0;

  constructor(options: VerifyFolderOptions) {
    this.#options = options;
    this.#faults = new FolderFaults(options.dataFolder);
    this.#pin = options.vkey === undefined ? null : parsePin(options.vkey);
    this.#remembered = options.since === undefined ? [] : parseRemembered(options.since);
    this.#compute = options.compute ?? inlineCompute();
  }

  async run(): Promise<FolderInspection> {
    const { clock, disk, dataFolder } = this.#options;
    const startedMs = clock.monotonicMs();
    await this.#requireFolder();
    const inUse = this.#options.inUse ?? (await isInUse(disk, dataFolder));
    const origin = await checkServerFile(disk, dataFolder, this.#faults);
    await checkRoot(disk, dataFolder, inUse, this.#faults);
    await this.#checkKeys(inUse);
    const isStopped = !inUse;
    const places = { disk, folder: `${dataFolder}/deleted`, isStopped, faults: this.#faults };
    const deleted = await findDeleted(places);
    const scan = await findTrees({ ...this.#places(), disk, isStopped, faults: this.#faults, deleted });
    const publicKeys = await this.#publicKeys();
    const keyring = keyringOf(this.#options);
    const integrityKey = this.#options.integrityKey ?? (keyring === null ? null : await existing(keyring, "integrity"));
    const trees: CheckedTree[] = [];
    // Newest first: what a newer tree says of an older one was true before the older one is read.
    for (const found of [...scan.trees].reverse()) {
      const treeOrigin = origin === null ? await this.#originFromHead(found) : `${origin}/${found.tree}`;
      const isNewest = !trees.some(({ log, journaled }) => log === found.log && journaled > 0);
      trees.unshift(await this.#tree(found, treeOrigin, { publicKeys, keyring, integrityKey, isStopped, isNewest }));
    }
    const gone = await checkDeleted(places, deleted, origin, publicKeys);
    const all = [...gone, ...trees].sort((one, other) => compareEpochs(one.found.epoch, other.found.epoch));
    this.#checkKnown(all);
    await this.#checkAcross(scan, all, new Set(gone.map(({ tree }) => tree)), isStopped);
    if (this.#options.producers === true) await this.#checkProducers(scan, keyring);
    const payloads = await this.#payloads(trees, keyring, publicKeys);
    return { result: this.#result(trees, gone, payloads, clock.monotonicMs() - startedMs), trees };
  }

  /** Only with all contents: else nobody can say which bodies there should be. */
  async #payloads(
    trees: readonly CheckedTree[],
    keyring: Keyring | null,
    publicKeys: readonly Uint8Array[] | null,
  ): Promise<PayloadFigures> {
    const { disk, dataFolder } = this.#options;
    const isRead = trees.every(({ contents }) => contents === "checked");
    return checkPayloads({
      disk,
      dataFolder,
      publicKeys,
      keyring: isRead ? keyring : null,
      trees: new Map(trees.map(({ tree, size }) => [tree, size])),
      committed: trees.flatMap(({ tree, bodies }) => bodies.map((body) => ({ tree, ...body }))),
      erased: trees.flatMap(({ erased }) => erased),
      stubs: trees.flatMap(({ tree, stubs }) => stubs.map((stub) => ({ tree, ...stub }))),
      faults: this.#faults,
    });
  }

  async #requireFolder(): Promise<void> {
    const { disk, dataFolder } = this.#options;
    const names = await disk.list(dataFolder);
    if (names.some((name) => ["server.json", "journal/", "ledger/", "keys/"].includes(name))) return;
    throw new TallystickError("not_found", `${dataFolder} is no data folder`, {
      hint: "Name the folder that `serve --data` was given.",
    });
  }

  async #checkKeys(inUse: boolean): Promise<void> {
    const { disk, dataFolder, kms } = this.#options;
    for (const { file, message } of await checkKeys(disk, `${dataFolder}/keys`, kms)) {
      if (!(inUse && file.endsWith(TEMPORARY_SUFFIX))) this.#faults.add("key_file", message, { file });
    }
    for (const name of ALWAYS_THERE) {
      const file = this.#keyFile(name);
      if ((await disk.size(file)) === null) this.#faults.add("key_file", "the key is missing", { file });
    }
    await checkKmsFile(disk, dataFolder, await wrappingKey(disk, dataFolder), inUse, this.#faults);
  }

  #places(): { readonly dataFolder: string; readonly headFolder: string } {
    const { dataFolder, headFolder } = this.#options;
    return { dataFolder, headFolder: headFolder ?? `${dataFolder}/head` };
  }

  /** The pinned key and those that succession joins to it, else the ones that the folder shows. */
  async #publicKeys(): Promise<readonly Uint8Array[] | null> {
    const { disk, dataFolder } = this.#options;
    const file = `${dataFolder}/keys/signing.json`;
    // What is wrong with the files, checkKeys has said.
    const shown = await readPublicKeys(disk, `${dataFolder}/keys`).catch(() => ({ publicKeys: [], successions: [] }));
    if (this.#pin === null) return shown.publicKeys.length === 0 ? null : shown.publicKeys;
    const { publicKey } = this.#pin;
    const keys = succeededKeys([publicKey], shown.successions);
    const isOther = (key: Uint8Array) => !keys.some((one) => Buffer.compare(one, key) === 0);
    if (shown.publicKeys.some(isOther))
      this.#faults.add("key_mismatch", "the folder's signing key is not the key that was given as known", { file });
    return keys;
  }

  /** With server.json damaged, what the head itself says: it is signed. */
  async #originFromHead({ tree }: FoundTree): Promise<string> {
    const note = await this.#options.disk.readFile(`${this.#places().headFolder}/${tree}.note`);
    const line = note === null ? "" : (Buffer.from(note).toString("utf8").split("\n")[0] ?? "");
    return line.endsWith(`/${tree}`) ? line : `unknown/${tree}`;
  }

  async #tree(found: FoundTree, origin: string, shared: TreeContext): Promise<CheckedTree> {
    const { disk } = this.#options;
    const { dataFolder, headFolder } = this.#places();
    return checkTree({
      disk,
      found,
      origin,
      ledgerFolder: `${dataFolder}/ledger/${found.tree}`,
      headFile: `${headFolder}/${found.tree}.note`,
      publicKeys: shared.publicKeys,
      epochKey: await this.#epochKey(shared.keyring, found),
      integrityKey: shared.integrityKey,
      since: await this.#since(origin, shared.publicKeys, found.tree),
      isStopped: shared.isStopped,
      isNewest: shared.isNewest,
      compute: this.#compute,
      faults: this.#faults,
      onLeaves: (count) => this.#progress(found.tree, count),
    });
  }

  async #epochKey(keyring: Keyring | null, { tree, log, epoch, segments }: FoundTree): Promise<Uint8Array | null> {
    if (keyring === null) return null;
    const name = `epoch.${log}.${epoch}`;
    const key = await existing(keyring, name);
    // Made after the folder and before the first segment.
    if (key === null && segments.length > 0)
      this.#faults.add("key_file", "the tree's key is missing or does not open", { file: this.#keyFile(name) }, tree);
    return key;
  }

  #keyFile(name: string): string {
    return `${this.#options.dataFolder}/keys/${name}.json`;
  }

  async #since(origin: string, publicKeys: readonly Uint8Array[] | null, tree: string): Promise<readonly Checkpoint[]> {
    const known: Checkpoint[] = [];
    for (const remembered of this.#remembered.filter((note) => note.origin === origin)) {
      const opened = await openOwn(remembered.note, origin, publicKeys);
      if (typeof opened !== "string") {
        known.push(opened);
        this.#compared.add(tree);
      } else
        this.#faults.add(
          "since_signature",
          `the remembered checkpoint is not one of this folder's: ${opened}`,
          {},
          tree,
        );
    }
    return known;
  }

  #progress(tree: string, count: number): void {
    this.#leaves += count;
    if (this.#leaves - this.#reported < PROGRESS_LEAVES) return;
    this.#reported = this.#leaves;
    this.#options.onProgress?.({ tree, leavesChecked: this.#leaves });
  }

  /** What was remembered must be of a tree that is there. */
  #checkKnown(trees: readonly CheckedTree[]): void {
    const origins = new Set(trees.map(({ origin }) => origin));
    for (const origin of new Set(this.#remembered.map((note) => note.origin))) {
      if (origins.has(origin)) continue;
      const tree = treeOfOrigin(origin);
      const message = `the folder has no tree ${origin}, of which a checkpoint is remembered`;
      this.#faults.add("tree_missing", message, { file: `${this.#options.dataFolder}/journal/${tree}` }, tree);
    }
    if (this.#pin !== null && !origins.has(this.#pin.name)) {
      this.#faults.add("key_mismatch", `the folder has no tree ${this.#pin.name}, whose key was given as known`);
    }
  }

  async #checkProducers({ trees }: JournalScan, keyring: Keyring | null): Promise<void> {
    if (keyring === null)
      throw new TallystickError("key_unavailable", "Signatures of producers are checked with the KMS key.", {
        hint: "Their records are sealed: name the key with kms.file, or leave --producers out.",
      });
    this.#producers = await checkProducerSignatures({
      disk: this.#options.disk,
      trees,
      epochKey: ({ log, epoch }) => existing(keyring, `epoch.${log}.${epoch}`),
      secret: (name) => existing(keyring, name),
      faults: this.#faults,
    });
  }

  async #checkAcross(
    { trees: found }: JournalScan,
    trees: readonly CheckedTree[],
    gone: ReadonlySet<string>,
    isStopped: boolean,
  ): Promise<void> {
    for (const log of new Set(trees.map((tree) => tree.log)))
      checkChain(
        trees.filter((tree) => tree.log === log && tree.journaled > 0),
        this.#faults,
      );
    // The records of cuts are sealed.
    if (trees.some(({ contents }) => contents !== "checked")) return;
    const cuts = await Promise.all(
      found.flatMap(({ tree, cuts: files }) =>
        files.map(async (cut) => ({
          ...cut,
          tree,
          digest: digestOf((await this.#options.disk.readFile(cut.path)) ?? new Uint8Array()),
        })),
      ),
    );
    checkCuts(trees, cuts, { gone, isStopped }, this.#faults);
  }

  /** One key signs all trees of the folder; a checkpoint stands for its tree, and those that are chained to it. */
  #anchored(trees: readonly CheckedTree[]): ReadonlySet<string> {
    if (this.#pin !== null) return new Set(trees.map(({ tree }) => tree));
    const broken = new Set(
      this.#faults.list.faults.filter(({ code }) => code === "tree_opening").map(({ tree }) => tree),
    );
    const filled = trees.filter(({ journaled }) => journaled > 0);
    const chain = filled.map(({ tree, log, isChainRead }, at) => {
      const before = filled[at - 1];
      const isJoined = isChainRead && !broken.has(tree) && before?.log === log;
      return { tree, previous: isJoined ? before.tree : null };
    });
    return anchoredTrees(this.#compared, chain);
  }

  #result(
    trees: readonly CheckedTree[],
    gone: readonly CheckedTree[],
    payloads: PayloadFigures,
    elapsedMs: number,
  ): FolderVerifyResult {
    const isKnown = this.#pin !== null || this.#remembered.length > 0;
    const ofLog = (one: CheckedTree, other: CheckedTree) =>
      one.log === other.log ? compareEpochs(one.found.epoch, other.found.epoch) : one.log < other.log ? -1 : 1;
    const anchored = this.#anchored([...gone, ...trees].sort(ofLog));
    const results = trees.map(({ tree, origin, size, root, tilesChecked, leavesChecked, contents, isChainRead }) => ({
      tree,
      origin,
      size,
      anchored: anchored.has(tree),
      root: root === null ? null : encodeBase64(root),
      tilesChecked,
      leavesChecked,
      contents,
      chain: isChainRead || size === 0 ? ("checked" as const) : ("not checked" as const),
    }));
    return {
      ...verifyResult({
        isKnown,
        faults: this.#faults.list,
        trees: results,
        deleted: goneTrees(gone),
        erasedLeaves: payloads.erasedLeaves,
      }),
      tails: trees.flatMap(({ tail }) => (tail === null ? [] : [tail])),
      payloads,
      macs: trees.every(({ macs }) => macs === "checked") ? "checked" : "not checked",
      producers: this.#producers,
      leavesChecked: this.#leaves,
      leavesPerSecond: Math.round((this.#leaves * 1_000) / Math.max(1, elapsedMs)),
    };
  }
}

interface TreeContext {
  readonly publicKeys: readonly Uint8Array[] | null;
  readonly keyring: Keyring | null;
  readonly integrityKey: Uint8Array | null;
  readonly isStopped: boolean;
  readonly isNewest: boolean;
}

function keyringOf({ disk, dataFolder, clock, kms }: VerifyFolderOptions): Keyring | null {
  if (kms === null) return null;
  const randomBytes = (): never => {
    throw new Error("verification makes no keys");
  };
  return openKeyring({ disk, folder: `${dataFolder}/keys`, kms, clock, randomBytes });
}

/** Null without the KMS, and when there is no such key or it does not open. */
export async function epochKeyOf(options: VerifyFolderOptions, { log, epoch }: FoundTree): Promise<Uint8Array | null> {
  const keyring = keyringOf(options);
  return keyring === null ? null : existing(keyring, `epoch.${log}.${epoch}`);
}

/** Null also when the key does not open: checkKeys has said so. */
async function existing(keyring: Keyring, name: string): Promise<Uint8Array | null> {
  try {
    return await keyring.existing(name);
  } catch (error) {
    if (isTallystickError(error, "key_unavailable")) return null;
    throw error;
  }
}
