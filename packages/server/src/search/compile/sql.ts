import type { Statement } from "../../index/index-seam.ts";
import type { Condition } from "../../index/predicates.ts";

/**
 * The one way a value comes into a statement: as a typed parameter. The text of a statement is made of constants of
 * this folder and of names out of the column table, never of what a reader wrote.
 */
export type ParamType = "String" | "Int64" | "UInt64" | "Float64" | "Array(String)" | "Array(UInt64)" | "Array(Int64)";

export class Params {
  private readonly values: Record<string, unknown> = {};
  private count = 0;

  /** The placeholder, as `{p1:String}`. */
  add(value: string | number | readonly string[] | readonly number[], type: ParamType): string {
    this.count++;
    const name = `p${this.count}`;
    this.values[name] = value;
    return `{${name}:${type}}`;
  }

  text(value: string): string {
    return this.add(value, "String");
  }

  /** A condition that makes its own parameters, whose names begin with the one it is given. */
  condition(make: (param: string) => Condition): string {
    this.count++;
    const { sql, params } = make(`p${this.count}`);
    Object.assign(this.values, params);
    return sql;
  }

  statement(sql: string): Statement {
    return { sql, params: this.values };
  }
}

/** A pattern for LIKE out of text that is meant literally. */
export function likeLiteral(text: string): string {
  return text.replaceAll(/[\\%_]/g, String.raw`\$&`);
}

/** A regular expression (RE2) out of text that is meant literally. */
export function regexLiteral(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

export function allOf(predicates: readonly string[]): string {
  const needed = predicates.filter((predicate) => predicate !== "1");
  return needed.length === 0 ? "1" : needed.map((predicate) => `(${predicate})`).join(" AND ");
}
