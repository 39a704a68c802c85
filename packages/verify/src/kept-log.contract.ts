import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { decodeLeaf, encodeLeaf } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import {
  Frontier,
  TILE_WIDTH,
  bundleHashes,
  ed25519Signer,
  entriesPath,
  formatCheckpoint,
  formatProof,
  hex,
  inclusionProof,
  leafHash,
  parseEntryBundle,
  parseTilePath,
  signNote,
  tilePath,
  treeSize,
  verifierKey,
} from "@tallystick/tlog";
import type { NoteSigner } from "@tallystick/tlog";
import { formatChain, isChainLeaf, parseChain } from "./chain-file.ts";
import type { Deletion } from "./deletion.ts";
import type { TreeSource } from "./tree-source.ts";

/** A small real log of several trees, held as its public files, for tests to read and to damage. */

export const SERVER = "audit.example.com";
const SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const privateKey = keyFromSeed(SEED);
const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32));

function keyFromSeed(seed: string): ReturnType<typeof createPrivateKey> {
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, "hex");
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/** The key that signs the trees. */
export const serverKey = {
  publicKey,
  sign: (message: Uint8Array): Uint8Array => new Uint8Array(sign(null, message, privateKey)),
};

function signerOf(origin: string): NoteSigner {
  return ed25519Signer(origin, publicKey, serverKey.sign);
}

export function vkeyOf(tree: string): string {
  return verifierKey(`${SERVER}/${tree}`, publicKey);
}

/** Another server's key under the same name. */
export function foreignVkeyOf(tree: string): string {
  const other = createPublicKey(keyFromSeed(SEED.replace("9d", "9e"))).export({ format: "der", type: "spki" });
  return verifierKey(`${SERVER}/${tree}`, new Uint8Array(other.subarray(-32)));
}

export interface KeptTree {
  readonly tree: string;
  readonly leaves: Uint8Array[];
  /** C2SP path → bytes; `checkpoint` and `chain` among them. Entry bundles too. */
  readonly files: Map<string, Uint8Array>;
}

const OBSERVED: Observed = {
  received_at: "2026-11-25T00:00:00.000000Z",
  principal: "orders",
  standing: "authenticated",
  source_address: "10.0.0.7",
  intake: "ndjson",
};
const OWN: Observed = { ...OBSERVED, principal: "tallystick", intake: "tallystick", source_address: "local" };

function record(number: number, over: Partial<AuditRecord> = {}): AuditRecord {
  return {
    id: `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`,
    timestamp: "2026-11-25T00:00:00Z",
    event_type: "API_CALL",
    phase: "outcome",
    side: "caller",
    service_id: "orders",
    target_id: "payments",
    recorder_id: "orders",
    request_id: `r-${number}`,
    attempt: 0,
    operation: "POST /payments",
    protocol: "http",
    status: "success",
    ...over,
  };
}

/** `received_at` of leaf number `number` of the whole log: one a microsecond. */
function receivedAt(number: number): string {
  const [seconds, fraction] = [Math.floor(number / 1_000_000), number % 1_000_000];
  return `2026-11-25T00:00:${String(seconds).padStart(2, "0")}.${String(fraction).padStart(6, "0")}Z`;
}

/**
 * Trees of the given sizes, oldest first, each opened and linked as the ledger does. Sizes are at least 2, after the
 * first.
 */
export function keptLog(log: string, sizes: readonly number[]): KeptTree[] {
  const trees: KeptTree[] = [];
  let number = 0;
  for (const [epoch, size] of sizes.entries()) {
    const before = trees.at(-1) ?? null;
    const leaves = Array.from({ length: size }, (_, index) => {
      const observed = { ...OWN, received_at: receivedAt(number++) };
      if (index === 0) return encodeLeaf(observed, opening(before));
      if (index === 1 && before !== null) return encodeLeaf(observed, link(before));
      return encodeLeaf({ ...OBSERVED, received_at: observed.received_at }, record(number));
    });
    const tree: KeptTree = { tree: `${log}/2026-${String(epoch + 1).padStart(2, "0")}`, leaves, files: new Map() };
    publish(tree);
    trees.push(tree);
  }
  return trees;
}

function opening(before: KeptTree | null): AuditRecord {
  const own = { event_type: "LOG_LIFECYCLE", operation: "tree opened", service_id: "tallystick", target_id: "none" };
  if (before === null) return record(0, own);
  return record(0, {
    ...own,
    attributes: {
      "tallystick.previous_tree": before.tree,
      "tallystick.previous_size": String(before.leaves.length),
      "tallystick.previous_last_leaf_hash": hex(leafHash(before.leaves.at(-1)!)),
    },
  });
}

function link(before: KeptTree): AuditRecord {
  return record(1, {
    event_type: "EPOCH_LINK",
    operation: "tree closed",
    service_id: "tallystick",
    target_id: "none",
    attributes: {
      "tallystick.previous_tree": before.tree,
      "tallystick.previous_checkpoint": Buffer.from(before.files.get("checkpoint")!).toString("utf8"),
    },
  });
}

