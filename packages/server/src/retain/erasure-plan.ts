/**
 * What a request to erase is about, found in the log: the bodies of named records, or all bodies of records about one
 * person. A body that two records name (the same one, sent twice) is gone from both, so both are in the plan.
 */
import { decodeLeaf, formatReceivedAt } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";

import { ERASURE_TYPE } from "@tallystick/verify";

import { TallystickError } from "../errors.ts";
import type { IndexFollower, IndexReader } from "../index/index-seam.ts";
import { leafAt } from "../journal/entries.ts";
import type { Journal } from "../journal/journal.ts";
import { keptCommitment } from "../payload/kept-bodies.ts";
import { PARTS } from "../payload/payload-meta.ts";
import type { Part } from "../payload/payload-meta.ts";
import { Params } from "../search/compile/sql.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "../search/limits.ts";
import { OWN_PRINCIPAL } from "../journal/own-records.ts";
import { ERASURE_ID } from "./erasure.ts";
import type { ErasedItem } from "./erasure.ts";
import { COMMITMENTS_AT_ONCE, INDEX_WAIT_MS, MAX_ERASED_ITEMS } from "./erasure-limits.ts";

export type Selection =
  | { readonly kind: "subject"; readonly subject: string }
  | {
      readonly kind: "records";
      /** `default/2026-11/17` */
      readonly records: readonly string[];
      readonly parts: readonly Part[];
      /** The leaf itself, with its bodies. */
      readonly leaf: boolean;
    };

export interface PlanSources {
  readonly journal: Journal;
  readonly reader: IndexReader;
  readonly follower: Pick<IndexFollower, "caughtUp" | "state">;
}

export interface NamedRecord {
  readonly tree: string;
  readonly index: number;
  readonly record: AuditRecord;
}

const RECORD = /^([a-z0-9][a-z0-9-]{0,62}\/[A-Za-z0-9.-]{1,70})[/:](0|[1-9][0-9]{0,15})$/;

/** TallystickError `not_found`, `bad_request`, `index_unavailable`. */
export async function planErasure(sources: PlanSources, selection: Selection): Promise<readonly ErasedItem[]> {
  const items =
    selection.kind === "subject"
      ? await ofSubject(sources, selection.subject)
      : await numbered(sources, await ofRecords(sources.journal, selection));
  const all = distinct([...items, ...(await sharing(sources, items))]);
  if (all.length <= MAX_ERASED_ITEMS) return all;
  throw new TallystickError("bad_request", `More than ${MAX_ERASED_ITEMS} bodies are meant.`, {
    hint: "Erase them in parts: name records with `records`.",
  });
}

/** The records that a selection names one by one. */
export async function namedRecords(
  journal: Journal,
  records: readonly string[],
): Promise<readonly (NamedRecord & { readonly observed: Observed; readonly hash: string })[]> {
  const found = [];
  for (const text of records) {
    const [, tree = "", number = ""] = RECORD.exec(text) ?? [];
    const index = Number(number);
    const position = journal.trees().find((candidate) => candidate.tree === tree);
    const range = position !== undefined && index < position.size ? await journal.read(tree, index, 1) : null;
    if (range === null) throw new TallystickError("not_found", `There is no record ${text.slice(0, 100)}.`);
    const { record, observed } = decodeLeaf(leafAt(range.entries, 0));
    if (observed.erased !== undefined)
      throw new TallystickError("payload_erased", `The leaf of ${text} was erased before.`);
    if (observed.principal === OWN_PRINCIPAL)
      throw new TallystickError("bad_request", `${text} is Tallystick's own record and is not erased.`);
    const hash = Buffer.from(range.hashes.subarray(0, 32)).toString("hex");
    found.push({ tree, index, record, observed, hash });
  }
  return found;
}

async function ofRecords(
  journal: Journal,
  { records, parts, leaf }: Extract<Selection, { readonly kind: "records" }>,
): Promise<readonly PlannedItem[]> {
  const items: PlannedItem[] = [];
  for (const { tree, index, record, observed, hash } of await namedRecords(journal, records)) {
    const place = { tree, leaf_index: index, received_at: observed.received_at, producer: "" };
    for (const part of leaf ? PARTS : parts) {
      const digest = keptCommitment(record, part);
      if (digest !== null) items.push({ ...place, what: part, digest });
    }
    const producer = record.producer_seq === undefined ? "" : (record.producer_id ?? "");
    if (leaf) items.push({ ...place, producer, what: "leaf", digest: hash });
  }
  return items;
}

interface PlannedItem extends ErasedItem {
  /** Empty when the record is not a numbered one. */
  readonly producer: string;
}

/** Marks leaves whose number stays: a producer that nobody else names would be named by the number alone. */
async function numbered(sources: PlanSources, items: readonly PlannedItem[]): Promise<readonly ErasedItem[]> {
  const producers = [...new Set(items.map(({ producer }) => producer))].filter((producer) => producer !== "");
  const known = producers.length === 0 ? new Set() : await namedElsewhere(sources, producers, items);
  return items.map(({ producer, ...item }) => (known.has(producer) ? { ...item, numbered: true } : item));
}

