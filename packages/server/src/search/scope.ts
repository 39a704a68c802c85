/**
 * What a reader may see. Every function that reaches the engine demands one, so that no route can forget it; it
 * becomes a predicate of the statement and is never left to the query's text.
 */
import { DATA_CLASSES } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";

import { PARTIES, partyLine } from "../index/schema/records.ts";
import { OWN_PRINCIPAL } from "../journal/own-records.ts";
import { allOf } from "./compile/sql.ts";
import type { Params } from "./compile/sql.ts";

/** All three must let a record through. An empty list sees nothing. */
export interface Scope {
  readonly logs: readonly string[] | "*" | AllBut;
  /** A record is seen when one of them called, was called, or recorded it. */
  readonly services: readonly string[] | "*";
  /** Values of data_class; a record without one has the class `unclassified`. */
  readonly dataClasses: readonly string[] | "*";
}

interface AllBut {
  readonly allBut: readonly string[];
}

export const WHOLE_SCOPE: Scope = { logs: "*", services: "*", dataClasses: "*" };
export const EMPTY_SCOPE: Scope = { logs: [], services: [], dataClasses: [] };

/** The class of what nobody classified. */
export const UNCLASSIFIED = "unclassified";

/** `default` of `default/2026-11`. */
export function logOf(tree: string): string {
  return tree.slice(0, Math.max(tree.indexOf("/"), 0));
}

/** True when the scope sees some of the tree; which records of it only `scopePredicate` says. */
export function sees({ logs }: Scope, tree: string): boolean {
  const log = logOf(tree);
  if (logs === "*") return true;
  return "allBut" in logs ? !logs.allBut.includes(log) : logs.includes(log);
}

/** True when the scope sees every record of the tree, so that its entries may be given away as they lie. */
export function seesWhole(scope: Scope, tree: string): boolean {
  return sees(scope, tree) && scope.services === "*" && scope.dataClasses === "*";
}

/** True when the scope leaves out no service and no class, so that what names anything of a log may be shown. */
export function seesAllOf(scope: Scope, logs: readonly string[] | "*"): boolean {
  if (scope.services !== "*" || scope.dataClasses !== "*") return false;
  if (logs !== "*") return logs.every((log) => sees(scope, `${log}/`));
  // The log of who read what is closed to some roles; what people write about other logs is not in it.
  return scope.logs === "*" || "allBut" in scope.logs;
}

/** What `scopePredicate` says of one record that was read elsewhere than in the index. */
export function seesRecord(scope: Scope, tree: string, { record, observed }: ScopedLeaf): boolean {
  const { services, dataClasses } = scope;
  const parties = [record.service_id, record.target_id, record.recorder_id];
  const isTheirs = services === "*" || parties.some((name) => services.includes(name));
  const isOwn = observed.principal === OWN_PRINCIPAL;
  const isOfClass = dataClasses === "*" || (!isOwn && dataClasses.includes(record.data_class ?? UNCLASSIFIED));
  return sees(scope, tree) && isTheirs && isOfClass;
}

interface ScopedLeaf {
  readonly record: Pick<AuditRecord, "service_id" | "target_id" | "recorder_id" | "data_class">;
  readonly observed: Pick<Observed, "principal">;
}

/** What a scope is asked of: `records`, those of others than Tallystick, calls of the tally, its verdicts. */
export type ScopedRows = "records" | "others" | "calls" | "verdicts";

/** A condition on rows that have `log`, `data_class` and who they are of. Each column read costs a search. */
export function scopePredicate(scope: Scope, params: Params, rows: ScopedRows = "records"): string {
  return allOf([
    logPredicate(scope, params),
    partyPredicate(scope, params, rows),
    scope.dataClasses === "*" ? "1" : classPredicate(scope.dataClasses, params, rows),
  ]);
}

export function logPredicate({ logs }: Scope, params: Params): string {
  if (logs === "*") return "1";
  return "allBut" in logs ? not(among(logs.allBut, params, "log")) : among(logs, params, "log");
}

function partyPredicate(scope: Scope, params: Params, rows: ScopedRows): string {
  if (rows === "calls") return servicePredicate(scope, params, ["caller", "callee"]);
  if (rows === "verdicts")
    return servicePredicate(scope, params, ["attributes['tally.caller']", "attributes['tally.callee']"]);
  // What Tallystick writes (verdicts, reads, alerts) quotes records of any class and has none itself.
  const withOwn = rows === "records" && scope.dataClasses === "*";
  if (scope.services === "*") return withOwn ? "1" : `observed_principal != '${OWN_PRINCIPAL}'`;
  const whose = withOwn ? (["others", "own"] as const) : (["others"] as const);
  const lines = [...new Set(scope.services)].flatMap((name) => whose.map((of) => partyLine(name, of)));
  const parts = Array.from({ length: Math.ceil(lines.length / MAX_SOUGHT) }, (_, part) =>
    lines.slice(part * MAX_SOUGHT, (part + 1) * MAX_SOUGHT),
  );
  const sought = parts.map((part) => `multiSearchAny(${PARTIES}, ${params.add(part, "Array(String)")})`);
  return sought.length === 0 ? "0" : sought.join(" OR ");
}

/** As many texts as the engine looks for at once. */
const MAX_SOUGHT = 255;

/** A condition on `columns`, which hold names of services. */
export function servicePredicate({ services }: Scope, params: Params, columns: readonly string[]): string {
  if (services === "*") return "1";
  if (services.length === 0) return "0";
  const list = params.add(services, "Array(String)");
  return columns.map((column) => `${column} IN ${list}`).join(" OR ");
}

function classPredicate(classes: readonly string[], params: Params, rows: ScopedRows): string {
  // A verdict has no class of its own; whoever reads verdicts as such looks at the halves that each is about.
  if (rows === "verdicts") return "1";
  const names = classes.map((name) => (name === UNCLASSIFIED ? "" : name));
  // Who may see every class there is needs none of them looked at: a column less to read.
  return EVERY_CLASS.every((name) => names.includes(name)) ? "1" : among(names, params, "data_class");
}

const EVERY_CLASS: readonly string[] = ["", ...DATA_CLASSES];

function among(values: readonly string[], params: Params, column: string): string {
  return values.length === 0 ? "0" : `${column} IN ${params.add(values, "Array(String)")}`;
}

const not = (predicate: string): string => (predicate === "0" ? "1" : `NOT (${predicate})`);
