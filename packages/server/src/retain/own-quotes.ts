/**
 * What Tallystick itself wrote about an erased leaf: verdicts, alerts and their notifications, questions of readers,
 * where they repeat what the leaf alone held. Where another record holds the same words nothing is gained by erasing
 * ours, so they stay; so does what people decided (a rule, a name, a hold, a block in force) and what the log is
 * checked by.
 *
 * What the index does not hold (`index.keep`) is not looked through.
 */
import { decodeLeaf, formatReceivedAt, timestampUs } from "@tallystick/record";

import { ALERTS_LOG } from "../control/own-logs.ts";
import { COLUMNS, shownExpression } from "../index/columns.ts";
import { TallystickError } from "../errors.ts";
import type { IndexReader, Statement } from "../index/index-seam.ts";
import { leafAt } from "../journal/entries.ts";
import type { Journal } from "../journal/journal.ts";
import { OWN_PRINCIPAL } from "../journal/own-records.ts";
import { Params } from "../search/compile/sql.ts";
import type { ErasedItem } from "./erasure.ts";
import { MAX_ERASED_ITEMS, MAX_QUOTED_ALERTS, NEEDLES_AT_ONCE, PURGE_LIMITS, WORDS_AT_ONCE } from "./erasure-limits.ts";
import { needlesOf } from "./needles.ts";
import type { Needle } from "./needles.ts";

/** Erased leaves, as they are looked for. */
export interface Quotable {
  readonly needles: readonly Needle[];
  readonly places: readonly { readonly tree: string; readonly leaf_index: number }[];
  /** Nothing quoted it before: microseconds since 1970. */
  readonly sinceUs: number;
}

export interface Quotes {
  /** Records of Tallystick's own that are to go. */
  readonly items: readonly ErasedItem[];
  /** `tree/index` of those that say it too and stay. */
  readonly kept: readonly string[];
  /** Whether a text says what the leaf alone held. */
  readonly isSaidIn: (text: string) => boolean;
}

const NO_QUOTES: Quotes = { items: [], kept: [], isSaidIn: () => false };
const LIMITS = { ...PURGE_LIMITS, maxRows: MAX_ERASED_ITEMS + 1 };
/** Told in an answer; there may be more. */
const MAX_KEPT = 20;

const OWN = `observed_principal = '${OWN_PRINCIPAL}'`;
const OWN_TEXT =
  "concat(request_id, '\\n', resource, '\\n', error_message, '\\n', arrayStringConcat(mapValues(attributes), '\\n'))";
const TEXT_SHAPES: ReadonlySet<string> = new Set(["name", "text", "hex", "digest", "names", "map"]);
const TEXT = `concat(${COLUMNS.filter(({ source, shape }) => source === "record" && TEXT_SHAPES.has(shape))
  .map((column) => {
    if (column.shape === "names") return `arrayStringConcat(${column.name}, '\\n')`;
    if (column.shape === "map") return `arrayStringConcat(mapValues(${column.name}), '\\n')`;
    return `toString(${shownExpression(column)})`;
  })
  .join(", '\\n', ")})`;

const SNAPSHOT = `log = '${ALERTS_LOG}' AND event_type = 'LOG_LIFECYCLE' AND operation = 'control snapshot'`;
const SNAPSHOT_ID = "attributes['tallystick.snapshot_id']";
/** A word may lie across two parts. */
const WHOLE_SNAPSHOT = `arrayStringConcat(arrayMap(part -> part.2, arraySort(groupArray((
  toUInt32OrZero(attributes['tallystick.snapshot_part']), attributes['tallystick.snapshot_records'])))), '')`;
/** What the log is checked by, and what says why something is gone. */
const STRUCTURE = "event_type IN ('LOG_LIFECYCLE', 'EPOCH_LINK', 'ERASURE', 'ERASED', 'BATCH_SIGNATURE')";
const GOES = `event_type IN ('TALLY_VERDICT', 'ALERT', 'ACCESS') OR (log = '${ALERTS_LOG}' AND NOT ${STRUCTURE})`;

/** Leaves of producers among these, as they stand in the journal now; null when none is whole any more. */
export async function quotableOf(journal: Journal, items: readonly ErasedItem[]): Promise<Quotable | null> {
  const needles = new Map<string, Needle>();
  const places = [];
  let sinceUs = Number.MAX_SAFE_INTEGER;
  for (const { tree, leaf_index: index, what } of items) {
    const range = what === "leaf" ? await journal.read(tree, index, 1) : null;
    if (range === null) continue;
    const { record, observed } = decodeLeaf(leafAt(range.entries, 0));
    if (observed.principal === OWN_PRINCIPAL) continue;
    for (const needle of needlesOf(record)) needles.set(needle.pattern, needle);
    places.push({ tree, leaf_index: index });
    sinceUs = Math.min(sinceUs, timestampUs(observed.received_at));
  }
  return places.length === 0 ? null : { needles: [...needles.values()], places, sinceUs };
}

