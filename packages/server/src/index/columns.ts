/**
 * The columns of the `records` table, derived from the record's fields: one name for a field everywhere (DESIGN §2.8).
 *
 * Each value has exactly one representation in its column and back, so a record read from the index equals the one in
 * the leaf. Absent is: '' for strings, [] and {} for arrays and maps, -1 for integers, ABSENT_TIME_US for times, NULL
 * for the clock skew. The normal form (record/fields.ts) makes '' and absent the same thing; the other sentinels lie
 * outside the fields' ranges.
 */
import { FIELDS } from "@tallystick/record";
import type { FieldSpec } from "@tallystick/record";

/** How a value is represented in its column. */
export type Shape =
  /** LowCardinality(String): few different values. */
  | "name"
  /** String as it is. */
  | "text"
  /** String that holds the bytes of a hexadecimal value; half the size. */
  | "hex"
  /** String that holds the 32 bytes of `sha256:…`. */
  | "digest"
  /** UUID. */
  | "uuid"
  /** Int64, -1 when absent, so that a comparison with `>` never finds an absent one. */
  | "uint"
  /** Nullable(Int64). */
  | "signed"
  /** Int8: -1 absent, 0 false, 1 true. */
  | "flag"
  /** DateTime64(6, 'UTC'). */
  | "time"
  /** Array(String). */
  | "names"
  /** Map(LowCardinality(String), String). */
  | "map"
  /** FixedString(32). */
  | "hash";

export interface Column {
  readonly name: string;
  readonly shape: Shape;
  /** Where the value stands in a leaf; `leaf` columns are computed from position and content. */
  readonly source: "record" | "observed" | "signature" | "leaf";
  /** The field's name within its source. */
  readonly field: string;
  /** Present in every leaf. */
  readonly required: boolean;
  /** Its words are found by bare words; of an id, when it does not look like one. */
  readonly words: boolean;
  /** Exact values are found through a bloom filter. */
  readonly bloom: boolean;
}

/** A microsecond before every instant that a record can name. */
export const ABSENT_TIME_US = -1;
export const ABSENT_UINT = -1;

const HEX_FIELDS: ReadonlySet<string> = new Set(["trace_id", "span_id", "parent_span_id"]);

function shapeOf(field: FieldSpec): Shape {
  if (field.name === "id") return "uuid";
  if (HEX_FIELDS.has(field.name)) return "hex";
  if (field.pattern?.source.startsWith("sha256:") === true) return "digest";
  switch (field.kind) {
    case "time":
      return "time";
    case "name":
    case "enum":
      return "name";
    case "uint":
      return "uint";
    case "names":
      return "names";
    case "map":
      return "map";
    case "id":
    case "text":
      return "text";
  }
}

/** Names that carry no word a person would look for: they are found by their own column. */
const WORDLESS: ReadonlySet<string> = new Set(["phase", "side", "recorder_id"]);

function recordColumn(field: FieldSpec): Column {
  const shape = shapeOf(field);
  return {
    name: field.name,
    shape,
    source: "record",
    field: field.name,
    required: field.required !== "no",
    words: (shape === "name" || shape === "text" || shape === "names" || shape === "map") && !WORDLESS.has(field.name),
    bloom: field.kind === "id" || field.name === "subject_refs",
  };
}

const own = (name: string, shape: Shape, source: Column["source"], required: boolean, bloom = false): Column => ({
  name,
  shape,
  source,
  field: name.replace(/^observed_(signature_)?/, ""),
  required,
  words: false,
  bloom,
});

export const COLUMNS: readonly Column[] = [
  own("log", "name", "leaf", true),
  own("tree", "name", "leaf", true),
  own("leaf_index", "uint", "leaf", true),
  own("leaf_hash", "hash", "leaf", true),
  own("caller", "name", "leaf", true),
  own("callee", "name", "leaf", true),
  own("call_id_kept", "text", "leaf", false, true),
  ...FIELDS.map(recordColumn),
  own("observed_received_at", "time", "observed", true),
  own("observed_principal", "name", "observed", true),
  own("observed_standing", "name", "observed", true),
  own("observed_source_address", "name", "observed", true),
  own("observed_intake", "name", "observed", true),
  own("observed_conflict", "flag", "observed", false),
  own("observed_clock_skew_us", "signed", "observed", false),
  own("observed_signature_alg", "name", "signature", false),
  own("observed_signature_kid", "text", "signature", false),
  own("observed_signature_verified", "flag", "signature", false),
];

export const COLUMN_BY_NAME: ReadonlyMap<string, Column> = new Map(COLUMNS.map((column) => [column.name, column]));

export const SQL_TYPES: Readonly<Record<Shape, string>> = {
  name: "LowCardinality(String)",
  text: "String",
  hex: "String",
  digest: "String",
  uuid: "UUID",
  uint: "Int64",
  signed: "Nullable(Int64)",
  flag: "Int8",
  time: "DateTime64(6, 'UTC')",
  names: "Array(String)",
  map: "Map(LowCardinality(String), String)",
  hash: "FixedString(32)",
};

/** Shapes whose absent value is not the type's default, with the default that the table declares. */
export const SQL_DEFAULTS: Readonly<Partial<Record<Shape, string>>> = {
  uint: String(ABSENT_UINT),
  flag: "-1",
  time: `fromUnixTimestamp64Micro(toInt64(${ABSENT_TIME_US}), 'UTC')`,
};

/** The expression that gives a column's value as people write it: text for bytes, microseconds for times. */
export function shownExpression(column: Column): string {
  switch (column.shape) {
    case "hex":
    case "hash":
      return `lower(hex(${column.name}))`;
    case "digest":
      return `if(empty(${column.name}), '', concat('sha256:', lower(hex(${column.name}))))`;
    case "time":
      return `toUnixTimestamp64Micro(${column.name})`;
    default:
      return column.name;
  }
}
