/**
 * Parts one request's records by the log that each goes to; each part is as if it had come alone. Copies bytes only
 * where there is more than one log.
 */
import type { PreparedRecords } from "../journal/journal.ts";
import type { LogPart, PreparedBody } from "./intake.ts";

const DIGEST_BYTES = 16;

type Whole = Omit<LogPart, "log">;

/** `places`: one a record; `logAt` names the log of a place. Parts in the order of their places, each with a record. */
export function divide(whole: Whole, places: Uint16Array, logAt: (place: number) => string | null): readonly LogPart[] {
  const members = new Map<number, number[]>();
  for (let at = 0; at < whole.records.count; at++) {
    const place = places[at]!;
    const known = members.get(place);
    if (known === undefined) members.set(place, [at]);
    else known.push(at);
  }
  const parts = [...members].toSorted(([one], [other]) => one - other);
  const only = parts.length === 1 ? parts[0] : undefined;
  if (only !== undefined) return [{ ...whole, log: logAt(only[0]) }];
  const bodies = bodiesByRecord(whole.bodies);
  return parts.map(([place, own]) => ({ log: logAt(place), ...partOf(whole, own, bodies) }));
}

function partOf({ records, lines }: Whole, own: readonly number[], bodies: ReturnType<typeof bodiesByRecord>): Whole {
  const { bytes, offsets } = records;
  const count = own.length;
  const sizeBytes = own.reduce((sum, at) => sum + offsets[at + 1]! - offsets[at]!, 0);
  const part = emptyRecords(count, sizeBytes);
  const partLines = new Uint32Array(count);
  const partBodies: PreparedBody[] = [];
  let used = 0;
  for (const [to, at] of own.entries()) {
    const start = offsets[at]!;
    part.bytes.set(bytes.subarray(start, offsets[at + 1]), used);
    part.digests.set(digestAt(records.digests, at), to * DIGEST_BYTES);
    part.identities.set(digestAt(records.identities, at), to * DIGEST_BYTES);
    part.identified[to] = records.identified[at]!;
    part.standings[to] = records.standings[at]!;
    partLines[to] = lines[at]!;
    for (const body of bodies.get(at) ?? []) partBodies.push({ ...body, record: to, at: body.at - start + used });
    used += offsets[at + 1]! - start;
    part.offsets[to + 1] = used;
  }
  return { records: part, lines: partLines, bodies: partBodies };
}

export function emptyRecords(count: number, sizeBytes: number): PreparedRecords {
  return {
    count,
    bytes: new Uint8Array(sizeBytes),
    offsets: new Uint32Array(count + 1),
    digests: new Uint8Array(count * DIGEST_BYTES),
    identities: new Uint8Array(count * DIGEST_BYTES),
    identified: new Uint8Array(count),
    standings: new Uint8Array(count),
  };
}

function digestAt(digests: Uint8Array, at: number): Uint8Array {
  return digests.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES);
}

function bodiesByRecord(bodies: readonly PreparedBody[]): ReadonlyMap<number, readonly PreparedBody[]> {
  const byRecord = new Map<number, PreparedBody[]>();
  for (const body of bodies) byRecord.set(body.record, [...(byRecord.get(body.record) ?? []), body]);
  return byRecord;
}
