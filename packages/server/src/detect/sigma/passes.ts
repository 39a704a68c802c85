/** Rules that run in one statement each time. */
import { compileRule } from "./correlation-sql.ts";
import { MAX_PASS_RULES, MAX_PASS_SQL_LENGTH } from "./limits.ts";
import type { LinkedRule } from "./link.ts";
import { recordsSql } from "./records-sql.ts";

const LENGTHS = new WeakMap<LinkedRule, number>();

/** By how long they are over our records. */
export function passesOf<Rule>(
  rules: readonly Rule[],
  linkedOf: (rule: Rule) => LinkedRule,
): readonly (readonly Rule[])[] {
  return cut(rules, (rule) => {
    const linked = linkedOf(rule);
    const length = LENGTHS.get(linked) ?? compileRule(linked, recordsSql({ history: () => "1", within: "1" })).length;
    LENGTHS.set(linked, length);
    return length;
  });
}

export function cut<Item>(items: readonly Item[], lengthOf: (item: Item) => number): readonly (readonly Item[])[] {
  const all: Item[][] = [];
  let size = 0;
  for (const item of items) {
    const last = all.at(-1);
    const length = lengthOf(item);
    if (last === undefined || last.length >= MAX_PASS_RULES || size + length > MAX_PASS_SQL_LENGTH) {
      all.push([item]);
      size = length;
    } else {
      last.push(item);
      size += length;
    }
  }
  return all;
}