/** Writes the files for the tree's leaves as they are now, or for the first `size` of them. */
export function publish(tree: KeptTree, size: number = tree.leaves.length): void {
  tree.files.clear();
  const frontier = Frontier.empty();
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - first);
    const bundle = bundleOf(tree.leaves.slice(first, first + width));
    tree.files.set(entriesPath(first / TILE_WIDTH, width), bundle);
    const entries = parseEntryBundle(bundle, width);
    if (entries.kind === "refused") throw new Error(entries.reason);
    for (const { level, n, bytes } of frontier.append(bundleHashes(bundle, entries.value))) {
      tree.files.set(tilePath(level, n), bytes);
    }
  }
  for (const { level, n, width, bytes } of frontier.edge()) tree.files.set(tilePath(level, n, width), bytes);
  tree.files.set("chain", chainOf(tree.leaves.slice(0, size)));
  tree.files.set("checkpoint", new TextEncoder().encode(checkpointOf(tree.tree, frontier)));
}

/** As the server keeps it: what of these leaves is of the chain. */
export function chainOf(leaves: readonly Uint8Array[]): Uint8Array {
  const own = leaves.flatMap((leaf, index) => (isChain(index, leaf) ? [{ index, leaf }] : []));
  return formatChain(own);
}

function isChain(index: number, leaf: Uint8Array): boolean {
  try {
    return isChainLeaf(index, decodeLeaf(leaf));
  } catch {
    return false;
  }
}

export function checkpointOf(tree: string, frontier: Frontier): string {
  const origin = `${SERVER}/${tree}`;
  return signNote(formatCheckpoint({ origin, size: frontier.size, root: frontier.root() }), [signerOf(origin)]);
}

export function bundleOf(leaves: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(leaves.flatMap((leaf) => [Uint8Array.of(leaf.length >> 8, leaf.length & 255), leaf])),
  );
}

export function sourceOf({ files }: KeptTree, { contents = true } = {}): TreeSource {
  const file = (path: string): Promise<Uint8Array | null> => Promise.resolve(files.get(path) ?? null);
  const chain = (): Promise<Uint8Array | null> => file("chain");
  return { checkpoint: () => file("checkpoint"), tile: file, chain, entries: contents ? file : null };
}

export async function proofOf(tree: KeptTree, index: number): Promise<string> {
  const readTile = (level: number, n: number, width: number): Promise<Uint8Array> =>
    Promise.resolve(tree.files.get(tilePath(level, n, width))!);
  const hashes = await inclusionProof(index, treeSize(tree.leaves.length), { readTile });
  return formatProof({ index, hashes, checkpoint: Buffer.from(tree.files.get("checkpoint")!).toString("utf8") });
}

/**
 * Deletes a tree as retention does: leaf `index` of a newer tree becomes the record, and what stays is returned and is
 * what the server gives out.
 */
export async function deleteTree(gone: KeptTree, by: KeptTree, index: number): Promise<Deletion> {
  const { observed } = decodeLeaf(by.leaves[index]!);
  const checkpoint = Buffer.from(gone.files.get("checkpoint")!).toString("utf8");
  const deletion = record(index, {
    event_type: "LOG_LIFECYCLE",
    operation: "epoch deletion",
    phase: "intent",
    service_id: "tallystick",
    target_id: "none",
    attributes: {
      "tallystick.tree": gone.tree,
      "tallystick.size": String(gone.leaves.length),
      "tallystick.root": checkpoint.split("\n")[2]!,
    },
  });
  by.leaves[index] = encodeLeaf({ ...OWN, received_at: observed.received_at }, deletion);
  publish(by);
  const chain = parseChain(gone.files.get("chain")!);
  if (chain.kind === "refused") throw new Error(chain.reason);
  const text = (leaf: Uint8Array): string => Buffer.from(leaf).toString("utf8");
  const proven = chain.value.map(async (one) => ({ leaf: text(one.leaf), proof: await proofOf(gone, one.index) }));
  const told = { tree: by.tree, leaf: text(by.leaves[index]), proof: await proofOf(by, index) };
  return { tree: gone.tree, chain: await Promise.all(proven), record: told };
}

/** What a GET of the path answers, as the server does: status and body. */
export function answer(
  trees: readonly KeptTree[],
  path: string,
  token: string | null,
): { status: number; body: Uint8Array } {
  const nothing = new Uint8Array(0);
  if (path === "/api/trees") {
    if (token !== "right") return { status: 401, body: nothing };
    const list = trees.map(({ tree, leaves, files }) => ({
      tree,
      origin: `${SERVER}/${tree}`,
      size: files.has("checkpoint") ? leaves.length : 0,
      vkey: vkeyOf(tree),
    }));
    return { status: 200, body: new TextEncoder().encode(JSON.stringify(list)) };
  }
  const [, tree, rest = ""] = /^\/trees\/([^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
  if (parseTilePath(rest)?.kind === "entries" && token !== "right") return { status: 401, body: nothing };
  const body = trees.find((candidate) => candidate.tree === tree)?.files.get(rest);
  return body === undefined ? { status: 404, body: nothing } : { status: 200, body };
}
