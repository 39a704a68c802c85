/**
 * What `tallystick fsck` found last in this folder (docs/formats/fsck.md), so that who looks at the server sees when it
 * was checked. It is a note of whoever ran it, not a proof: who can write the folder can write it, and it says so
 * wherever it is shown.
 */
import type { Clock } from "../clock.ts";
import { formatTimestamp } from "@tallystick/record";
import type { Disk } from "../disk/disk.ts";
import { readSummed, writeSummed } from "../disk/summed-json.ts";
import { MAX_SMALL_FILE_BYTES } from "./limits.ts";

export const FSCK_FILE = "fsck.json";

export interface LastFsck {
  /** When it ended. */
  readonly at: string;
  readonly clean: boolean;
  readonly trees: number;
  readonly leaves: number;
  readonly faults: number;
  /** False beside a running server, or where the index lies elsewhere. */
  readonly index_compared: boolean;
  /** Trees whose derived files were written again, `index` for the index. */
  readonly repaired: readonly string[];
}

/** What of a check is kept. */
export interface Checked {
  readonly verify: {
    readonly clean: boolean;
    readonly faults: readonly unknown[];
    readonly faultsLeftOut: number;
    readonly trees: readonly unknown[];
    readonly leavesChecked: number;
  };
  readonly index: { readonly compared: boolean; readonly faults: readonly unknown[] };
  readonly repaired: readonly string[];
}

/** In the place of the one before. */
export async function noteFsck(
  disk: Disk,
  dataFolder: string,
  { verify, index, repaired }: Checked,
  clock: Clock,
): Promise<void> {
  const last: LastFsck = {
    at: formatTimestamp(clock.nowUs()),
    clean: verify.clean && index.faults.length === 0,
    trees: verify.trees.length,
    leaves: verify.leavesChecked,
    faults: verify.faults.length + verify.faultsLeftOut + index.faults.length,
    index_compared: index.compared,
    repaired,
  };
  await disk.replaceFile(`${dataFolder}/${FSCK_FILE}`, writeSummed(last));
}

/** Null: nobody has checked it, or what is noted cannot be read. */
export async function lastFsck(disk: Disk, dataFolder: string): Promise<LastFsck | null> {
  try {
    const path = `${dataFolder}/${FSCK_FILE}`;
    const size = await disk.size(path);
    if (size === null || size > MAX_SMALL_FILE_BYTES) return null;
    const bytes = await disk.readFile(path);
    const found: unknown = bytes === null ? null : readSummed(bytes);
    return isLastFsck(found) ? found : null;
  } catch {
    return null;
  }
}

function isLastFsck(found: unknown): found is LastFsck {
  if (typeof found !== "object" || found === null) return false;
  const { at, clean, trees, leaves, faults, index_compared: compared, repaired } = found as Record<string, unknown>;
  return (
    typeof at === "string" &&
    Number.isFinite(Date.parse(at)) &&
    typeof clean === "boolean" &&
    [trees, leaves, faults].every((count) => Number.isSafeInteger(count) && Number(count) >= 0) &&
    typeof compared === "boolean" &&
    Array.isArray(repaired) &&
    repaired.every((name) => typeof name === "string")
  );
}
