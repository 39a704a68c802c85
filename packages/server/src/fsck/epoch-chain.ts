/**
 * The trees of one log vouch for each other: leaf 0 of each names the tree before it, its size and its last leaf; the
 * final checkpoint of that one stands as an EPOCH_LINK in a later tree (DESIGN §7). Also here: what was cut from the
 * journal, which is recorded there.
 */
import { decodeLeaf } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import { hex } from "@tallystick/tlog";
import type { FoundCut } from "../journal/scan.ts";
import { linkOf } from "../ledger/epoch-link.ts";
import type { FolderFaults } from "./faults.ts";
import type { CheckedTree } from "./tree-check.ts";

const OWN = "tallystick";

interface ChainLeaf {
  readonly index: number;
  readonly record: AuditRecord;
  readonly observed: Observed;
}

/**
 * `trees`: one log's, oldest first. Where contents could not be read, the chain leaves in clear stand for them; of a
 * tree that shows none, nothing is said but what others say of it.
 */
export function checkChain(trees: readonly CheckedTree[], faults: FolderFaults): void {
  const leaves = new Map(trees.map((tree) => [tree.tree, ownLeaves(tree)]));
  for (const [at, tree] of trees.entries()) {
    checkOpening(tree, trees[at - 1] ?? null, leaves.get(tree.tree) ?? [], faults);
    const next = trees[at + 1];
    if (next !== undefined) checkLink(tree, next, trees.slice(at + 1), leaves, faults);
  }
}

function ownLeaves({ chain }: CheckedTree): readonly ChainLeaf[] {
  const decoded = chain.map(({ index, leaf }) => ({ index, ...decodeLeaf(leaf) }));
  return decoded.filter(({ observed }) => observed.principal === OWN && observed.intake === OWN);
}

function checkOpening(
  tree: CheckedTree,
  before: CheckedTree | null,
  leaves: readonly ChainLeaf[],
  faults: FolderFaults,
): void {
  if (tree.journaled === 0 || !tree.isChainRead) return;
  const opening = leaves.find(({ index, record }) => index === 0 && record.operation === "tree opened");
  const fault = (message: string): void =>
    faults.add("tree_opening", message, { file: tree.folder, index: 0 }, tree.tree);
  if (opening === undefined) return fault("leaf 0 does not say how the tree was opened");
  const said = opening.record.attributes ?? {};
  const name = said["tallystick.previous_tree"];
  if (name !== before?.tree)
    return fault(`leaf 0 names ${name ?? "no tree"} as the tree before, but that is ${before?.tree ?? "none"}`);
  if (before === null) return;
  const size = said["tallystick.previous_size"];
  if (size !== String(before.journaled))
    return fault(`leaf 0 says that ${before.tree} has ${size} leaves; it has ${before.journaled}`);
  if (before.lastHash !== null && said["tallystick.previous_last_leaf_hash"] !== hex(before.lastHash)) {
    fault(`leaf 0 names another last leaf of ${before.tree}`);
  }
}

function checkLink(
  closed: CheckedTree,
  next: CheckedTree,
  later: readonly CheckedTree[],
  leaves: ReadonlyMap<string, readonly ChainLeaf[]>,
  faults: FolderFaults,
): void {
  const fault = (message: string, tree: CheckedTree, index?: number): void =>
    faults.add("epoch_link", message, { file: tree.folder, ...(index === undefined ? {} : { index }) }, tree.tree);
  const links = later.flatMap((tree) => linksTo(closed.tree, tree, leaves.get(tree.tree) ?? []));
  const [first, second] = links;
  if (first === undefined) {
    if (next.head !== null && later.every(({ isChainRead }) => isChainRead))
      fault(`the tree is published without a link to the final checkpoint of ${closed.tree}`, next);
    return;
  }
  if (second !== undefined) fault(`the link to ${closed.tree} is there twice`, second.tree, second.index);
  const final = closed.checkpoint ?? closed.head;
  if (final === null || Buffer.from(final.note).toString("utf8") !== first.note) {
    fault(`the link is not to the checkpoint that ${closed.tree} has`, first.tree, first.index);
  }
  if (final !== null && final.size !== closed.journaled)
    fault(`${closed.tree} has leaves after its final checkpoint`, closed, final.size);
  if (first.tree.size > 0 && first.index >= first.tree.size) {
    fault(`the first checkpoint does not cover the link to ${closed.tree}`, first.tree, first.index);
  }
}

interface FoundLink {
  readonly tree: CheckedTree;
  readonly index: number;
  readonly note: string;
}

function linksTo(closed: string, tree: CheckedTree, leaves: readonly ChainLeaf[]): readonly FoundLink[] {
  return leaves.flatMap(({ index, record, observed }) => {
    const link = linkOf(record, observed);
    return link?.previousTree === closed ? [{ tree, index, note: link.previousCheckpoint }] : [];
  });
}

/** Each file of cut bytes is recorded in the log, with its digest; after a clean stop both must be there. */
export function checkCuts(
  trees: readonly CheckedTree[],
  cuts: readonly (FoundCut & { readonly tree: string; readonly digest: string })[],
  { gone, isStopped }: { readonly gone: ReadonlySet<string>; readonly isStopped: boolean },
  faults: FolderFaults,
): void {
  const logOf = (tree: string): string => tree.slice(0, tree.indexOf("/"));
  // The record of a cut may have gone with the tree that it is in, and the bytes with the tree that they were cut from.
  const thinned = new Set([...gone].map(logOf));
  const recorded = new Map<string, string>();
  for (const { record } of trees.flatMap(ownLeaves)) {
    if (record.operation !== "journal tail cut") continue;
    const said = record.attributes ?? {};
    recorded.set(`${said["tallystick.tree"]}/${said["tallystick.kept_as"]}`, said["tallystick.cut_digest"] ?? "");
  }
  for (const { tree, name, path, digest } of cuts) {
    const said = recorded.get(`${tree}/${name}`);
    recorded.delete(`${tree}/${name}`);
    if (said === undefined && isStopped && !thinned.has(logOf(tree)))
      faults.add("unknown_file", "the log does not say that anything was cut there", { file: path }, tree);
    if (said !== undefined && said !== digest)
      faults.add("cut_mismatch", "the cut bytes are not those that the log says were cut", { file: path }, tree);
  }
  for (const [place] of recorded)
    if (!gone.has(place.slice(0, place.lastIndexOf("/"))))
      faults.add("cut_missing", "the bytes that were cut are not kept", { file: `journal/${place}` });
}
