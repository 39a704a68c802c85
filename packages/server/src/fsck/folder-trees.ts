/** Which trees a folder has, and that journal, ledger and heads agree on it. */
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { lostTrees } from "../journal/lost-trees.ts";
import { scanJournal } from "../journal/scan.ts";
import type { JournalScan } from "../journal/scan.ts";
import type { DeletedTree } from "../retain/deleted-folder.ts";
import type { FolderFaults } from "./faults.ts";

export interface StrayOptions {
  readonly disk: Disk;
  readonly dataFolder: string;
  readonly headFolder: string;
  readonly isStopped: boolean;
  readonly faults: FolderFaults;
  /** Trees that were deleted: what is left of one whose removal is under way is no fault. */
  readonly deleted: readonly DeletedTree[];
}

/**
 * The journal's trees; faults for files and trees that have no place in `journal/`, `ledger/` and `head/`. The
 * journal is looked at last: a running server makes a tree there first.
 */
export async function findTrees(options: StrayOptions): Promise<JournalScan> {
  const { disk, isStopped, dataFolder, headFolder, faults } = options;
  const deleted = new Map(options.deleted.map((one) => [one.tree, one]));
  const named: { readonly tree: string; readonly file: string }[] = [];
  await walkTwo(options, `${dataFolder}/ledger`, (log, name, file) => {
    if (name.endsWith("/")) named.push({ tree: `${log}/${name.slice(0, -1)}`, file: file.slice(0, -1) });
    else unknown(faults, file);
  });
  await walkTwo(options, headFolder, (log, name, file) => {
    const epoch = /^([A-Za-z0-9-]+(?:\.r[1-9]\d{0,3})?)\.note$/.exec(name)?.[1];
    const isLeftover = !isStopped && name.endsWith(TEMPORARY_SUFFIX);
    if (epoch !== undefined) named.push({ tree: `${log}/${epoch}`, file });
    else if (!isLeftover) unknown(faults, file);
  });
  const lost = await lostTrees(disk, `${dataFolder}/keys`, `${dataFolder}/journal`);
  const all = await scanJournal(disk, `${dataFolder}/journal`);
  const scan = { ...all, trees: all.trees.filter(({ tree }) => !deleted.has(tree)) };
  const gone = all.trees.filter(({ tree }) => deleted.has(tree)).map(({ tree, folder }) => ({ tree, file: folder }));
  for (const file of [...scan.strangers, ...(isStopped ? scan.leftovers : [])]) unknown(faults, file);
  // Neither ledger nor head knows a tree before it has leaves; its folder alone, without a segment, is no tree.
  const trees = new Set(scan.trees.filter(({ segments }) => segments.length > 0).map(({ tree }) => tree));
  for (const { tree, file } of [...gone, ...named, ...lost.map((one) => ({ tree: one.tree, file: one.keyFile }))]) {
    if (trees.has(tree) || deleted.get(tree)?.isBeingRemoved === true) continue;
    if (deleted.has(tree)) faults.add("deletion_unfinished", "the tree was deleted, and this is left", { file }, tree);
    else faults.add("tree_missing", "the journal has no such tree", { file }, tree);
  }
  return scan;
}

async function walkTwo(
  { disk, faults }: StrayOptions,
  folder: string,
  take: (log: string, name: string, file: string) => void,
): Promise<void> {
  for (const log of await disk.list(folder)) {
    if (!log.endsWith("/")) {
      unknown(faults, `${folder}/${log}`);
      continue;
    }
    for (const name of await disk.list(`${folder}/${log.slice(0, -1)}`))
      take(log.slice(0, -1), name, `${folder}/${log}${name}`);
  }
}

function unknown(faults: FolderFaults, file: string): void {
  faults.add("unknown_file", "no file of that name belongs there", { file });
}
