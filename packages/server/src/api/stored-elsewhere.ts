/**
 * Records that lie in another log than the one they would go to now: sent again after `logs[].match` was changed, by a
 * producer that had no answer. They go where they are, where the sequencer knows them again, so that none is stored
 * twice. Records that bring bodies are not known again after a restart, in any log.
 */
import { divide } from "../intake/divide.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import type { RoutedPart } from "./store-parts.ts";

export type StoredLookup = Pick<LocalJournal, "markStored">;

/** `logs`: between which records are parted. Signed batches stay whole. */
export async function toWhereTheyAre(
  journal: StoredLookup,
  logs: readonly string[],
  parts: readonly RoutedPart[],
  isSigned: boolean,
): Promise<readonly RoutedPart[]> {
  const found: RoutedPart[] = [];
  for (const part of parts) found.push(...(await parted(journal, logs, part)));
  return isSigned && found.length > 1 ? parts : found;
}

async function parted(
  journal: StoredLookup,
  logs: readonly string[],
  { log, ...part }: RoutedPart,
): Promise<readonly RoutedPart[]> {
  const places = new Uint16Array(part.records.count);
  const others = logs.filter((one) => one !== log);
  let moved = 0;
  for (const [at, other] of others.entries()) moved += await journal.markStored(other, part.records, places, at + 1);
  if (moved === 0) return [{ log, ...part }];
  return divide(part, places, (place) => (place === 0 ? log : others[place - 1]!)).map((one) => ({
    ...one,
    log: one.log ?? log,
  }));
}
