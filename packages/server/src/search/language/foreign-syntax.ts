import { syntaxError } from "./fault.ts";
import type { Word } from "./scanner.ts";
import type { QueryNote } from "./syntax.ts";

/**
 * What Lucene has and this language has not. It is never read as something else in silence: what can only be meant so
 * is a fault, what may as well be a path is a note.
 */
export function foreignSyntax({ raw, column }: Word): QueryNote | null {
  const plain = raw.replaceAll(/\\[^]/g, "xx");
  const suffix = /[~^]\d*(?:\.\d+)?$/.exec(plain);
  if (suffix !== null && suffix.index > 0) {
    const mark = suffix[0].charAt(0);
    const problem = mark === "~" ? "There is no fuzzy search." : "There is no boost.";
    throw syntaxError(column + suffix.index, problem, `a space, or \\${mark} when ${mark} is meant`);
  }
  const [, inner] = /^\/([^/]+)\/$/.exec(plain) ?? [];
  if (inner === undefined) return null;
  if (/[+|^$[\]{}]|\.[*?]/.test(inner) || raw.includes("\\")) {
    throw syntaxError(column, "There are no regular expressions.", "a word with * and ?, or the text in quotes");
  }
  const message = `\`${raw}\` is searched as it is written; there are no regular expressions.`;
  return { code: "no_regular_expression", column, message };
}
