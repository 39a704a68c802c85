import assert from "node:assert";

import { COLUMN_BY_NAME, shownExpression } from "../../index/columns.ts";
import type { Shape } from "../../index/columns.ts";
import { queryField } from "../language/query-fields.ts";
import type { QueryField } from "../language/query-fields.ts";

/** A query's field and the column that holds it. `sql` is a constant of the schema, never text of a reader. */
export interface SearchColumn {
  readonly field: QueryField;
  readonly shape: Shape;
  readonly sql: string;
  /** The value as people write it, for patterns and for ranges of text. */
  readonly shown: string;
  /** Ranges make no sense. */
  readonly rangeless: boolean;
  /** Every record has it. */
  readonly required: boolean;
  /** An expression over other columns, which no index knows by its own form. */
  readonly computed: boolean;
}

export function columnOf(name: string): SearchColumn {
  const field = queryField(name);
  assert(field !== undefined, name);
  if (name === "call_id") return callIdColumn(field);
  const column = COLUMN_BY_NAME.get(field.column);
  assert(column !== undefined, field.column);
  return {
    field,
    shape: column.shape,
    sql: column.name,
    shown: column.shape === "uuid" ? `toString(${column.name})` : shownExpression(column),
    rangeless: column.shape === "map" || column.shape === "names" || column.shape === "flag",
    required: column.required,
    computed: false,
  };
}

/** An expression over other columns, see schema/records.ts. */
function callIdColumn(field: QueryField): SearchColumn {
  return { field, shape: "text", sql: "call_id", shown: "call_id", rangeless: false, required: true, computed: false };
}

/** The value as it is compared: in lower case unless its case counts. */
export function comparedSql(column: SearchColumn): string {
  return column.field.exact ? column.shown : `lowerUTF8(${column.shown})`;
}

/** The text as it is compared; digits in hexadecimal are stored in lower case. */
export function comparedText(column: SearchColumn, text: string): string {
  const folds = !column.field.exact || column.shape === "hex" || column.shape === "digest" || column.shape === "uuid";
  return folds ? text.toLowerCase() : text;
}

/** A predicate that is true when the record has the field. */
export function presence(column: SearchColumn): string {
  if (column.required) return "1";
  switch (column.shape) {
    case "uint":
    case "flag":
      return `${column.sql} >= 0`;
    case "signed":
      return `${column.sql} IS NOT NULL`;
    case "time":
      return `${column.sql} >= ${EARLIEST_TIME}`;
    default:
      return `notEmpty(${column.sql})`;
  }
}

/** A comparison that is never NULL. */
export function presentNumber(column: SearchColumn, predicate: string): string {
  return column.shape === "signed" ? `ifNull(${predicate}, 0)` : predicate;
}

/** No record names an earlier instant; the absent time is before it. */
export const EARLIEST_TIME_US = 0;
const EARLIEST_TIME = "fromUnixTimestamp64Micro(toInt64(0), 'UTC')";
