import { Params } from "./compile/sql.ts";
import { filterPredicate } from "./filter.ts";
import type { RecordFilter } from "./filter.ts";
import { QUERY_FIELDS } from "./language/query-fields.ts";
import { ATTRIBUTE_SAMPLE_RECORDS, MAX_ATTRIBUTE_NAMES, SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "./limits.ts";
import { readQuestion } from "./question.ts";
import type { Question } from "./question.ts";
import type { Scope } from "./scope.ts";
import { isIncomplete } from "./sources.ts";
import type { SearchSources } from "./sources.ts";

/** The names that a query can use: all fields, and the attributes that a sample of the matching records has. */
export interface FieldsAnswer {
  readonly fields: readonly ListedField[];
  readonly attributes: readonly { readonly name: string; readonly count: number }[];
  /** Attributes were looked for in so many records at most. */
  readonly sample_records: number;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  readonly partial: boolean;
}

export interface ListedField {
  readonly name: string;
  readonly kind: string;
  readonly values?: readonly string[];
  readonly says: string;
}

export async function listFields(
  sources: SearchSources,
  scope: Scope,
  question: Question,
  signal?: AbortSignal,
): Promise<FieldsAnswer> {
  const nowUs = sources.clock.nowUs();
  const filter: RecordFilter = { ...readQuestion(question, nowUs), scope, nowUs, sizes: null, names: sources.names() };
  const params = new Params();
  const { counting } = filterPredicate(filter, params);
  const sample = params.add(ATTRIBUTE_SAMPLE_RECORDS, "UInt64");
  const most = params.add(MAX_ATTRIBUTE_NAMES, "UInt64");
  const sql =
    `SELECT name, count() AS records FROM (SELECT attributes FROM records ${counting} LIMIT ${sample}) ` +
    `ARRAY JOIN mapKeys(attributes) AS name GROUP BY name ORDER BY records DESC, name LIMIT ${most}`;
  const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: MAX_ATTRIBUTE_NAMES, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  const answer = await sources.reader.select<{ name: string; records: number }>(params.statement(sql), limits, signal);
  return {
    fields: listedFields(),
    attributes: answer.rows.map((row) => ({ name: row.name, count: row.records })),
    sample_records: ATTRIBUTE_SAMPLE_RECORDS,
    elapsed_ms: answer.elapsedMs,
    scanned_rows: answer.scannedRows,
    partial: answer.partial || isIncomplete(sources),
  };
}

export function listedFields(): readonly ListedField[] {
  return QUERY_FIELDS.map(({ name, kind, values, says }) => ({
    name,
    kind,
    ...(values === null ? {} : { values }),
    says,
  }));
}