async function namedElsewhere(
  sources: PlanSources,
  producers: readonly string[],
  items: readonly ErasedItem[],
): Promise<ReadonlySet<string>> {
  await wholeIndex(sources);
  const params = new Params();
  const places = params.add(
    items.map(({ tree, leaf_index: index }) => `${tree}:${index}`),
    "Array(String)",
  );
  const wanted = params.add(producers, "Array(String)");
  const sql = `SELECT DISTINCT producer_id AS id FROM records WHERE producer_id IN ${wanted}
  AND concat(tree, ':', toString(leaf_index)) NOT IN ${places}`;
  const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: MAX_ERASED_ITEMS, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  const { rows } = await sources.reader.select<{ id: string }>(params.statement(sql), limits);
  return new Set(rows.map(({ id }) => id));
}

interface Row {
  readonly tree: string;
  readonly leaf_index: number;
  readonly received_us: number;
  readonly request: string;
  readonly response: string;
}

const KEPT = PARTS.map((part) => {
  const kept = `mapContains(attributes, 'tallystick.${part}_payload')`;
  return `if(${kept}, lower(hex(${part}_payload)), '') AS ${part}`;
}).join(", ");
const COLUMNS = `tree, leaf_index, toUnixTimestamp64Micro(observed_received_at) AS received_us, ${KEPT}`;

/** Of every record that the journal holds now: an index that lags is waited for. */
async function ofSubject(sources: PlanSources, subject: string): Promise<readonly ErasedItem[]> {
  await wholeIndex(sources);
  const params = new Params();
  return rowsOf(
    sources,
    params,
    `has(subject_refs, ${params.text(subject)}) AND (request != '' OR response != '')`,
    (row) => PARTS.filter((part) => row[part] !== ""),
  );
}

/** Other records with the same bodies. */
async function sharing(sources: PlanSources, items: readonly ErasedItem[]): Promise<readonly ErasedItem[]> {
  const bodies = items.filter(({ what }) => what !== "leaf").map(({ digest }) => digest);
  if (bodies.length === 0) return [];
  await wholeIndex(sources);
  const found: ErasedItem[] = [];
  for (let at = 0; at < bodies.length; at += COMMITMENTS_AT_ONCE) {
    const digests = bodies.slice(at, at + COMMITMENTS_AT_ONCE);
    const params = new Params();
    const list = params.add(digests, "Array(String)");
    found.push(
      ...(await rowsOf(sources, params, `request IN ${list} OR response IN ${list}`, (row) =>
        PARTS.filter((part) => digests.includes(row[part])),
      )),
    );
  }
  return found;
}

async function rowsOf(
  { reader }: PlanSources,
  params: Params,
  condition: string,
  partsOf: (row: Row) => readonly Part[],
): Promise<readonly ErasedItem[]> {
  const sql = `SELECT ${COLUMNS} FROM records WHERE ${condition} ORDER BY tree, leaf_index`;
  const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: MAX_ERASED_ITEMS + 1, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  const { rows } = await reader.select<Row>(params.statement(sql), limits);
  return rows.flatMap((row) =>
    partsOf(row).map((part) => ({
      tree: row.tree,
      leaf_index: row.leaf_index,
      what: part,
      digest: row[part],
      received_at: formatReceivedAt(row.received_us),
    })),
  );
}

/** Ids of the erasures that the log tells of, as far as the index holds it. */
export async function recordedErasures(reader: IndexReader): Promise<ReadonlySet<string>> {
  const params = new Params();
  const id = `attributes[${params.text(ERASURE_ID)}]`;
  const own = `observed_principal = ${params.text(OWN_PRINCIPAL)} AND event_type = ${params.text(ERASURE_TYPE)}`;
  const sql = `SELECT DISTINCT ${id} AS id FROM records WHERE ${own}`;
  const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: MAX_ERASED_ITEMS, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  const { rows } = await reader.select<{ id: string }>(params.statement(sql), limits);
  return new Set(rows.map((row) => row.id));
}

/** TallystickError `index_unavailable` when it does not hold all that the journal does. */
export async function wholeIndex({ follower }: Pick<PlanSources, "follower">): Promise<void> {
  await follower.caughtUp(INDEX_WAIT_MS);
  if (follower.state() === "ready") return;
  throw new TallystickError("index_unavailable", "The index does not hold everything, so something could be missed.", {
    hint: "Wait until it is ready and try again.",
  });
}

function distinct(items: readonly ErasedItem[]): readonly ErasedItem[] {
  const byPlace = new Map(items.map((item) => [`${item.tree}:${item.leaf_index}/${item.what}`, item]));
  return [...byPlace.values()];
}
