/**
 * The `records` table (DESIGN §8). Its version is a digest of what is created, so that a changed column cannot be
 * forgotten: an index of another version is rebuilt from the journal.
 *
 * Words: `words` is no stored column but the text of a row joined by line feeds, in lower case; the text index holds
 * its tokens (runs of letters and digits), and `hasAllTokens(words, …)` is answered from the index alone. An id that a
 * bare word would not be taken for (`looksLikeId`) has its words there; others are found through their bloom filters.
 */
import { createHash } from "node:crypto";
import { ID_LENGTH } from "../predicates.ts";
import { COLUMNS, SQL_DEFAULTS, SQL_TYPES } from "../columns.ts";
import type { Column } from "../columns.ts";

export const RECORDS = "records" as const;

/** How a column is compressed, where its content says more than its shape does. */
const CODECS: Readonly<Record<string, string>> = {
  leaf_hash: "NONE",
  leaf_index: "Delta(8), ZSTD(1)",
  timestamp: "Delta(8), ZSTD(1)",
  observed_received_at: "Delta(8), ZSTD(1)",
  producer_seq: "Delta(8), ZSTD(1)",
  duration_us: "T64, ZSTD(1)",
};

function columnLine(column: Column): string {
  const standard = SQL_DEFAULTS[column.shape];
  const fallback = standard === undefined ? "" : ` DEFAULT ${standard}`;
  return `${column.name} ${SQL_TYPES[column.shape]}${fallback} CODEC(${CODECS[column.name] ?? "ZSTD(1)"})`;
}

/** What somebody asked is found by `access.query` only: else every search would find the searches before it. */
const IS_ACCESS = "event_type = 'ACCESS' AND observed_principal = 'tallystick'";

/** Text of a column, as SQL. */
export function textOf({ name, shape }: Pick<Column, "name" | "shape">): string {
  if (shape === "map") return `if(${IS_ACCESS}, '', arrayStringConcat(mapValues(${name}), '\\n'))`;
  return shape === "names" ? `arrayStringConcat(${name}, '\\n')` : name;
}

function wordsOf(column: Column): string {
  const { name, shape, bloom } = column;
  if (!bloom || shape === "map" || shape === "names") return textOf(column);
  return `if(lengthUTF8(${name}) < ${ID_LENGTH} OR NOT match(${name}, '[0-9]'), ${name}, '')`;
}

const joined = (of: (column: Column) => string): string =>
  `concatWithSeparator('\\n', ${COLUMNS.filter((column) => column.words)
    .map(of)
    .join(", ")})`;

/** All text of a record, ids included. */
export const TEXT_EXPRESSION = joined(textOf);
export const WORDS_EXPRESSION = `lowerUTF8(${joined(wordsOf)})`;

/** The caller's span, by which a call of a trace is known at both ends. */
export const CALL_SPAN_EXPRESSION = "if(side = 'callee', parent_span_id, span_id)";
/** Over the call's trace and span; bytes are turned to text where an id is asked for, which is seldom. */
export const callIdOf = (span: string): string =>
  `if(empty(call_id_kept), concat(lower(hex(trace_id)), '/', lower(hex(${span}))), call_id_kept)`;
export const CALL_ID_EXPRESSION = callIdOf(CALL_SPAN_EXPRESSION);

/** What both halves of a call share, retries included: a call id from names ends with the attempt, which is left out. */
export const callNameOf = (id: string): string =>
  `if(countSubstrings(${id}, '/') = 3, substring(${id}, 1, length(${id}) - position(reverse(${id}), '/')), ${id})`;

/**
 * The same as a number. A digest of 128 bits, so that nobody makes two calls meet by choosing ids.
 */
export const CALL_KEY_EXPRESSION = `reinterpretAsUInt128(sipHash128(${callNameOf("call_id")}))`;

/**
 * Who caller, callee and recorder of a record are, a line each, that says whether the record is Tallystick's own: one
 * dictionary column, so that what a reader may see costs a search no more columns than what everybody sees. A line
 * feed in a name is escaped, so that no name passes for several.
 */
export const PARTIES = "parties";
const OTHERS_LINE = "=";
const OWN_LINE = "~";