/** The index must hold all that the journal does. `isInForce`: of a response or a silence, by its resource. */
export async function findQuotes(
  reader: IndexReader,
  erased: Quotable | null,
  isInForce: (resource: string) => boolean,
): Promise<Quotes> {
  if (erased === null) return NO_QUOTES;
  const references = await referencesTo(reader, erased);
  const quoted = await inParts(erased.needles, (some) => quotedNeedles(reader, erased, some, references));
  const needles = await inParts(quoted, (some) => ofNobodyElse(reader, erased, some));
  const rows = await inParts(needles, (some) => rowsQuoting(reader, erased, some, references));
  const snapshots = await inParts(needles, (some) => snapshotRows(reader, erased, some));
  const stays = ({ goes, resource }: Row) => goes === 0 || isInForce(resource);
  const kept = rows.filter(stays).map(({ tree, leaf_index: index }) => `${tree}/${index}`);
  const telling = needles.filter(({ isTelling }) => isTelling).map(({ pattern }) => pattern);
  const words = telling.length === 0 ? null : new RegExp(telling.join("|"));
  return {
    items: distinct([...rows.filter((row) => !stays(row)), ...snapshots]),
    kept: [...new Set(kept)].slice(0, MAX_KEPT),
    isSaidIn: (text) => words?.test(text) ?? false,
  };
}

/**
 * What names these leaves by their places and was written since then: all that can be told once their words are gone.
 * Microseconds since 1970.
 */
export async function findReferences(
  reader: IndexReader,
  places: Quotable["places"],
  sinceUs: number,
  isInForce: (resource: string) => boolean,
): Promise<readonly ErasedItem[]> {
  const erased = { needles: [], places, sinceUs };
  const references = await referencesTo(reader, erased);
  const params = new Params();
  const sql = `SELECT ${ROW} FROM records WHERE ${OWN} AND ${since(params, erased)} AND NOT ${STRUCTURE}
  AND (${GOES}) AND ${hasAny(params, VERDICT_TEXT, references)} ORDER BY tree, leaf_index`;
  const rows = await whole<Row>(reader, params.statement(sql));
  return distinct(rows.filter(({ resource }) => !isInForce(resource)));
}

async function inParts<Found>(
  needles: readonly Needle[],
  ask: (some: readonly Needle[]) => Promise<readonly Found[]>,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (let at = 0; at < needles.length; at += NEEDLES_AT_ONCE)
    found.push(...(await ask(needles.slice(at, at + NEEDLES_AT_ONCE))));
  return found;
}

interface Row {
  readonly tree: string;
  readonly leaf_index: number;
  readonly received_us: number;
  readonly hash: string;
  readonly resource: string;
  readonly goes: 0 | 1;
}

const ROW = `tree, leaf_index, toUnixTimestamp64Micro(observed_received_at) AS received_us,
  lower(hex(leaf_hash)) AS hash, resource, toUInt8(${GOES}) AS goes`;

function distinct(rows: readonly Row[]): readonly ErasedItem[] {
  const items = rows.map(({ tree, leaf_index: index, received_us: us, hash }) => {
    const item: ErasedItem = { tree, leaf_index: index, what: "leaf", digest: hash, received_at: formatReceivedAt(us) };
    return [`${tree}:${index}`, item] as const;
  });
  return [...new Map(items).values()];
}

const since = (params: Params, { sinceUs }: Quotable) =>
  `observed_received_at >= fromUnixTimestamp64Micro(${params.add(sinceUs, "Int64")}, 'UTC')`;

/** `text` has one of these words; the engine takes so many at once. */
function hasAny(params: Params, text: string, words: readonly string[]): string {
  const parts: string[] = [];
  for (let at = 0; at < words.length; at += WORDS_AT_ONCE)
    parts.push(`multiSearchAny(${text}, ${params.add(words.slice(at, at + WORDS_AT_ONCE), "Array(String)")})`);
  return parts.length === 0 ? "0" : `(${parts.join(" OR ")})`;
}

const formsIn = (needles: readonly Needle[]) => [...new Set(needles.flatMap(({ forms }) => forms))];

/** How verdicts and findings name the leaves, and the ids of alerts that do. */
async function referencesTo(reader: IndexReader, erased: Quotable): Promise<readonly string[]> {
  const named = erased.places.flatMap(({ tree, leaf_index: index }) => [
    `"tree":"${tree}","leafIndex":${index},`,
    `${tree}:${index} `,
  ]);
  const params = new Params();
  const sql = `SELECT DISTINCT attributes['tallystick.alert_id'] AS id FROM records WHERE ${OWN}
  AND event_type = 'ALERT' AND ${since(params, erased)} AND ${hasAny(params, OWN_TEXT, named)} AND notEmpty(id)
LIMIT ${MAX_QUOTED_ALERTS}`;
  const rows = await whole<{ id: string }>(reader, params.statement(sql));
  return [...named, ...rows.map(({ id }) => id)];
}

