/**
 * Records that lie in another log than the one they would go to now: sent again after `logs[].match` was changed, by a
 * producer that had no answer. They go where they are, where the sequencer knows them again, so that none is stored
 * twice. A record that brings bodies is known again by the salts that they have there.
 */
import { commitBodies } from "../intake/commit.ts";
import { divide } from "../intake/divide.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import type { PayloadStore } from "../payload/payload-store.ts";
import type { RoutedPart } from "./store-parts.ts";

export type StoredLookup = Pick<LocalJournal, "markStored">;

export interface StoredSources {
  readonly stored: StoredLookup;
  readonly payloads: Pick<PayloadStore, "known">;
}

/** `logs`: between which records are parted. Signed batches stay whole. */
export async function toWhereTheyAre(
  sources: StoredSources,
  logs: readonly string[],
  parts: readonly RoutedPart[],
  isSigned: boolean,
): Promise<readonly RoutedPart[]> {
  const found: RoutedPart[] = [];
  for (const part of parts) found.push(...(await parted(sources, logs, part)));
  return isSigned && found.length > 1 ? parts : found;
}

async function parted(
  { stored, payloads }: StoredSources,
  logs: readonly string[],
  { log, ...part }: RoutedPart,
): Promise<readonly RoutedPart[]> {
  const places = new Uint16Array(part.records.count);
  const others = logs.filter((one) => one !== log);
  let moved = 0;
  for (const [at, other] of others.entries()) {
    await asStoredIn(payloads, other, part);
    moved += await stored.markStored(other, part.records, places, at + 1);
  }
  if (moved === 0) return [{ log, ...part }];
  return divide(part, places, (place) => (place === 0 ? log : others[place - 1]!)).map((one) => ({
    ...one,
    log: one.log ?? log,
  }));
}

/**
 * Records whose bodies the log has are made what they would be there. Wherever they then go, the commitments that they
 * have there are written over these.
 */
async function asStoredIn(
  payloads: StoredSources["payloads"],
  log: string,
  { records, bodies }: Omit<RoutedPart, "log">,
): Promise<void> {
  if (bodies.length === 0) return;
  const commitments = await payloads.known(log, bodies);
  const unknown = new Set(bodies.flatMap(({ record }, at) => (commitments[at] === null ? [record] : [])));
  const whole = bodies.map((body, at) => ({ body, commitment: commitments[at]! }));
  const known = whole.filter(({ body }) => !unknown.has(body.record));
  commitBodies(
    records,
    known.map(({ body }) => body),
    known.map(({ commitment }) => commitment),
  );
}
