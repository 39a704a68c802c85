/**
 * Deletes one tree whole, in the order that makes it provable: the decision is a record under a published checkpoint;
 * then the file that proves it is durable, and from that moment the tree is deleted; then journal, ledger, index and
 * derived tables let go of it; then its key and bytes go; then a record says so. Killed anywhere, the next start goes
 * on: before the file nothing was deleted, after it `finishRemovals` ends what was begun.
 */
import { strict as assert } from "node:assert";
import { formatDeletion, parseChain } from "@tallystick/verify";
import type { ProvenLeaf } from "@tallystick/verify";
import { decodeLeaf, timestampUs } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import { leafAt } from "../journal/entries.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { commitDeletion, deletionOf, endRemoval } from "./deleted-folder.ts";
import { decisionRecord, outcomeRecord } from "./deletion-record.ts";
import { EDGE_READ_BYTES, PRUNE_WAIT_MS, PUBLISHED_WAIT_MS } from "./limits.ts";
import type { TreeFacts } from "./plan.ts";
import { removeTree } from "./remove-tree.ts";
import type { RemovalParts, Removed } from "./remove-tree.ts";
import type { ForgottenTree } from "../tally/forget-tree.ts";

export interface DeletionParts extends RemovalParts {
  readonly journal: LocalJournal;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** The folder `deleted/`. */
  readonly deletedFolder: string;
  /** Bodies of the tree are looked for no more. */
  readonly forgetPayloads: (log: string, epoch: string) => Promise<void>;
  /** Takes the tree's rows out of the index; resolves when they are gone. */
  readonly prune: () => Promise<void>;
  /** Takes out what was derived from the tree's records. */
  readonly forgetDerived: (forgotten: ForgottenTree) => Promise<void>;
}

export interface Reason {
  readonly text: string;
  readonly dueUs: number;
}

export async function deleteTree(parts: DeletionParts, facts: TreeFacts, reason: Reason): Promise<Removed> {
  const { ledger, clock, journal, disk, deletedFolder } = parts;
  const { tree, log } = facts;
  const note = await ledger.checkpoint(tree);
  assert(facts.closed && facts.isLinked && note !== null, "only a closed and linked tree is deleted");
  const decided = decisionRecord({ facts, note, reason: reason.text, dueUs: reason.dueUs }, clock.nowUs());
  const record = await recorded(parts, log, decided);
  const chain = await provenChain(parts, tree);
  await commitDeletion(disk, deletedFolder, tree, formatDeletion({ tree, chain, record }));
  journal.forget(tree);
  await ledger.forget(tree);
  await parts.forgetPayloads(log, facts.epoch);
  return finishRemoval(parts, tree);
}

/**
 * What is left of a tree whose deletion is committed. May be called again and again; while the index cannot let go of
 * it, everything else goes and the record waits.
 */
export async function finishRemoval(parts: Omit<DeletionParts, "ledger">, tree: string): Promise<Removed> {
  const { disk, deletedFolder, clock, journal } = parts;
  const deletion = await deletionOf(disk, deletedFolder, tree);
  assert(deletion !== null, "a removal follows what proves the deletion");
  const decided = decodeLeaf(Buffer.from(deletion.record.leaf)).record;
  const isPruned = await within(clock, PRUNE_WAIT_MS, parts.prune());
  const removed = await removeTree(parts, tree);
  if (!isPruned)
    throw new TallystickError("index_unavailable", `the index still holds rows of ${tree}, whose bytes are gone`, {
      hint: "They go when the index answers again; then the log records the end of the deletion.",
    });
  await parts.forgetDerived(forgotten(tree, decided));
  const log = logOf(tree);
  const outcome = await journal.appendOwn(log, [outcomeRecord(tree, timestampUs(decided.timestamp))]);
  if (outcome.kind === "pushback") throw notRecorded(tree, outcome.retryAfterS);
  await endRemoval(disk, deletedFolder, tree);
  return removed;
}

/** What the record of the decision says of the times between which the tree's records were received. */
function forgotten(tree: string, { attributes = {} }: AuditRecord): ForgottenTree {
  const timeOf = (name: string): number => timestampUs(attributes[`tallystick.${name}_received_at`] ?? "");
  return { tree, log: logOf(tree), firstReceivedUs: timeOf("first"), lastReceivedUs: timeOf("last") };
}

function logOf(tree: string): string {
  return tree.slice(0, tree.indexOf("/"));
}

/** The record, under a published checkpoint. */
async function recorded(
  { journal, ledger }: DeletionParts,
  log: string,
  record: AuditRecord,
): Promise<ProvenLeaf & { readonly tree: string }> {
  const outcome = await journal.appendOwn(log, [record]);
  if (outcome.kind === "pushback") throw notRecorded(record.resource ?? log, outcome.retryAfterS);
  const { tree, firstIndex } = outcome;
  assert(firstIndex !== null, "a decision is a record of its own");
  await ledger.published(tree, firstIndex + 1, PUBLISHED_WAIT_MS);
  return { ...(await provenLeaf({ journal, ledger }, tree, firstIndex)), tree };
}

async function provenChain(parts: DeletionParts, tree: string): Promise<readonly ProvenLeaf[]> {
  const bytes = await parts.ledger.chain(tree);
  const parsed = bytes === null ? null : parseChain(bytes);
  assert(parsed?.kind === "ok" && parsed.value[0]?.index === 0, "a published tree has its chain leaves");
  const proven: ProvenLeaf[] = [];
  for (const { index } of parsed.value) proven.push(await provenLeaf(parts, tree, index));
  return proven;
}

async function provenLeaf(
  { journal, ledger }: Pick<DeletionParts, "journal" | "ledger">,
  tree: string,
  index: number,
): Promise<ProvenLeaf> {
  const range = await journal.read(tree, index, EDGE_READ_BYTES);
  assert(range !== null && range.firstIndex === index, "the journal holds what is published");
  const leaf = Buffer.from(leafAt(range.entries, 0)).toString("utf8");
  return { leaf, proof: await ledger.proof(tree, index) };
}

/** False when the work is not over in time; it goes on. */
async function within(clock: Clock, timeoutMs: number, work: Promise<void>): Promise<boolean> {
  let cancel = (): void => {};
  const late = new Promise<boolean>((resolve) => {
    cancel = clock.after(timeoutMs, () => resolve(false));
  });
  const isOver = await Promise.race([work.then(() => true), late]);
  cancel();
  return isOver;
}

function notRecorded(tree: string, retryAfterS: number): TallystickError {
  return new TallystickError("journal_unavailable", `the deletion of ${tree} could not be recorded`, { retryAfterS });
}
