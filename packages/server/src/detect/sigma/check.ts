/** Whether rules can be run: every document of every file is read, linked with the others and compiled. */
import { compileRule, fieldsOf } from "./correlation-sql.ts";
import { eventsTable } from "./events-table.ts";
import { RuleFault } from "./fault.ts";
import { MAX_RULE_SQL_LENGTH } from "./limits.ts";
import { linkRules } from "./link.ts";
import type { LinkedRule } from "./link.ts";
import { NO_PLACEHOLDERS } from "./modifiers.ts";
import type { Placeholders } from "./modifiers.ts";
import { parseRules } from "./parse.ts";
import { throughPipelines } from "./pipeline.ts";
import type { Pipeline } from "./pipeline.ts";
import { matchesOf } from "./syntax.ts";
import type { SigmaDocument } from "./syntax.ts";

export interface RuleFile {
  readonly file: string;
  /** Null: it could not be read, and `reason` says why. */
  readonly text: string | null;
  readonly reason?: string;
}

export interface CheckedRule {
  readonly file: string;
  readonly id: string | null;
  readonly title: string | null;
  readonly fault: RuleFault | null;
  /** Null of a filter and of what is refused. */
  readonly rule: LinkedRule | null;
}

export interface CheckSettings {
  readonly placeholders?: Placeholders;
  readonly pipelines?: readonly Pipeline[];
}

/** One of each document, in the order of the files. Nothing is thrown. */
export function checkRules(files: readonly RuleFile[], settings: CheckSettings = {}): readonly CheckedRule[] {
  const { pipelines = [] } = settings;
  const placeholders = placeholdersOf(settings);
  const documents: SigmaDocument[] = [];
  const pending: { checked: CheckedRule; at: number | null }[] = [];
  for (const { file, text, reason } of files) {
    const refused = (id: string | null, fault: RuleFault): void => {
      pending.push({ checked: { file, id, title: null, fault, rule: null }, at: null });
    };
    if (text === null) {
      refused(null, new RuleFault({ line: 1, column: 1 }, reason ?? "the file cannot be read"));
      continue;
    }
    const read = parseRules(text, placeholders);
    if (read.length === 0) refused(null, new RuleFault({ line: 1, column: 1 }, "there is no rule"));
    for (const parsed of read) {
      if (parsed.kind === "refused") {
        refused(parsed.id, parsed.fault);
        continue;
      }
      const { id, title } = parsed.document;
      pending.push({ checked: { file, id, title, fault: null, rule: null }, at: documents.length });
      documents.push(parsed.document);
    }
  }
  const linked = linkRules(documents);
  return pending.map(({ checked, at }) => {
    const link = at === null ? null : linked[at]!;
    if (link === null || link.kind === "filter") return checked;
    if (link.kind === "refused") return { ...checked, fault: link.fault };
    const piped = pipedOrFault(link.rule, pipelines);
    if (piped instanceof RuleFault) return { ...checked, fault: piped };
    const fault = compileFault(piped);
    return { ...checked, fault, rule: fault === null ? piped : null };
  });
}

/** What the settings say themselves comes before what pipelines say. */
function placeholdersOf({ placeholders = NO_PLACEHOLDERS, pipelines = [] }: CheckSettings): Placeholders {
  return new Map([...pipelines.flatMap((pipeline) => [...pipeline.placeholders]), ...placeholders]);
}

function pipedOrFault(rule: LinkedRule, pipelines: readonly Pipeline[]): LinkedRule | RuleFault {
  try {
    return throughPipelines(rule, pipelines);
  } catch (error) {
    if (error instanceof RuleFault) return error;
    throw error;
  }
}

function compileFault(rule: LinkedRule): RuleFault | null {
  const table = eventsTable("events", ruleFields(rule), true);
  const size = compileRule(rule, table.sql).length;
  if (size <= MAX_RULE_SQL_LENGTH) return null;
  return new RuleFault(
    rule.rule.place,
    `the rule compiles to ${size} letters of SQL, and ${MAX_RULE_SQL_LENGTH} is the most`,
  );
}

/** The fields that a rule asks for, each once. */
export function ruleFields(rule: LinkedRule): readonly string[] {
  const fields = fieldsOf(rule, (linked) =>
    linked.kind !== "rule"
      ? []
      : matchesOf(linked.root).flatMap(({ field, test }) => [
          ...(field === null ? [] : [field]),
          ...(test.kind === "field" ? [test.name] : []),
        ]),
  );
  return [...new Set(fields)];
}
