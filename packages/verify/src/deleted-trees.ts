import type { NoteVerifier } from "@tallystick/tlog";
import { checkDeletion, parseDeletion } from "./deletion.ts";
import { serverOf } from "./known-keys.ts";
import { MAX_TREES } from "./limits.ts";
import type { FaultList } from "./result.ts";
import type { TreeOutcome } from "./verify-tree.ts";

export interface DeletedTreesOptions {
  /** What stays of a deleted tree; null when there is no such file. */
  readonly read: (tree: string) => Promise<Uint8Array | null>;
  readonly keysFor: (origin: string) => readonly NoteVerifier[];
  readonly faults: FaultList;
}

/**
 * The trees that a chain names and that are not there, as far back as the chain goes: each must have left the proof of
 * its deletion. A name without one is left to `verifyChain`, which finds it missing.
 */
export async function deletedTrees(
  outcomes: readonly TreeOutcome[],
  { read, keysFor, faults }: DeletedTreesOptions,
): Promise<readonly TreeOutcome[]> {
  const known = new Set(outcomes.map(({ result }) => result.tree));
  const deleted: TreeOutcome[] = [];
  const toFollow = [...outcomes];
  for (const { found, result } of toFollow) {
    const tree = found.opening?.previous?.tree;
    if (tree === undefined || known.has(tree) || known.size >= MAX_TREES) continue;
    known.add(tree);
    const bytes = await read(tree);
    if (bytes === null) continue;
    const outcome = await provenDeletion(tree, bytes, { serverOrigin: serverOf(result.origin), keysFor, faults });
    if (outcome === null) continue;
    deleted.push(outcome);
    toFollow.push(outcome);
  }
  return deleted;
}

async function provenDeletion(
  tree: string,
  bytes: Uint8Array,
  { serverOrigin, keysFor, faults }: { readonly serverOrigin: string } & Omit<DeletedTreesOptions, "read">,
): Promise<TreeOutcome | null> {
  const fault = (message: string): void => faults.add({ code: "deletion_record", message, tree, file: "deletion" });
  const parsed = parseDeletion(bytes);
  if (parsed.kind === "refused" || parsed.value.tree !== tree) {
    fault(parsed.kind === "refused" ? parsed.reason : `the file is of ${parsed.value.tree}`);
    return null;
  }
  const { problems, outcome } = await checkDeletion(parsed.value, { serverOrigin, keysFor });
  for (const problem of problems) fault(problem);
  return outcome;
}
