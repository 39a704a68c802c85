/**
 * Signatures of producers over their batches, checked from what a server serves (docs/formats/batch-signature.md).
 * The trees were verified before; here their entries are read again, and each reading must lead to the same root, so
 * that no server answers one way to the check of the tree and another way to this one.
 */
import { decodeLeaf } from "@tallystick/record";
import type { Leaf } from "@tallystick/record";
import { Frontier, TILE_WIDTH, entriesPath, equalBytes, parseEntryBundle } from "@tallystick/tlog";
import type { Checkpoint } from "@tallystick/tlog";
import { ahead } from "./ahead.ts";
import { batchKeyOf, signatureVerdict } from "./batch-keys.ts";
import type { LoggedBatchKey } from "./batch-keys.ts";
import { entryHashes } from "./erasure.ts";
import { LOOKAHEAD } from "./limits.ts";
import { overLogs, ProducerCheck, recordBytesOf } from "./producer-check.ts";
import type { ProducerSummary } from "./producer-check.ts";
import type { FaultList } from "./result.ts";
import type { TreeSource } from "./tree-source.ts";
import type { TreeOutcome } from "./verify-tree.ts";

export interface ServerProducersOptions {
  /** All trees of the server, oldest first within a log. */
  readonly outcomes: readonly TreeOutcome[];
  readonly sourceOf: (tree: string) => TreeSource;
  /** HMAC secrets by kid. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly faults: FaultList;
  onProgress?(tree: string, leaves: number, size: number): void;
}

/** The log in which keys are made. */
const CONTROL_LOG = "control";

export async function checkServerProducers(options: ServerProducersOptions): Promise<ProducerSummary> {
  const logs = new Set(options.outcomes.map(({ result }) => logOf(result.tree)));
  const logged = await loggedKeys(options);
  return overLogs(logs, async (log) => {
    const { summary, faults } = await checkLog(options, log, logged);
    for (const fault of faults) options.faults.add(fault);
    return summary;
  });
}

async function checkLog(
  options: ServerProducersOptions,
  log: string,
  logged: ReadonlyMap<string, LoggedBatchKey>,
): Promise<ReturnType<ProducerCheck["finish"]>> {
  const trees = treesOf(options, log);
  const [oldest] = trees;
  const isCut = (oldest?.found.opening?.previous ?? null) !== null;
  const check = new ProducerCheck({
    log,
    verify: (signature, publicKey) => signatureVerdict({ logged, secrets: options.secrets }, signature, publicKey),
    cutAt: isCut ? oldest!.result.tree : null,
  });
  for (const tree of trees)
    await eachLeaf(options, tree, (leaf, _, index) => check.signature(leaf, { tree: tree.result.tree, index }));
  for (const tree of trees) await eachLeaf(options, tree, (leaf, bytes) => check.record(leaf, recordBytesOf(bytes)));
  return check.finish();
}

async function loggedKeys(options: ServerProducersOptions): Promise<ReadonlyMap<string, LoggedBatchKey>> {
  const keys = new Map<string, LoggedBatchKey>();
  for (const tree of treesOf(options, CONTROL_LOG))
    await eachLeaf(options, tree, (leaf) => {
      const key = batchKeyOf(leaf);
      // The first record of a key counts: no later one can give it other bytes.
      if (key !== null && !keys.has(key.kid)) keys.set(key.kid, key);
    });
  return keys;
}

function treesOf({ outcomes }: ServerProducersOptions, log: string): readonly TreeOutcome[] {
  return outcomes.filter(({ result }) => logOf(result.tree) === log);
}

function logOf(tree: string): string {
  return tree.split("/")[0]!;
}

type TakeLeaf = (leaf: Leaf, bytes: Uint8Array, index: number) => Promise<void> | void;

/** What is no leaf was told of before. */
async function eachLeaf(
  options: ServerProducersOptions,
  { checkpoint, result: { tree } }: TreeOutcome,
  take: TakeLeaf,
): Promise<void> {
  if (checkpoint === null || checkpoint.size === 0) return;
  const { entries } = options.sourceOf(tree);
  if (entries === null) return;
  const frontier = Frontier.empty();
  for await (const [n, bytes] of ahead(bundlesOf(checkpoint), LOOKAHEAD, (n) => entries(pathOf(n, checkpoint)))) {
    const parsed = bytes === null ? null : parseEntryBundle(bytes, widthOf(n, checkpoint));
    if (bytes === null || parsed === null || parsed.kind === "refused") break;
    frontier.append(entryHashes(bytes, parsed.value));
    for (let at = 0; at < parsed.value.count; at += 1) {
      const leafBytes = bytes.subarray(parsed.value.starts[at], parsed.value.ends[at]);
      const leaf = decoded(leafBytes);
      if (leaf !== null) await take(leaf, leafBytes, n * TILE_WIDTH + at);
    }
    options.onProgress?.(tree, frontier.size, checkpoint.size);
  }
  if (equalBytes(frontier.root(), checkpoint.root)) return;
  const message = "the entries, read again, do not lead to the signed root";
  options.faults.add({ code: "entry_mismatch", message, tree });
}

function* bundlesOf({ size }: Checkpoint): Generator<number> {
  for (let n = 0; n * TILE_WIDTH < size; n += 1) yield n;
}

function widthOf(n: number, { size }: Checkpoint): number {
  return Math.min(TILE_WIDTH, size - n * TILE_WIDTH);
}

function pathOf(n: number, checkpoint: Checkpoint): string {
  return entriesPath(n, widthOf(n, checkpoint));
}

function decoded(bytes: Uint8Array): Leaf | null {
  try {
    return decodeLeaf(bytes);
  } catch {
    return null;
  }
}
