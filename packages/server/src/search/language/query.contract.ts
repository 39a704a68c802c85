import fc from "fast-check";

import { QUERY_FIELDS } from "./query-fields.ts";
import type { Bound, FieldRef, QueryNode, QueryValue, ValuePart } from "./syntax.ts";

/** Arbitrary query texts and trees for property tests. */

const PIECES = [
  " ",
  "(",
  ")",
  '"',
  ":",
  "[",
  "]",
  "{",
  "}",
  "*",
  "?",
  "\\",
  "<",
  ">",
  "=",
  "-",
  "+",
  "!",
  "&&",
  "||",
  "AND",
  "OR",
  "NOT",
  "TO",
  "a",
  "error",
  "status",
  "status:",
  "duration_us:",
  "_exists_:",
  "attributes.",
  "http.route",
  "now-15m",
  "5",
  "~",
  "^",
  "\uD800",
  "ä",
  "😀",
  "\n",
  "'",
  ";",
  "--",
  "%",
  "_",
  "{p1:String}",
  "\u0000",
];

/** Anything at all, with a liking for what means something. */
export function queryText(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join("")),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({ unit: "grapheme", maxLength: 60 }),
  );
}

const literal = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    "AND",
    "OR",
    "NOT",
    "TO",
    "-a",
    "a b",
    "a:b",
    "(x)",
    '"',
    "\\",
    "/orders/{id}",
    "*",
    "a~2",
    ">5",
    "&&",
    "||",
  ),
);

const wild = fc.constantFrom<ValuePart>({ kind: "any" }, { kind: "one" });
const text = (value: string): ValuePart => ({ kind: "literal", text: value });

const word: fc.Arbitrary<QueryValue> = fc
  .oneof(
    literal.map((value) => [text(value)]),
    fc.tuple(literal, wild).map(([value, part]) => [text(value), part]),
    fc.tuple(wild, literal).map(([part, value]) => [part, text(value)]),
    fc.tuple(literal, wild, literal).map(([before, part, after]) => [text(before), part, text(after)]),
  )
  .map((parts) => ({ quoted: false, parts, column: 1 }));

const phrase: fc.Arbitrary<QueryValue> = fc
  .string({ unit: "grapheme", maxLength: 20 })
  .map((value) => ({ quoted: true, parts: value === "" ? [] : [text(value)], column: 1 }));

const knownNames = QUERY_FIELDS.map((field) => field.name);
const field: fc.Arbitrary<FieldRef> = fc.oneof(
  fc.constantFrom(...knownNames).map((name) => ({ kind: "field" as const, name })),
  fc
    .oneof(literal, fc.constantFrom("http.route", "status", "_exists_", "record.status", "observed.x", "attributes.y"))
    .map((name) => ({ kind: "attribute" as const, name })),
);

const bound: fc.Arbitrary<Bound | null> = fc.option(
  fc.record({ text: fc.string({ unit: "grapheme", maxLength: 12 }), inclusive: fc.boolean(), column: fc.constant(1) }),
);

const leaf: fc.Arbitrary<QueryNode> = fc.oneof(
  fc.constant<QueryNode>({ kind: "all", column: 1 }),
  fc
    .tuple(fc.option(field), fc.oneof(word, phrase))
    .map(([of, value]): QueryNode => ({ kind: "match", field: of, value, column: 1 })),
  field.map((of): QueryNode => ({ kind: "exists", field: of, column: 1 })),
  fc
    .tuple(field, bound, bound)
    .filter(([, lower, upper]) => lower !== null || upper !== null)
    .map(([of, lower, upper]): QueryNode => ({ kind: "range", field: of, lower, upper, column: 1 })),
);

/** Trees that a text can mean: no AND directly in an AND, and no OR in an OR. */
export function queryNode(): fc.Arbitrary<QueryNode> {
  return fc.letrec<{ node: QueryNode }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("node"), { minLength: 2, maxLength: 3 }).map((of) => flat("and", of)),
      fc.array(tie("node"), { minLength: 2, maxLength: 3 }).map((of) => flat("or", of)),
      tie("node").map((of): QueryNode => ({ kind: "not", of, column: 1 })),
    ),
  })).node;
}

function flat(kind: "and" | "or", of: readonly QueryNode[]): QueryNode {
  return { kind, of: of.flatMap((node) => (node.kind === kind ? node.of : [node])), column: 1 };
}