function partiesExpression(): string {
  const begin = `if(observed_principal = 'tallystick', '\\n${OWN_LINE}', '\\n${OTHERS_LINE}')`;
  const lines = ["service_id", "target_id", "recorder_id"].map(
    (name) => `${begin}, replaceAll(replaceAll(${name}, '\\\\', '\\\\\\\\'), '\\n', '\\\\n')`,
  );
  return `concat(${lines.join(", ")}, '\\n')`;
}

/** What `parties` contains when one of them has this name. */
export function partyLine(name: string, of: "own" | "others"): string {
  const escaped = name.replaceAll("\\", String.raw`\\`).replaceAll("\n", String.raw`\n`);
  return `\n${of === "own" ? OWN_LINE : OTHERS_LINE}${escaped}\n`;
}

function indexLines(): readonly string[] {
  const blooms = COLUMNS.filter((column) => column.bloom).map(
    (column) => `INDEX bloom_${column.name} ${column.name} TYPE bloom_filter(0.01) GRANULARITY 1`,
  );
  return [
    ...blooms,
    "INDEX bloom_call_key call_key TYPE bloom_filter(0.01) GRANULARITY 1",
    "INDEX range_timestamp timestamp TYPE minmax GRANULARITY 1",
    "INDEX range_received observed_received_at TYPE minmax GRANULARITY 1",
    "INDEX range_leaf_index leaf_index TYPE minmax GRANULARITY 1",
    `INDEX words ${WORDS_EXPRESSION} TYPE text(tokenizer = 'splitByNonAlpha')`,
  ];
}

export interface MadeColumn {
  readonly name: string;
  readonly type: string;
  /** Over the columns that are inserted. */
  readonly sql: string;
  /** Of what is stored with the record; null: it is worked out where it is asked for. */
  readonly codec: string | null;
}

/** What is worked out of a record's own columns. */
export const MADE_COLUMNS: readonly MadeColumn[] = [
  { name: "call_id", type: "String", sql: CALL_ID_EXPRESSION, codec: null },
  { name: PARTIES, type: "LowCardinality(String)", sql: partiesExpression(), codec: "ZSTD(1)" },
  { name: "call_key", type: "UInt128", sql: CALL_KEY_EXPRESSION, codec: "NONE" },
  { name: "words", type: "String", sql: WORDS_EXPRESSION, codec: null },
];

/** Five-minute bucket as a plain integer: exact for every instant, where calendar functions wrap. */
const BUCKET_EXPRESSION = "intDiv(toUnixTimestamp64Micro(timestamp), 300000000)";

const TABLE_SETTINGS: Readonly<Record<string, string>> = {
  non_replicated_deduplication_window: "1000",
  // Parts of one insert are one file, not hundreds: making the files cost more than writing the rows.
  min_bytes_for_wide_part: "268435456",
  // Merges would make statistics of every column, and each query read them of every part: twice its cost.
  auto_statistics_types: "''",
};

function settingsText(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ");
}

function definition(): string {
  const lines = [
    ...COLUMNS.map(columnLine),
    ...MADE_COLUMNS.map(
      ({ name, type, sql, codec }) =>
        `${name} ${type} ${codec === null ? `ALIAS ${sql}` : `MATERIALIZED ${sql} CODEC(${codec})`}`,
    ),
    ...indexLines(),
  ];
  return `CREATE TABLE IF NOT EXISTS ${RECORDS} (
  ${lines.join(",\n  ")}
) ENGINE = MergeTree
PARTITION BY (log, toDate(observed_received_at))
ORDER BY (log, service_id, ${BUCKET_EXPRESSION}, timestamp)`;
}

export const SCHEMA_VERSION = createHash("sha256")
  .update(definition())
  .update(settingsText(TABLE_SETTINGS))
  .digest("hex")
  .slice(0, 16);

/** The table's comment, which names its version. */
export const SCHEMA_COMMENT = `tallystick schema ${SCHEMA_VERSION}`;

/** The statement that makes the table; `settings` are the home's own (storage policy). */
export function recordsTable(settings: Readonly<Record<string, string>>): string {
  return `${definition()}
SETTINGS ${settingsText({ ...TABLE_SETTINGS, ...settings })}
COMMENT '${SCHEMA_COMMENT}'`;
}
