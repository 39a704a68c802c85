/**
 * The tree a query text becomes. Columns are 1-based places in the text, in UTF-16 units, for messages and for
 * underlining.
 */

export type QueryNode =
  /** `*`, `*:*` and the empty query. */
  | { readonly kind: "all"; readonly column: number }
  /** Two nodes or more. */
  | { readonly kind: "and" | "or"; readonly of: readonly QueryNode[]; readonly column: number }
  | { readonly kind: "not"; readonly of: QueryNode; readonly column: number }
  /** A value in a field, or anywhere in the record when `field` is null. */
  | { readonly kind: "match"; readonly field: FieldRef | null; readonly value: QueryValue; readonly column: number }
  /** At least one of the bounds is there. */
  | {
      readonly kind: "range";
      readonly field: FieldRef;
      readonly lower: Bound | null;
      readonly upper: Bound | null;
      readonly column: number;
    }
  | { readonly kind: "exists"; readonly field: FieldRef; readonly column: number };

export interface FieldRef {
  readonly kind: "field" | "attribute";
  /** A name of QUERY_FIELDS, or the attribute's key. */
  readonly name: string;
}

export interface QueryValue {
  /** In double quotes: no wildcards, and in text its words stand next to each other. */
  readonly quoted: boolean;
  /** Never empty unless quoted; two literals never follow each other. */
  readonly parts: readonly ValuePart[];
  readonly column: number;
}

export type ValuePart =
  | { readonly kind: "literal"; readonly text: string }
  /** `*`: any run of characters, also none. */
  | { readonly kind: "any" }
  /** `?`: one character. */
  | { readonly kind: "one" };

export interface Bound {
  readonly text: string;
  readonly inclusive: boolean;
  readonly column: number;
}

/** Something the reader may have meant otherwise; the query still runs. */
export interface QueryNote {
  readonly code:
    | "did_you_mean"
    | "read_as_attribute"
    | "lower_case_operator"
    | "no_regular_expression"
    | "unknown_value";
  readonly column: number;
  readonly message: string;
}

export interface Query {
  readonly text: string;
  readonly root: QueryNode;
  readonly notes: readonly QueryNote[];
}

/** The value as plain text, or null when it holds a wildcard. */
export function literalOf(value: QueryValue): string | null {
  if (value.parts.length === 0) return "";
  const [only] = value.parts;
  return value.parts.length === 1 && only?.kind === "literal" ? only.text : null;
}
