import { TallystickError } from "../errors.ts";
import type { QueryAnswer } from "../index/index-seam.ts";
import { ownName, renamedCalls } from "./call-names.ts";
import type { Party } from "./call-names.ts";
import { columnOf } from "./compile/column.ts";
import type { SearchColumn } from "./compile/column.ts";
import { isNetworkField, networkSql } from "./compile/networked.ts";
import { isParty } from "./compile/resolved.ts";
import { Params } from "./compile/sql.ts";
import { filterPredicate } from "./filter.ts";
import type { RecordFilter } from "./filter.ts";
import { resolveField } from "./language/query-fields.ts";
import type { QueryNote } from "./language/syntax.ts";
import {
  DEFAULT_FACET_VALUES,
  FACET_SAMPLE_RECORDS,
  MAX_FACET_FIELDS,
  MAX_FACET_VALUES,
  SEARCH_MEMORY_BYTES,
  SEARCH_TIMEOUT_MS,
} from "./limits.ts";
import { checkedCount, readQuestion } from "./question.ts";
import type { Question } from "./question.ts";
import type { Scope } from "./scope.ts";
import { isIncomplete } from "./sources.ts";
import type { SearchSources } from "./sources.ts";

/**
 * The values of fields and how many matching records have each. Names and enumerations are counted over all
 * matching records; when ids, text or attributes are asked for, over at most FACET_SAMPLE_RECORDS of them, and then
 * the answer says so.
 */
export interface FacetRequest extends Question {
  /** Names of fields, or of attributes; `attributes` counts the attributes' names. */
  readonly fields: readonly string[];
  /** Values of each field, most frequent first; 10 by default. */
  readonly limit?: number | null;
}

export interface Facet {
  readonly field: string;
  readonly values: readonly { readonly value: string; readonly count: number }[];
  /** There are more values than were given. */
  readonly more: boolean;
}

export interface FacetAnswer {
  readonly facets: readonly Facet[];
  /** Counted over so many matching records only; null: over all of them. */
  readonly sample_records: number | null;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  readonly partial: boolean;
  readonly notes: readonly QueryNote[];
}

export async function countFacets(
  sources: SearchSources,
  scope: Scope,
  request: FacetRequest,
  signal?: AbortSignal,
): Promise<FacetAnswer> {
  const nowUs = sources.clock.nowUs();
  const filter: RecordFilter = { ...readQuestion(request, nowUs), scope, nowUs, sizes: null, names: sources.names() };
  const limit = checkedCount(request.limit, DEFAULT_FACET_VALUES, MAX_FACET_VALUES, "limit");
  const columns = checkedFields(request.fields).map((field) => facetColumn(field));
  const sampled = columns.some((column) => !column.exhaustive);
  const counted: CountedGroup[] = [];
  for (const group of groupsOf(columns)) {
    const statement = facetStatement(group, filter, limit, sampled);
    const maxRows = (limit + 2) * (group.length + 1);
    const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows, maxMemoryBytes: SEARCH_MEMORY_BYTES };
    counted.push({ group, answer: await sources.reader.select<FacetRow>(statement, limits, signal) });
  }
  const seen = Math.max(...counted.map(({ group, answer }) => rowsOf(answer, group.length)[0]?.records ?? 0));
  return {
    facets: columns.map((column) => facetOf(column, counted, limit)),
    sample_records: sampled && seen >= FACET_SAMPLE_RECORDS ? seen : null,
    elapsed_ms: counted.reduce((sum, { answer }) => sum + answer.elapsedMs, 0),
    scanned_rows: counted.reduce((sum, { answer }) => sum + answer.scannedRows, 0),
    partial: counted.some(({ answer }) => answer.partial) || isIncomplete(sources),
    notes: filterPredicate(filter, new Params()).notes,
  };
}

/**
 * Columns of which a record has one value are counted in one pass; each other one, whose values multiply records,
 * on its own.
 */
function groupsOf(columns: readonly FacetColumn[]): readonly (readonly FacetColumn[])[] {
  const single = columns.filter((column) => !column.many);
  const many = columns.filter((column) => column.many).map((column) => [column]);
  return single.length === 0 ? many : [single, ...many];
}

interface CountedGroup {
  readonly group: readonly FacetColumn[];
  readonly answer: QueryAnswer<FacetRow>;
}

function rowsOf(answer: QueryAnswer<FacetRow>, facet: number): readonly FacetRow[] {
  return answer.rows.filter((row) => row.facet === facet);
}

interface FacetRow {
  /** Place in the group; the group's length for the count of all records. */
  readonly facet: number;
  readonly value: string;
  readonly records: number;
}

