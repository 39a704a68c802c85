import { TallystickError } from "../errors.ts";

export interface CorruptPlace {
  readonly file: string;
  readonly offset?: number;
  readonly frame?: number | null;
  readonly tree?: string;
  readonly index?: number | null;
}

/** The loud stop: what is wrong and where. */
export function journalCorrupt(message: string, place: CorruptPlace): TallystickError {
  const { file, offset, frame, tree, index } = place;
  const at: Record<string, string | number> = { file };
  if (offset !== undefined) at["offset"] = offset;
  if (typeof frame === "number") at["frame"] = frame;
  if (tree !== undefined) at["tree"] = tree;
  if (typeof index === "number") at["index"] = index;
  const where = Object.entries(at)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
  return new TallystickError("journal_corrupt", `the journal is damaged: ${message} (${where})`, {
    fatal: true,
    at,
    hint: "Nothing was changed. Run `tallystick fsck` for the whole picture and restore the file from a backup.",
  });
}
