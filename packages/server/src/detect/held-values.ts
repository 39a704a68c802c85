/**
 * What the records of a range hold, asked of the engine in one short statement: a rule that can find nothing there
 * costs neither planning nor rows. Of fields with few values these are asked for; of others, and of all texts of a
 * record, whether any meets what rules compare them with.
 */
import { COLUMNS } from "../index/columns.ts";
import type { Statement } from "../index/index-seam.ts";
import type { ReadRange } from "../index/newest.ts";
import { textOf } from "../index/schema/records.ts";
import { Params } from "../search/compile/sql.ts";
import { AskedMatches } from "./asked-matches.ts";
import {
  FEW_KEYWORDS,
  FULL_RANGES,
  MAX_HELD_ATTRIBUTES,
  MAX_HELD_TESTS,
  MAX_HELD_TEXT,
  MAX_HELD_VALUES,
} from "./limits.ts";
import { withinRange } from "./pass-sql.ts";
import { meetsAny } from "./sigma/compile.ts";
import { askedFields, mayBe } from "./sigma/held.ts";
import type { FieldSql } from "./sigma/field-sql.ts";
import type { Held } from "./sigma/held.ts";
import type { LinkedRule } from "./sigma/link.ts";
import { attributeName, recordsSql } from "./sigma/records-sql.ts";
import type { Match, Test } from "./sigma/syntax.ts";
import { TestGroups } from "./sigma/test-groups.ts";

/** Least and greatest number by `n` and the field's place, whether tests are met by `m` and the group's place. */
export interface HeldRow extends Readonly<Record<string, unknown>> {
  /** Names of attributes, then of each field its different texts. */
  readonly texts: readonly (readonly string[])[];
}

export interface HeldQuestion {
  readonly statement: Statement;
  /** The rules that may find something, by the statement's answer. */
  readonly ableIn: (row: HeldRow) => ReadonlySet<LinkedRule>;
}

interface Question {
  readonly fields: readonly string[];
  readonly texts: readonly string[];
  readonly spans: readonly string[];
  readonly groups: readonly TestGroup[];
  /** Fields whose texts are asked for, and which are a whole column of text. */
  readonly columns: ReadonlyMap<string, string>;
}

interface TestGroup {
  /** Null: all texts of a record. */
  readonly field: string | null;
  readonly tests: readonly Test[];
}

const SQL = recordsSql({ history: () => "0", within: "1" });

export class HeldValues {
  /** Attributes that a rule asks for and a record had. Others are seldom there, so that their names are enough. */
  readonly #attributes = new Set<string>();
  /** Fields that had too many values, and over how many ranges they are not asked for. */
  readonly #full = new Map<string, number>();
  /** What fields held over the range before. */
  readonly #texts = new Map<string, ReadonlySet<string>>();
  readonly #groups = new TestGroups();
  readonly #matches = new AskedMatches();
  /** Over how many ranges no tests are asked about. */
  #withoutTests = 0;

  ask(rules: readonly LinkedRule[], range: ReadRange): HeldQuestion {
    const params = new Params();
    const question = this.#question(this.#matches.of(rules));
    const lists = [ATTRIBUTE_NAMES, ...question.texts.map((field) => SQL.field(field))].map(distinct);
    const columns = [
      // A function of a list costs more to plan than all lists cost to cut.
      `arrayMap(list -> arrayMap(v -> substring(v, 1, ${MAX_HELD_TEXT + 1}), list), [${lists.join(", ")}]) AS texts`,
      ...question.spans.map((field, at) => {
        const { number, present } = SQL.field(field);
        return `[minOrNullIf(${number}, ${present}), maxOrNullIf(${number}, ${present})] AS n${at}`;
      }),
      ...question.groups.map((group, at) => `max(toUInt8(${metSql(group, question.columns)})) AS m${at}`),
    ];
    return {
      statement: params.statement(
        `SELECT ${columns.join(", ")} FROM ${range.table} WHERE ${withinRange(range, params)}`,
      ),
      ableIn: (row) => this.#matches.ableIn(this.#read(row, question), rules),
    };
  }

  /** The engine did not take the question: the tests are what may be wrong with it. */
  refused(): void {
    this.#withoutTests = FULL_RANGES;
  }

  #question(matches: readonly Match[]): Question {
    const asked = askedFields(matches);
    const isNumber = (field: string): boolean => SQL.field(field).number !== null;
    const spans = [...asked.numbers].filter((field) => isNumber(field));
    const others = [...asked.numbers].filter((field) => !isNumber(field));
    const fields = [...new Set([...asked.texts, ...others])];
    const read = fields.filter((field) => {
      const attribute = attributeName(field);
      return attribute === null || this.#attributes.has(attribute);
    });
    const texts = read.filter((field) => !this.#isFull(field));
    const groups = this.#areTestsAsked()
      ? [null, ...read].flatMap((field) => {
          const all = asked.tests.get(field) ?? [];
          // Of values that are known only the engine can tell what a regular expression matches.
          const isKnown = field !== null && texts.includes(field);
          const tests = isKnown ? all.filter(({ kind }) => kind === "regex") : all;
          const some = this.#groups.of(field, tests.slice(0, MAX_HELD_TESTS));
          return some.map((group) => ({ field, tests: group }));
        })
      : [];
    return { fields, texts, spans, groups, columns: new Map(texts.map((field) => [columnSql(field), field])) };
  }

