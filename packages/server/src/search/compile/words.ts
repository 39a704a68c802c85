import type { ValuePart } from "../language/syntax.ts";
import { regexLiteral } from "./sql.ts";

/**
 * Words as the text index knows them: runs of ASCII letters and digits and of everything beyond ASCII, in lower
 * case. The column `words` joins a record's texts by line feeds, so words next to each other stand in one line of
 * one text.
 */

const SEPARATORS = /[^0-9A-Za-z\u0080-\u{10FFFF}]+/u;
/** The same in RE2, over text in lower case. */
const NO_WORD = String.raw`[^0-9a-z\x{80}-\x{10FFFF}]`;
const BETWEEN = String.raw`[^0-9a-z\x{80}-\x{10FFFF}\n]+`;
const BEGIN = `(?:^|${NO_WORD})`;
const END = `(?:$|${NO_WORD})`;
const NO_SPACE = String.raw`\S`;

export function wordsOf(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(SEPARATORS)
    .filter((word) => word !== "");
}

/** RE2: the words next to each other in one line. */
export function phrasePattern(words: readonly string[]): string {
  return BEGIN + words.map((word) => regexLiteral(word)).join(BETWEEN) + END;
}

/**
 * RE2: `*` is any run without a space, `?` one character that is none; it begins and ends where words do, unless
 * with `*`.
 */
export function wildcardPattern(parts: readonly ValuePart[]): string {
  const body = parts.map((part) => {
    if (part.kind === "literal") return regexLiteral(part.text.toLowerCase());
    return part.kind === "any" ? `${NO_SPACE}*` : NO_SPACE;
  });
  return (isWordAt(parts[0], 0) ? BEGIN : "") + body.join("") + (isWordAt(parts.at(-1), -1) ? END : "");
}

function isWordAt(part: ValuePart | undefined, at: 0 | -1): boolean {
  if (part?.kind !== "literal") return part?.kind === "one";
  const character = at === 0 ? String.fromCodePoint(part.text.codePointAt(0) ?? 0) : part.text.slice(-1);
  return !SEPARATORS.test(character);
}

/** The longest run of letters and digits among the literals: what an index of words can look for. */
export function longestRun(parts: readonly ValuePart[]): string {
  const runs = parts.flatMap((part) => (part.kind === "literal" ? wordsOf(part.text) : []));
  return runs.reduce((longest, run) => (run.length > longest.length ? run : longest), "");
}