/** A verdict names its halves one after another, separated by spaces. */
const VERDICT_TEXT = `concat(${OWN_TEXT}, '\\n', attributes['tally.halves'], ' ')`;
const refers = (params: Params, references: readonly string[]) =>
  `(event_type IN ('TALLY_VERDICT', 'ALERT') AND ${hasAny(params, VERDICT_TEXT, references)})`;

async function quotedNeedles(
  reader: IndexReader,
  erased: Quotable,
  needles: readonly Needle[],
  references: readonly string[],
): Promise<readonly Needle[]> {
  const params = new Params();
  const refer = refers(params, references);
  const columns = needles.map(({ pattern, isTelling }, place) => {
    const found = `match(own_text, ${params.text(pattern)})`;
    return `max(${isTelling ? found : `is_reference AND ${found}`}) AS n${place}`;
  });
  const sql = `SELECT ${columns.join(", ")} FROM (SELECT ${OWN_TEXT} AS own_text, ${refer} AS is_reference FROM records
  WHERE ${OWN} AND ${since(params, erased)} AND NOT ${STRUCTURE}
    AND ${hasAny(params, OWN_TEXT, formsIn(needles))}
  UNION ALL SELECT ${WHOLE_SNAPSHOT}, 1 FROM records
  WHERE ${OWN} AND ${since(params, erased)} AND ${SNAPSHOT} GROUP BY ${SNAPSHOT_ID})`;
  return chosen(reader, params, sql, needles, 1);
}

/** Those that no other record has, of producers at any time, or of our own from before. */
async function ofNobodyElse(
  reader: IndexReader,
  erased: Quotable,
  needles: readonly Needle[],
): Promise<readonly Needle[]> {
  const params = new Params();
  const places = params.add(
    erased.places.map(({ tree, leaf_index: index }) => `${tree}:${index}`),
    "Array(String)",
  );
  const columns = needles.map(({ pattern }, place) => `max(match(all_text, ${params.text(pattern)})) AS n${place}`);
  const sql = `SELECT ${columns.join(", ")} FROM (SELECT ${TEXT} AS all_text FROM records
  WHERE if(${OWN}, NOT (${since(params, erased)}), concat(tree, ':', toString(leaf_index)) NOT IN ${places})
    AND ${hasAny(params, TEXT, formsIn(needles))})`;
  return chosen(reader, params, sql, needles, 0);
}

async function chosen(
  reader: IndexReader,
  params: Params,
  sql: string,
  needles: readonly Needle[],
  wanted: 0 | 1,
): Promise<readonly Needle[]> {
  const rows = await whole<Readonly<Record<string, number>>>(reader, params.statement(sql));
  return needles.filter((_, place) => (rows[0]?.[`n${place}`] ?? 0) === wanted);
}

/** An answer that was cut would leave out what must go, or take for nobody else's what somebody has. */
async function whole<Found>(reader: IndexReader, statement: Statement): Promise<readonly Found[]> {
  const { rows, partial } = await reader.select<Found>(statement, LIMITS);
  if (!partial) return rows;
  throw new TallystickError("query_limit", "Not all that may repeat these leaves could be looked through.", {
    hint: "Erase fewer leaves at a time, or when the server has less to do.",
  });
}

const anyOf = (params: Params, text: string, needles: readonly Needle[]) =>
  needles.length === 0 ? "0" : `match(${text}, ${params.text(needles.map(({ pattern }) => pattern).join("|"))})`;

async function rowsQuoting(
  reader: IndexReader,
  erased: Quotable,
  needles: readonly Needle[],
  references: readonly string[],
): Promise<readonly Row[]> {
  const params = new Params();
  const telling = needles.filter(({ isTelling }) => isTelling);
  const sql = `SELECT ${ROW} FROM records WHERE ${OWN} AND ${since(params, erased)} AND NOT ${STRUCTURE}
  AND ${hasAny(params, OWN_TEXT, formsIn(needles))}
  AND (${anyOf(params, OWN_TEXT, telling)} OR ${refers(params, references)} AND ${anyOf(params, OWN_TEXT, needles)})
ORDER BY tree, leaf_index`;
  return whole<Row>(reader, params.statement(sql));
}

/** Every part of a snapshot that says it; a newer snapshot takes its place. */
async function snapshotRows(
  reader: IndexReader,
  erased: Quotable,
  needles: readonly Needle[],
): Promise<readonly Row[]> {
  const params = new Params();
  const from = since(params, erased);
  const sql = `SELECT ${ROW} FROM records WHERE ${OWN} AND ${from} AND ${SNAPSHOT} AND ${SNAPSHOT_ID} IN (
  SELECT ${SNAPSHOT_ID} AS id FROM records WHERE ${OWN} AND ${from} AND ${SNAPSHOT} GROUP BY id
  HAVING ${anyOf(params, WHOLE_SNAPSHOT, needles)}) ORDER BY tree, leaf_index`;
  return whole<Row>(reader, params.statement(sql));
}
