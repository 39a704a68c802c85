/**
 * What the records of a range hold, asked of the engine in one short statement: a rule that can find nothing there
 * costs neither planning nor rows.
 */
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { FULL_RANGES, MAX_HELD_ATTRIBUTES, MAX_HELD_TEXT, MAX_HELD_VALUES } from "./limits.ts";
import { withinRange } from "./pass-sql.ts";
import type { Range } from "./pass-sql.ts";
import { askedFields } from "./sigma/held.ts";
import type { FieldSql } from "./sigma/field-sql.ts";
import type { Held } from "./sigma/held.ts";
import type { LinkedRule } from "./sigma/link.ts";
import { attributeName, recordsSql } from "./sigma/records-sql.ts";

/** Texts by `t` and the field's place, least and greatest number by `n` and its place, and names of attributes. */
export interface HeldRow extends Readonly<Record<string, unknown>> {
  readonly attribute_names: readonly string[];
}

export interface HeldQuestion {
  readonly statement: Statement;
  readonly read: (row: HeldRow) => Held;
}

export class HeldValues {
  /** Attributes that a rule asks for and a record had. Others are seldom there, so that their names are enough. */
  readonly #attributes = new Set<string>();
  /** Fields that had too many values, and over how many ranges they are not asked for. */
  readonly #full = new Map<string, number>();

  ask(rules: readonly LinkedRule[], range: Range): HeldQuestion {
    const params = new Params();
    const sql = recordsSql({ history: () => "0", within: "1" });
    const asked = askedFields(rules);
    const spans = [...asked.numbers].filter((field) => sql.field(field).number !== null);
    const others = [...asked.numbers].filter((field) => sql.field(field).number === null);
    const fields = [...new Set([...asked.texts, ...others])];
    const texts = fields.filter((field) => {
      const attribute = attributeName(field);
      return !this.#isFull(field) && (attribute === null || this.#attributes.has(attribute));
    });
    const columns = [
      ...texts.map((field, at) => `${distinct(sql.field(field))} AS t${at}`),
      ...spans.map((field, at) => {
        const { number, present } = sql.field(field);
        return `[minOrNullIf(${number}, ${present}), maxOrNullIf(${number}, ${present})] AS n${at}`;
      }),
      `${distinct({ text: null, present: "1", values: "mapKeys(attributes)" })} AS attribute_names`,
    ];
    return {
      statement: params.statement(`SELECT ${columns.join(", ")} FROM records WHERE ${withinRange(range, params)}`),
      read: (row) => this.#read(row, { fields, texts, spans }),
    };
  }

  #isFull(field: string): boolean {
    const left = this.#full.get(field) ?? 0;
    if (left > 1) this.#full.set(field, left - 1);
    else this.#full.delete(field);
    return left > 0;
  }

  #read(row: HeldRow, { fields, texts, spans }: Record<"fields" | "texts" | "spans", readonly string[]>): Held {
    const names = known(row.attribute_names);
    const attributes = new Map(fields.map((field) => [field, attributeName(field)]));
    for (const name of attributes.values()) {
      const isThere = name !== null && (names === null || names.includes(name));
      if (isThere && this.#attributes.size < MAX_HELD_ATTRIBUTES) this.#attributes.add(name);
    }
    const byField = new Map(texts.map((field, at) => [field, known(row[`t${at}`] as readonly string[])]));
    for (const [field, found] of byField) if (found === null) this.#full.set(field, FULL_RANGES);
    const bySpan = new Map(spans.map((field, at) => [field, row[`n${at}`] as readonly [number | null, number | null]]));
    return {
      texts(field) {
        const found = byField.get(field);
        if (found !== undefined) return found;
        const attribute = attributes.get(field) ?? null;
        return attribute !== null && names !== null && !names.includes(attribute) ? [] : null;
      },
      span(field) {
        const found = bySpan.get(field);
        return found === undefined ? null : { least: found[0] ?? Infinity, greatest: found[1] ?? -Infinity };
      },
    };
  }
}

/** An aggregate: the different texts, one more than may be and a little longer than may be. */
function distinct({ text, present, values }: Pick<FieldSql, "text" | "present" | "values">): string {
  const most = `(${MAX_HELD_VALUES + 1})`;
  // A list made of each single value would be most of the cost.
  const all = text === null ? `groupUniqArrayArray${most}(${values})` : `groupUniqArrayIf${most}(${text}, ${present})`;
  return `arrayMap(v -> substring(v, 1, ${MAX_HELD_TEXT + 1}), ${all})`;
}

/** Null where that is not all. */
function known(texts: readonly string[]): readonly string[] | null {
  const isWhole = texts.length <= MAX_HELD_VALUES && texts.every((text) => text.length <= MAX_HELD_TEXT);
  return isWhole ? texts : null;
}
