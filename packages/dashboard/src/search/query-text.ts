import { term } from "../page/links.tsx";

/** The query as text: its parts for the eye, what is being typed at the caret, and terms that come and go. */

export type TokenKind = "field" | "operator" | "quoted" | "bracket" | "wildcard" | "plain";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const TOKEN =
  /("(?:\\.|[^"\\])*"?)|(\b(?:AND|OR|NOT|TO)\b|&&|\|\|)|([\w.]+:)|([()[\]{}])|(\S*[*?]\S*?(?=[\s()]|$))|(\s+|[^\s()[\]{}"]+)/g;
const KINDS: readonly TokenKind[] = ["quoted", "operator", "field", "bracket", "wildcard", "plain"];

/** Every character is in exactly one token, in order. */
export function tokensOf(text: string): readonly Token[] {
  return [...text.matchAll(TOKEN)].map((match) => {
    const group = match.slice(1).findIndex((part) => part !== undefined);
    return { kind: KINDS[group] ?? "plain", text: match[0] };
  });
}

/** What stands before the caret and could be completed. */
export interface Typing {
  readonly kind: "field" | "value";
  /** The field whose value is typed; empty while a field is typed. */
  readonly field: string;
  readonly typed: string;
  /** Where what is typed begins. */
  readonly start: number;
}

export function typingAt(text: string, caret: number): Typing | null {
  const before = text.slice(0, caret);
  const value = /(?:^|[\s(+!-])([\w.]+):\(?("?)([^"()\s]*)$/.exec(before);
  if (value !== null) {
    const [, field = "", quote = "", typed = ""] = value;
    return { kind: "value", field, typed, start: caret - typed.length - quote.length };
  }
  const name = /(?:^|[\s(+!-])([\w.]*)$/.exec(before);
  return name === null
    ? null
    : { kind: "field", field: "", typed: name[1] ?? "", start: caret - (name[1] ?? "").length };
}

/** The query with the term, once; terms that exclude each other do not stay together. */
export function withTerm(q: string | undefined, field: string, value: string, isExcluded: boolean): string {
  const wanted = term(field, value);
  const rest = withoutTerm(q, field, value);
  const added = isExcluded ? `-${wanted}` : wanted;
  if (rest === "" || rest === "*") return added;
  return /\bOR\b|\|\|/.test(rest) && !/^\(.*\)$/.test(rest) ? `(${rest}) AND ${added}` : `${rest} AND ${added}`;
}

export function withoutTerm(q: string | undefined, field: string, value: string): string {
  const text = (q ?? "").trim();
  for (const written of [`-${term(field, value)}`, `NOT ${term(field, value)}`, term(field, value)]) {
    for (const joined of [` AND ${written}`, `${written} AND `, ` ${written}`, `${written} `, written])
      if (text.includes(joined)) return text.replace(joined, "").trim();
  }
  return text;
}

export function hasTerm(q: string | undefined, field: string, value: string): "in" | "out" | null {
  const wanted = term(field, value);
  const text = q ?? "";
  const at = text.indexOf(wanted);
  if (at < 0) return null;
  return text[at - 1] === "-" || text.slice(0, at).endsWith("NOT ") ? "out" : "in";
}
