/** What happened right before and after a record, by the same service, with the same credential, from the same peer. */
import { NO_CALL_NAMES } from "./call-names.ts";
import type { StoredRecord } from "@tallystick/record";
import { timestampUs } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import { OWN_PRINCIPAL } from "../journal/own-records.ts";
import { DEFAULT_NEIGHBOURS, MAX_NEIGHBOURS } from "./limits.ts";
import { readPage } from "./page.ts";
import type { Page } from "./page.ts";
import { recordAt } from "./record-at.ts";
import type { Scope } from "./scope.ts";
import { isFilling } from "./sources.ts";
import type { SearchSources } from "./sources.ts";
import type { PageOrder } from "./windows.ts";

export const NEIGHBOUR_KINDS = ["service", "credential", "peer"] as const;
export type NeighbourKind = (typeof NEIGHBOUR_KINDS)[number];

export interface NeighboursRequest {
  readonly tree: string;
  readonly leafIndex: number;
  readonly by: NeighbourKind;
  /** Records of each side; 10 by default, at most 500. */
  readonly before?: number | null;
  readonly after?: number | null;
}

export interface NeighboursAnswer {
  readonly by: NeighbourKind;
  /** The field that the neighbours share, and its value. */
  readonly field: string;
  readonly value: string;
  /** In the order of time, the nearest last. */
  readonly before: readonly StoredRecord[];
  readonly record: StoredRecord;
  /** In the order of time, the nearest first. */
  readonly after: readonly StoredRecord[];
  readonly more_before: boolean;
  readonly more_after: boolean;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  readonly partial: boolean;
}

/** Null when there is no such record. TallystickError `bad_request` when the record has no such field. */
export async function readNeighbours(
  sources: SearchSources,
  scope: Scope,
  request: NeighboursRequest,
  signal?: AbortSignal,
): Promise<NeighboursAnswer | null> {
  const { tree, leafIndex, by } = request;
  const counts = {
    before: checkedNeighbours(request.before, "before"),
    after: checkedNeighbours(request.after, "after"),
  };
  const started = sources.clock.monotonicMs();
  const record = await recordAt(sources.reader, scope, tree, leafIndex, signal);
  if (record === null) return null;
  const mark = sharedField(record, by);
  const side = (order: PageOrder, limit: number) => readSide(sources, scope, { record, mark, order, limit }, signal);
  const before = await side("newest", counts.before);
  const after = await side("oldest", counts.after);
  return {
    by,
    ...mark,
    before: before.records.toReversed(),
    record,
    after: after.records,
    more_before: before.next !== null,
    more_after: after.next !== null,
    elapsed_ms: sources.clock.monotonicMs() - started,
    scanned_rows: before.scannedRows + after.scannedRows,
    partial: before.partial || after.partial || isFilling(sources),
  };
}

interface Mark {
  readonly field: string;
  readonly value: string;
}

/** A peer is known by its identity where it proved one, else by its address. */
const FIELDS: Readonly<
  Record<NeighbourKind, readonly ("service_id" | "credential_id" | "peer_identity" | "peer_address")[]>
> = {
  service: ["service_id"],
  credential: ["credential_id"],
  peer: ["peer_identity", "peer_address"],
};

function sharedField({ tree, leaf_index: index, record }: StoredRecord, by: NeighbourKind): Mark {
  for (const field of FIELDS[by]) {
    const value = record[field];
    if (value !== undefined) return { field, value };
  }
  throw new TallystickError("bad_request", `The record ${tree}/${index} has no ${FIELDS[by].join(" and no ")}.`, {
    hint: "Ask by=service, which every record has.",
    at: { parameter: "by" },
  });
}

interface SideRequest {
  readonly record: StoredRecord;
  readonly mark: Mark;
  readonly order: PageOrder;
  readonly limit: number;
}

const NOTHING: Page = { records: [], next: null, elapsedMs: 0, scannedRows: 0, partial: false, notes: [] };

function readSide(
  { reader, clock }: SearchSources,
  scope: Scope,
  { record, mark, order, limit }: SideRequest,
  signal: AbortSignal | undefined,
): Promise<Page> | Page {
  if (limit === 0) return NOTHING;
  const us = timestampUs(record.record.timestamp);
  const value = { quoted: true, parts: [{ kind: "literal" as const, text: mark.value }], column: 1 };
  const root = { kind: "match" as const, field: { kind: "field" as const, name: mark.field }, value, column: 1 };
  const filter = {
    scope,
    query: { text: "", root, notes: [] },
    own: record.observed.principal === OWN_PRINCIPAL,
    axis: "timestamp" as const,
    fromUs: null,
    toUs: null,
    nowUs: us,
    sizes: null,
    // A neighbour has the same name in its own record.
    names: NO_CALL_NAMES,
  };
  const after = { us, tree: record.tree, leafIndex: record.leaf_index };
  return readPage(reader, clock, { filter, order, limit, after, firstWidthUs: null }, signal);
}

function checkedNeighbours(value: number | null | undefined, parameter: string): number {
  if (value === null || value === undefined) return DEFAULT_NEIGHBOURS;
  if (Number.isInteger(value) && value >= 0 && value <= MAX_NEIGHBOURS) return value;
  throw new TallystickError("bad_request", `${parameter} is ${value}.`, {
    hint: `Give a whole number from 0 to ${MAX_NEIGHBOURS}.`,
    at: { parameter },
  });
}