interface FacetColumn {
  readonly name: string;
  /** Text of the value, '' when absent. */
  readonly sql: (params: Params, filter: RecordFilter) => string;
  /** The value is a resolved name, of which `sql` is what the record says itself. */
  readonly party: Party | null;
  /** A record has several. */
  readonly many: boolean;
  /** So few different values that all records can be counted. */
  readonly exhaustive: boolean;
}

function checkedFields(fields: readonly string[]): readonly string[] {
  const distinct = [...new Set(fields)];
  if (distinct.length >= 1 && distinct.length <= MAX_FACET_FIELDS) return distinct;
  throw new TallystickError("bad_request", `fields names ${distinct.length} fields.`, {
    hint: `Name 1 to ${MAX_FACET_FIELDS} fields, as fields=service_id,status.`,
    at: { parameter: "fields" },
  });
}

function facetColumn(written: string): FacetColumn {
  const { field } = resolveField(written, 1);
  if (field.kind === "attribute") {
    return {
      name: written,
      sql: (params) => `attributes[${params.text(field.name)}]`,
      party: null,
      many: false,
      exhaustive: false,
    };
  }
  const { name } = field;
  if (isParty(name)) {
    const sql: FacetColumn["sql"] = (params, { names }) => ownName(name, names, params);
    return { name: written, sql, party: name, many: false, exhaustive: true };
  }
  if (isNetworkField(name)) {
    const sql: FacetColumn["sql"] = (params, { names }) => networkSql(name, names.networks ?? {}, params);
    return { name: written, sql, party: null, many: false, exhaustive: false };
  }
  const column = columnOf(field.name);
  const many = column.shape === "names" || column.shape === "map";
  const exhaustive = column.shape === "name" || column.shape === "flag";
  return { name: written, sql: () => facetSql(column), party: null, many, exhaustive };
}

function facetSql(column: SearchColumn): string {
  switch (column.shape) {
    case "map":
      return "arrayJoin(mapKeys(attributes))";
    case "names":
      return `arrayJoin(${column.sql})`;
    case "flag":
      return `if(${column.sql} = 1, 'true', '')`;
    case "uint":
      return `if(${column.sql} < 0, '', toString(${column.sql}))`;
    case "signed":
      return `ifNull(toString(${column.sql}), '')`;
    case "time":
      throw new TallystickError("bad_request", `${column.field.name} is a time and has no facet.`, {
        hint: "Ask for the histogram instead.",
        at: { parameter: "fields" },
      });
    default:
      return column.shown;
  }
}

/** One pass over the matching records, grouped by each column on its own, and the number of all of them. */
function facetStatement(group: readonly FacetColumn[], filter: RecordFilter, limit: number, sampled: boolean) {
  const params = new Params();
  const { counting } = filterPredicate(filter, params);
  const values = group.map((column, place) => `${column.sql(params, filter)} AS value${place}`).join(", ");
  const sample = sampled ? ` LIMIT ${params.add(FACET_SAMPLE_RECORDS, "UInt64")}` : "";
  const found = `SELECT call_key, ${values} FROM records ${counting}${sample}`;
  const inner = group.reduce((rows, { party }, place) => resolved(rows, party, `value${place}`, filter, params), found);
  const names = group.map((_, place) => `value${place}`);
  const sets = names.map((name) => `(${name})`).join(", ");
  const which = names.map((name, place) => `grouping(${name}) = 0, toUInt32(${place})`).join(", ");
  const text = names.map((name) => `grouping(${name}) = 0, toString(${name})`).join(", ");
  return params.statement(
    `SELECT multiIf(${which}, toUInt32(${group.length})) AS facet, multiIf(${text}, '') AS value, count() AS records ` +
      `FROM (${inner}) GROUP BY GROUPING SETS (${sets}, ()) ` +
      `ORDER BY facet, records DESC, value LIMIT ${params.add(limit + 2, "UInt64")} BY facet`,
  );
}

/** Rows whose value is the name of the settled call, where that is another one. */
function resolved(rows: string, party: Party | null, value: string, filter: RecordFilter, params: Params): string {
  const renamed = party === null ? null : renamedCalls(party, filter.names, filter, params);
  if (renamed === null) return rows;
  const name = `renamed_${party}`;
  return (
    `SELECT * REPLACE (if(empty(${name}), ${value}, ${name}) AS ${value}) FROM (${rows}) AS found ` +
    `LEFT ANY JOIN (SELECT call_key, min(${party}) AS ${name} ${renamed} GROUP BY call_key) AS calls USING (call_key)`
  );
}

function facetOf(column: FacetColumn, counted: readonly CountedGroup[], limit: number): Facet {
  const rows = counted.flatMap(({ group, answer }) => rowsOf(answer, group.indexOf(column)));
  const present = rows.filter((row) => row.value !== "");
  const values = present.slice(0, limit).map((row) => ({ value: row.value, count: row.records }));
  return { field: column.name, values, more: present.length > limit };
}
