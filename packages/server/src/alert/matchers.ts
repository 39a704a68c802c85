/** Which alerts something is about: conditions on labels, written as in Alertmanager: `level=high`, `service=~"a|b"`. */
import { RE2JS } from "re2js";

import { TallystickError } from "../errors.ts";
import type { Alert } from "./alert.ts";
import { MAX_MATCHER_LENGTH } from "./limits.ts";

export type MatchOperator = "=" | "!=" | "=~" | "!~";

export interface Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  matches(labels: Labels): boolean;
}

export type Labels = Readonly<Record<string, string>>;

const FORM = /^\s*([A-Za-z_][A-Za-z0-9_.:-]{0,63})\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\["\\n])*)"|([^"\s][^"]*?)?)\s*$/;

/** What is wrong with the text, or null. */
export function matcherFault(text: string): string | null {
  const parsed = parts(text);
  if (parsed === null) return 'is no matcher; one is written level=high, service!="a b" or title=~"Token.*"';
  if (!parsed.operator.endsWith("~")) return null;
  try {
    RE2JS.compile(parsed.value);
    return null;
  } catch (cause) {
    return `has a regular expression that cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

/** TallystickError `bad_request`. Regular expressions are RE2 and match the whole value, as in Alertmanager. */
export function parseMatcher(text: string): Matcher {
  const fault = matcherFault(text);
  const parsed = parts(text);
  if (fault !== null || parsed === null) throw new TallystickError("bad_request", `${text.slice(0, 80)} ${fault}.`);
  const { name, operator, value } = parsed;
  const expression = operator.endsWith("~") ? RE2JS.compile(value) : null;
  const holds = (found: string) => (expression === null ? found === value : expression.matches(found));
  const isNegative = operator.startsWith("!");
  // A label that is not there is as good as an empty one.
  return { name, operator, value, matches: (labels) => holds(labels[name] ?? "") !== isNegative };
}

export function parseMatchers(texts: readonly string[]): readonly Matcher[] {
  return texts.map(parseMatcher);
}

export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) => matcher.matches(labels));
}

export function matcherText({ name, operator, value }: Pick<Matcher, "name" | "operator" | "value">): string {
  return `${name}${operator}${JSON.stringify(value)}`;
}

/** What can be matched of an alert: its labels, and what its rule says of it. */
export function labelsOf({ finding }: Pick<Alert, "finding">): Labels {
  const { ruleId, title, level, kind, labels } = finding;
  return { ...labels, rule_id: ruleId, title, level, kind };
}

function parts(text: string): Pick<Matcher, "name" | "operator" | "value"> | null {
  const [, name, operator, quoted, bare] = (text.length <= MAX_MATCHER_LENGTH ? FORM.exec(text) : null) ?? [];
  if (name === undefined || operator === undefined) return null;
  const value = quoted?.replaceAll(/\\(.)/g, (_, found: string) => (found === "n" ? "\n" : found)) ?? bare ?? "";
  return { name, operator: operator as MatchOperator, value };
}
