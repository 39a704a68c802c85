/**
 * Regular expressions of rules run in RE2, whose time grows with the text alone. What it does not know (looking around,
 * back references, possessive and atomic groups) is refused, never changed into something else.
 */
import { RE2JS } from "re2js";

import type { Value } from "./document.ts";
import { MAX_REGEX_LENGTH } from "./limits.ts";

const FLAGS: Readonly<Record<string, number>> = {
  i: RE2JS.CASE_INSENSITIVE,
  m: RE2JS.MULTILINE,
  s: RE2JS.DOTALL,
};

/** RE2 knows no larger count of repetitions, and neither may nested ones come to more. */
const MAX_REPEATS = 1_000;

const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/\(\?<?[=!]/, "looks around (lookahead or lookbehind)"],
  [/\(\?>/, "has an atomic group"],
  [/[*+?}]\+/, "has a possessive quantifier"],
  [/\\[1-9]/, "refers back to a group"],
  [/\(\?(?:P=|R|&|\()/, "has a recursion or a condition"],
];

export function checkRegex(source: string, flags: string, at: Value): void {
  if (source.length > MAX_REGEX_LENGTH)
    throw at.fault(`the regular expression is longer than the ${MAX_REGEX_LENGTH} characters that it may have`);
  const plain = source.replaceAll(/\\\\/g, "__");
  let fault: string | null = null;
  try {
    RE2JS.compile(
      source,
      Array.from(flags).reduce((sum, flag) => sum | (FLAGS[flag] ?? 0), 0),
    );
  } catch (error) {
    const known = REFUSED.find(([pattern]) => pattern.test(plain));
    fault = known?.[1] ?? (error instanceof Error ? error.message.slice(0, 200) : "cannot be read");
  }
  if (fault !== null) throw at.fault(`RE2 does not take the regular expression: it ${phrase(fault)}`);
  if (repeats(plain) > MAX_REPEATS)
    throw at.fault(`the regular expression repeats more than ${MAX_REPEATS} times what repeats itself`);
}

const phrase = (fault: string): string => (/^(?:looks|has|refers)/.test(fault) ? fault : `is broken (${fault})`);

/** The most that counted repetitions within each other come to, however they are nested. */
function repeats(source: string): number {
  let most = 1;
  const open: number[] = [];
  let inside = 1;
  const pattern = /\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?[^)]*?:)?|\)|\{(\d+)(?:,(\d*))?\}/gs;
  let product = 1;
  for (const [token, least, upper] of source.matchAll(pattern)) {
    if (token.startsWith("(")) {
      open.push(product);
      product = 1;
    } else if (token === ")") {
      inside = product;
      product = Math.max(open.pop() ?? 1, inside);
    } else if (token.startsWith("{")) {
      product = Math.max(product, inside * Math.max(Number(least), Number(upper ?? 0), 1));
      most = Math.max(most, product);
      inside = 1;
    } else inside = 1;
  }
  return most;
}
