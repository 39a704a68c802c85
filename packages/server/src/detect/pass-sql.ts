/** The statement that runs many rules over a range of records and gathers what each found by what it is about. */
import { stringLiteral } from "../index/engine/statement.ts";
import type { Statement } from "../index/index-seam.ts";
import type { LeafRange, ReadRange, RecordsTableName } from "../index/newest.ts";
import { RECORDS } from "../index/schema/records.ts";
import { Params } from "../search/compile/sql.ts";
import { LATE_S, MAX_FINDING_RECORDS, MAX_FINDINGS_PER_RULE } from "./limits.ts";
import type { LinkedCorrelation, LinkedRule } from "./sigma/link.ts";
import { compileRule } from "./sigma/correlation-sql.ts";
import { hitsSql, ofHitSql } from "./sigma/hits-sql.ts";
import { promisingSql } from "./sigma/promising.ts";
import { recordsSql } from "./sigma/records-sql.ts";
import type { RecordsRange } from "./sigma/records-sql.ts";

export interface PassRow {
  /** The rule's place in the list. */
  readonly rule: number;
  /** Of `labelNames`. */
  readonly labels: readonly string[];
  readonly count: number;
  readonly first_us: number;
  readonly last_us: number;
  /** Tree and leaf index. To read of which call every record is would be up to half of what a pass costs. */
  readonly records: readonly (readonly [string, number])[];
}

/** A predicate over `records`. */
export function withinRange({ tree, from, to }: LeafRange, params: Params): string {
  const [first, end] = [params.add(from, "Int64"), params.add(to, "Int64")];
  return `tree = ${params.text(tree)} AND leaf_index >= ${first} AND leaf_index < ${end}`;
}

/** What a finding of the rule is about. */
export function labelNames(rule: LinkedRule): readonly string[] {
  return rule.kind === "correlation" ? rule.rule.groupBy : ["caller", "callee", "operation"];
}

/** `sinceUs`: when the oldest record of the range was received; of rules without correlations it does not matter. */
export function passStatement(rules: readonly LinkedRule[], range: ReadRange, sinceUs: number): Statement {
  const params = new Params();
  return params.statement(gatherSql(rules, looksAt(range, sinceUs, params), range.table));
}

/** Asks which of the correlations can find something in the range. */
export function promisingStatement(rules: readonly LinkedCorrelation[], range: LeafRange, sinceUs: number): Statement {
  const params = new Params();
  return params.statement(promisingSql(rules, recordsSql(looksAt(range, sinceUs, params))));
}

function looksAt(range: LeafRange, sinceUs: number, params: Params): RecordsRange {
  const { tree, to } = range;
  const own = params.text(tree);
  const end = params.add(to, "Int64");
  const within = withinRange(range, params);
  const log = params.text(tree.slice(0, tree.indexOf("/")));
  const history = (spanS: number): string => {
    const start = Math.max(0, Math.floor(sinceUs / 1_000_000) - spanS - LATE_S);
    return `log = ${log} AND observed_received_at >= toDateTime64(${start}, 6, 'UTC') AND (tree != ${own} OR leaf_index < ${end})`;
  };
  return { within, history, isOfOneTree: true };
}

/**
 * Of a rule that found more than MAX_FINDINGS_PER_RULE one further row says that there is more. The rules stand in it
 * once: for the engine to read what they say costs as much as to run them.
 */
function gatherSql(rules: readonly LinkedRule[], looked: RecordsRange, table: RecordsTableName): string {
  const sql = recordsSql(looked);
  const hits = hitsSql(rules.map((rule) => compileRule(rule, sql)));
  const received = "toUnixTimestamp64Micro(observed_received_at)";
  return (
    `SELECT toUInt32(found) AS rule, ${labelsSql(rules)} AS labels, toUInt64(count()) AS count, min(${received}) AS first_us, ` +
    `max(${received}) AS last_us, groupArraySorted(${MAX_FINDING_RECORDS})((tree, leaf_index)) AS records ` +
    `FROM ${table} ARRAY JOIN ${hits} AS found ${table === RECORDS ? "PREWHERE" : "WHERE"} ${looked.within} ` +
    `GROUP BY rule, labels ORDER BY rule, count DESC LIMIT ${MAX_FINDINGS_PER_RULE + 1} BY rule`
  );
}

/** The labels of the rule whose place is `found`. */
function labelsSql(rules: readonly LinkedRule[]): string {
  const sql = recordsSql({ history: () => "0", within: "1" });
  const text = (name: string): string => sql.field(name).joined(", ");
  const lists = rules.map((rule) => {
    const names = labelNames(rule);
    return names.length === 0 ? `[${stringLiteral("")}]` : `[${names.map(text).join(", ")}]`;
  });
  return ofHitSql(lists, "found");
}
