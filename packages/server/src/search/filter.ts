import { compileQuery } from "./compile/compile.ts";
import { instant } from "./compile/times.ts";
import { literalOf } from "./language/syntax.ts";
import type { Query, QueryNode, QueryNote } from "./language/syntax.ts";
import type { CallNames } from "./call-names.ts";
import { OWN_PRINCIPAL } from "../journal/own-records.ts";
import { scopePredicate } from "./scope.ts";
import type { Scope } from "./scope.ts";
import { allOf } from "./compile/sql.ts";
import type { Params } from "./compile/sql.ts";
import type { TreeSizes } from "./tree-sizes.ts";

/** Which records a reader asked for, whatever is done with them: listed, counted, tailed or exported. */
export interface RecordFilter {
  readonly scope: Scope;
  readonly query: Query;
  /** With Tallystick's own records. */
  readonly own: boolean;
  readonly axis: TimeAxis;
  /** Half-open; null: no bound. */
  readonly fromUs: number | null;
  readonly toUs: number | null;
  /** What `now` means in the query. */
  readonly nowUs: number;
  /** Only leaves below these sizes; null: all that are indexed. */
  readonly sizes: TreeSizes | null;
  /** Who `caller` and `callee` are. */
  readonly names: CallNames;
}

export type TimeAxis = "timestamp" | "received_at";

export interface FilterPredicate {
  readonly predicate: string;
  /** As clauses of a statement that gives records whole, and of one that counts them. */
  readonly listing: string;
  readonly counting: string;
  readonly selective: boolean;
  readonly notes: readonly QueryNote[];
}

const AXIS_COLUMNS: Readonly<Record<TimeAxis, string>> = {
  timestamp: "timestamp",
  received_at: "observed_received_at",
};

export function axisColumn(axis: TimeAxis): string {
  return AXIS_COLUMNS[axis];
}

export function filterPredicate(filter: RecordFilter, params: Params): FilterPredicate {
  const { predicate, selective, notes } = compileQuery(filter.query, params, {
    nowUs: filter.nowUs,
    names: filter.names,
    period: { axis: filter.axis, fromUs: filter.fromUs, toUs: filter.toUs },
  });
  const types = namedTypes(filter.query.root);
  const around = allOf([
    scopePredicate(filter.scope, params, filter.own || types.length > 0 ? "records" : "others"),
    filter.own || types.length === 0 ? "1" : ownPredicate(types, params),
    periodPredicate(filter.axis, filter.fromUs, filter.toUs, params),
    filter.sizes === null ? "1" : sizesPredicate(filter.sizes, params),
  ]);
  const whole = allOf([around, predicate]);
  // Left to itself the engine reads the columns of the scope too before it knows which records match.
  const stepwise = predicate === "1" ? `WHERE ${whole}` : `PREWHERE ${predicate} WHERE ${around}`;
  return { predicate: whole, listing: selective ? stepwise : `WHERE ${whole}`, counting: stepwise, selective, notes };
}

/** Records of others, and own ones of these types. */
function ownPredicate(types: readonly string[], params: Params): string {
  return `observed_principal != '${OWN_PRINCIPAL}' OR event_type IN ${params.add(types, "Array(String)")}`;
}

/** Values of event_type that the query asks for; those that it only excludes are not among them. */
function namedTypes(node: QueryNode): readonly string[] {
  if (node.kind === "and" || node.kind === "or") return node.of.flatMap(namedTypes);
  if (node.kind !== "match" || node.field?.kind !== "field" || node.field.name !== "event_type") return [];
  const type = literalOf(node.value);
  return type === null ? [] : [type.toUpperCase()];
}

export function periodPredicate(axis: TimeAxis, fromUs: number | null, toUs: number | null, params: Params): string {
  const column = axisColumn(axis);
  return allOf([
    fromUs === null ? "1" : `${column} >= ${instant(fromUs, params)}`,
    toUs === null ? "1" : `${column} < ${instant(toUs, params)}`,
  ]);
}

/** A tree that is not listed has size 0: it began later. */
function sizesPredicate(sizes: TreeSizes, params: Params): string {
  const trees = params.add([...sizes.keys()], "Array(String)");
  const limits = params.add([...sizes.values()], "Array(Int64)");
  return sizes.size === 0 ? "0" : `leaf_index < transform(tree, ${trees}, ${limits}, toInt64(0))`;
}
