import { looksLikeId } from "../../index/predicates.ts";
import { syntaxError } from "../language/fault.ts";
import type { FieldRef, Query, QueryNode, QueryNote } from "../language/syntax.ts";
import { literalOf } from "../language/syntax.ts";
import { columnOf, presence } from "./column.ts";
import type { SearchColumn } from "./column.ts";
import type { CompileContext } from "./context.ts";
import { matchAnywhere, matchAttribute, matchField } from "./match.ts";
import { isNetworkField, networkColumn } from "./networked.ts";
import { rangeAttribute, rangeField } from "./range.ts";
import { compileResolved, isParty } from "./resolved.ts";
import type { Params } from "./sql.ts";
import { wordsOf } from "./words.ts";

/**
 * A query's tree as a predicate over `records`. Every part is true or false and never NULL, so NOT is plain
 * negation: a record without the field is not in `field:value` and is in `NOT field:value`. Text of the reader
 * becomes parameters only.
 */
export interface CompiledQuery {
  readonly predicate: string;
  /** It asks for one id, so few records match and the whole time range may be searched at once. */
  readonly selective: boolean;
  readonly notes: readonly QueryNote[];
}

export type Compiling = Omit<CompileContext, "params" | "notes">;

export function compileQuery(query: Query, params: Params, compiling: Compiling): CompiledQuery {
  const context: CompileContext = { ...compiling, params, notes: [...query.notes] };
  const predicate = compileNode(query.root, context);
  const type = rareType(query.root);
  const indexed = type === null ? "" : `hasAllTokens(words, ${params.add(wordsOf(type), "Array(String)")}) AND `;
  return {
    predicate: indexed === "" ? predicate : `${indexed}(${predicate})`,
    selective: isSelective(query.root),
    notes: context.notes,
  };
}

/**
 * Types of which a log has few records. The index of words finds where they are, or that there is none; the column has
 * no index and is read whole. Of a common type, or beneath OR and NOT, the words would cost more than they spare.
 */
const RARE_TYPES: ReadonlySet<string> = new Set(["CONFIG_CHANGE", "LOG_LIFECYCLE"]);

/** What every record that matches must be. */
function rareType(node: QueryNode): string | null {
  if (node.kind === "and") return node.of.map(rareType).find((type) => type !== null) ?? null;
  if (node.kind !== "match" || node.field?.kind !== "field" || node.field.name !== "event_type") return null;
  const type = literalOf(node.value)?.toUpperCase() ?? "";
  return RARE_TYPES.has(type) ? type : null;
}

function compileNode(node: QueryNode, context: CompileContext): string {
  switch (node.kind) {
    case "all":
      return "1";
    case "and":
    case "or":
      return node.of.map((part) => `(${compileNode(part, context)})`).join(node.kind === "and" ? " AND " : " OR ");
    case "not":
      return `NOT (${compileNode(node.of, context)})`;
    case "exists":
      return compileExists(node.field, context);
    case "match":
      if (node.field === null) return matchAnywhere(node.value, context);
      if (node.field.kind === "attribute") return matchAttribute(node.field.name, node.value, context);
      return onField(node.field.name, (column) => matchField(column, node.value, context), context);
    case "range":
      if (node.field.kind === "attribute") return rangeAttribute(node.field.name, node.lower, node.upper, context);
      return onField(
        node.field.name,
        (column) => {
          if (!column.rangeless) return rangeField(column, node.lower, node.upper, context);
          throw syntaxError(node.column, `${column.field.name} has no order.`, "a value instead of a range");
        },
        context,
      );
  }
}

function onField(name: string, condition: (column: SearchColumn) => string, context: CompileContext): string {
  if (isNetworkField(name)) return condition(networkColumn(name, context.names.networks ?? {}, context.params));
  return isParty(name) ? compileResolved(name, condition, context) : condition(columnOf(name));
}

function compileExists(field: FieldRef, context: CompileContext): string {
  if (field.kind === "field") return onField(field.name, presence, context);
  return `mapContains(attributes, ${context.params.text(field.name)})`;
}

const ID_FIELDS: ReadonlySet<string> = new Set([
  "id",
  "request_id",
  "trace_id",
  "span_id",
  "parent_span_id",
  "call_id",
  "leaf_index",
]);

function isSelective(node: QueryNode): boolean {
  if (node.kind === "and") return node.of.some((part) => isSelective(part));
  if (node.kind === "or") return node.of.every((part) => isSelective(part));
  if (node.kind !== "match") return false;
  const literal = literalOf(node.value);
  if (literal === null || node.field?.kind === "attribute") return false;
  return node.field === null ? looksLikeId(literal) : ID_FIELDS.has(node.field.name);
}