  #areTestsAsked(): boolean {
    if (this.#withoutTests === 0) return true;
    this.#withoutTests -= 1;
    return false;
  }

  #isFull(field: string): boolean {
    const left = this.#full.get(field) ?? 0;
    if (left > 1) this.#full.set(field, left - 1);
    else this.#full.delete(field);
    return left > 0;
  }

  #read(row: HeldRow, question: Question): Held {
    const { fields, texts, spans } = question;
    const [names = null, ...lists] = row.texts.map(known);
    const attributes = new Map(fields.map((field) => [field, attributeName(field)]));
    for (const name of attributes.values()) {
      const isThere = name !== null && (names === null || names.includes(name));
      if (isThere && this.#attributes.size < MAX_HELD_ATTRIBUTES) this.#attributes.add(name);
    }
    const byField = new Map(texts.map((field, at) => [field, this.#asBefore(field, lists[at] ?? null)]));
    for (const [field, found] of byField) if (found === null) this.#full.set(field, FULL_RANGES);
    const bySpan = new Map(spans.map((field, at) => [field, row[`n${at}`] as readonly [number | null, number | null]]));
    const unmet = this.#unmet(row, question);
    // Of columns whose texts are known the engine was not asked.
    const others = [...question.columns.values()].map((field) => byField.get(field) ?? null);
    return {
      texts(field) {
        const found = byField.get(field);
        if (found !== undefined) return found;
        const attribute = attributes.get(field) ?? null;
        return attribute !== null && names !== null && !names.includes(attribute) ? NONE : null;
      },
      span(field) {
        const found = bySpan.get(field);
        return found === undefined ? null : { least: found[0] ?? Infinity, greatest: found[1] ?? -Infinity };
      },
      isUnmet(field, test) {
        if (!(unmet.get(field)?.has(test) ?? false)) return false;
        const isNowhere = (found: ReadonlySet<string>): boolean => [...found].every((text) => !mayBe(test, text));
        return field !== null || others.every((found) => found !== null && isNowhere(found));
      },
    };
  }

  /** The same object while the field holds the same, so that it is compared with rules once. */
  #asBefore(field: string, texts: readonly string[] | null): ReadonlySet<string> | null {
    if (texts === null) return null;
    const before = this.#texts.get(field);
    const isSame = before?.size === texts.length && texts.every((text) => before.has(text));
    const found = before !== undefined && isSame ? before : new Set(texts);
    this.#texts.set(field, found);
    return found;
  }

  #unmet(row: HeldRow, { groups }: Question): ReadonlyMap<string | null, ReadonlySet<Test>> {
    const answers = groups.map((group, at) => ({ ...group, isMet: Number(row[`m${at}`]) === 1 }));
    const unmet = new Map<string | null, ReadonlySet<Test>>();
    for (const field of new Set(groups.map((group) => group.field))) {
      const own = answers.filter((answer) => answer.field === field);
      unmet.set(field, new Set(own.filter(({ isMet }) => !isMet).flatMap(({ tests }) => tests)));
      this.#groups.answered(
        field,
        own.map(({ tests }) => tests),
        own.map(({ isMet }) => isMet),
      );
    }
    return unmet;
  }
}

/** The column that the field is; where it is none, what is nobody's name. */
const columnSql = (field: string): string => {
  const { text, values } = SQL.field(field);
  return text === null ? values : columnOf(text);
};

/** `toString(column)` without what makes text of a text. */
const columnOf = (text: string): string => text.replace(/^toString\((\w+)\)$/, "$1");

/** A predicate: some value of the field meets a test; of all texts, those of the columns that are not known. */
function metSql({ field, tests }: TestGroup, columns: ReadonlyMap<string, string>): string {
  if (field !== null) return SQL.field(field).some((text) => meetsAny(tests, text));
  const texts = COLUMNS.filter(({ name, words }) => words && !columns.has(name)).map(textOf);
  if (texts.length === 0) return "0";
  // Column by column costs less to compare, and more to read the longer the list of what is looked for.
  if (tests.length > FEW_KEYWORDS) return meetsAny(tests, `concatWithSeparator('\\n', ${texts.join(", ")})`);
  return texts.map((text) => meetsAny(tests, text)).join(" OR ");
}

const NONE: ReadonlySet<string> = new Set();
const ATTRIBUTE_NAMES = { text: null, present: "1", values: "mapKeys(attributes)" };

/** An aggregate: the different texts, one more than may be. */
function distinct({ text, present, values }: Pick<FieldSql, "text" | "present" | "values">): string {
  const most = `(${MAX_HELD_VALUES + 1})`;
  // A list made of each single value would be most of the cost, and a text made of each text a part of it.
  if (text === null) return `groupUniqArrayArray${most}(${values})`;
  if (present === "1") return `groupUniqArray${most}(${columnOf(text)})`;
  return `groupUniqArrayIf${most}(${columnOf(text)}, ${present})`;
}

/** Null where that is not all. */
function known(texts: readonly string[]): readonly string[] | null {
  const isWhole = texts.length <= MAX_HELD_VALUES && texts.every((text) => text.length <= MAX_HELD_TEXT);
  return isWhole ? texts : null;
}
