/**
 * The `identities` task: from frames back to what the duplicate window remembers of each record, without parsing it.
 * Canonical JSON makes that exact: the quotes inside a string are escaped, so `,"record":` and `,"id":"` can only be
 * names; `observed` has no name `record`; and in a record the only map, `attributes`, sorts before `id`, so the last
 * `,"id":"` is the record's own.
 */
import { hash } from "node:crypto";
import assert from "node:assert/strict";

import type { Task } from "../compute/compute.ts";
import { LENGTH_BYTES, entryLength } from "./entries.ts";
import { openRun } from "./open-task.ts";
import type { BadFrame, OpenInput } from "./open-task.ts";

export interface IdentitiesOutput {
  /** Leaves of the frames before the first bad one. */
  readonly count: number;
  readonly bad: BadFrame | null;
  /** 16 bytes a record, as in PreparedRecords. */
  readonly identities: Uint8Array;
  readonly digests: Uint8Array;
}

export const IDENTITY_BYTES = 16;
const OBSERVED_START = '{"observed":'.length;
const RECORD_NAME = Buffer.from(',"record":', "latin1");
const ID_NAME = Buffer.from(',"id":"', "latin1");
const UUID_BYTES = 36;

export const identitiesTask: Task<OpenInput, IdentitiesOutput> = {
  name: "identities",
  run(input) {
    const { frames, count, bad } = openRun(input);
    const target: Target = {
      identities: Buffer.from(new ArrayBuffer(count * IDENTITY_BYTES)),
      digests: Buffer.from(new ArrayBuffer(count * IDENTITY_BYTES)),
      place: 0,
      observed: "",
      principal: "",
    };
    for (const { entries } of frames)
      identify(Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength), target);
    const identities = new Uint8Array(target.identities.buffer as ArrayBuffer);
    const digests = new Uint8Array(target.digests.buffer as ArrayBuffer);
    return { output: { count, bad, identities, digests }, transfer: [identities.buffer, digests.buffer] };
  },
};

interface Target {
  readonly identities: Buffer;
  readonly digests: Buffer;
  place: number;
  /**
   * Text of the last leaf's `observed`, and its principal: records of one batch were observed alike, so it is parsed
   * once a batch.
   */
  observed: string;
  principal: string;
}

function identify(entries: Buffer, target: Target): void {
  for (let at = 0; at < entries.length;) {
    const start = at + LENGTH_BYTES;
    const end = start + entryLength(entries, at);
    const nameAt = entries.indexOf(RECORD_NAME, start);
    const recordStart = nameAt + RECORD_NAME.length;
    assert(nameAt > start && recordStart < end, "a leaf without a record");
    const observed = entries.toString("utf8", start + OBSERVED_START, nameAt);
    if (observed !== target.observed) {
      target.observed = observed;
      target.principal = principalOf(observed);
    }
    const record = entries.subarray(recordStart, end - 1);
    write(target.identities, target.place, hash("sha256", `${target.principal}\0${idOf(record)}`, "binary"));
    write(target.digests, target.place, hash("sha256", record, "binary"));
    target.place += 1;
    at = end;
  }
}

function idOf(record: Buffer): string {
  const at = record.lastIndexOf(ID_NAME) + ID_NAME.length;
  assert(at > ID_NAME.length && at + UUID_BYTES < record.length, "a record without an id");
  return record.toString("latin1", at, at + UUID_BYTES);
}

function principalOf(observed: string): string {
  const { principal } = JSON.parse(observed) as { readonly principal: string };
  return principal;
}

function write(target: Buffer, place: number, digest: string): void {
  target.write(digest, place * IDENTITY_BYTES, IDENTITY_BYTES, "latin1");
}
