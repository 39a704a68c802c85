/** What stays of deleted trees: each file must prove its deletion, and then the tree takes its place in the chain. */
import { ed25519Verifier } from "@tallystick/tlog";
import type { Checkpoint } from "@tallystick/tlog";
import { checkDeletion, parseDeletion } from "@tallystick/verify";
import type { DeletedTree as Gone } from "@tallystick/verify";
import type { Disk } from "../disk/disk.ts";
import { scanDeleted } from "../retain/deleted-folder.ts";
import type { DeletedTree } from "../retain/deleted-folder.ts";
import type { FolderFaults } from "./faults.ts";
import type { CheckedTree } from "./tree-check.ts";

export interface DeletedOptions {
  readonly disk: Disk;
  /** `<data folder>/deleted` */
  readonly folder: string;
  readonly isStopped: boolean;
  readonly faults: FolderFaults;
}

/** The files by name; faults for what has no place there. */
export async function findDeleted({
  disk,
  folder,
  faults,
  isStopped,
}: DeletedOptions): Promise<readonly DeletedTree[]> {
  const { deleted, strangers, leftovers } = await scanDeleted(disk, folder);
  for (const file of [...strangers, ...(isStopped ? leftovers : [])])
    faults.add("unknown_file", "no file of that name belongs there", { file });
  return deleted;
}

/** A deleted tree as the check of the chain takes it; one that proves nothing is a fault, and is left out. */
export async function checkDeleted(
  { disk, faults }: DeletedOptions,
  deleted: readonly DeletedTree[],
  serverOrigin: string | null,
  publicKeys: readonly Uint8Array[] | null,
): Promise<readonly CheckedTree[]> {
  const checked: CheckedTree[] = [];
  for (const gone of deleted) {
    const fault = (message: string): void => faults.add("deletion_record", message, { file: gone.file }, gone.tree);
    const parsed = parseDeletion((await disk.readFile(gone.file)) ?? new Uint8Array());
    if (parsed.kind === "refused" || parsed.value.tree !== gone.tree) {
      fault(parsed.kind === "refused" ? parsed.reason : `the file is of ${parsed.value.tree}`);
      continue;
    }
    // Without its name or its key the folder has faults enough.
    if (serverOrigin === null || publicKeys === null) continue;
    const keysFor = (origin: string) => publicKeys.map((key) => ed25519Verifier(origin, key));
    const { problems, outcome, note, chain } = await checkDeletion(parsed.value, { serverOrigin, keysFor });
    for (const problem of problems) fault(problem);
    const checkpoint = outcome?.checkpoint ?? null;
    if (outcome !== null && checkpoint !== null)
      checked.push(asChecked(gone, outcome.result.origin, checkpoint, note, chain));
  }
  return checked;
}

function asChecked(
  { tree, log, epoch, file }: DeletedTree,
  origin: string,
  checkpoint: Checkpoint,
  note: string,
  chain: CheckedTree["chain"],
): CheckedTree {
  const { size, root } = checkpoint;
  return {
    found: { tree, log, epoch, folder: file, segments: [], cuts: [] },
    tree,
    log,
    origin,
    folder: file,
    size,
    root,
    journaled: size,
    lastHash: null,
    head: null,
    checkpoint: { ...checkpoint, note: Buffer.from(note), file },
    chain,
    isChainRead: true,
    contents: "checked",
    macs: "checked",
    tail: null,
    leavesChecked: chain.length,
    tilesChecked: 0,
    days: [],
    bodies: [],
    erased: [],
    stubs: [],
  };
}

export function goneTrees(checked: readonly CheckedTree[]): readonly Gone[] {
  return checked.map(({ tree, size }) => ({ tree, size }));
}
