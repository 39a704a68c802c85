/** The condition of a rule: names of detections, `and`, `or`, `not`, parentheses, `1 of x*`, `all of them`. */
import type { Value } from "./document.ts";
import { RuleFault } from "./fault.ts";
import { MAX_CONDITION_DEPTH, MAX_CONDITION_LENGTH } from "./limits.ts";
import { allOf, anyOf } from "./syntax.ts";
import type { Node } from "./syntax.ts";

interface Token {
  readonly text: string;
  readonly at: number;
}

export function readCondition(value: Value, detections: ReadonlyMap<string, Node>): Node {
  const text = value.text("a condition");
  if (text.length > MAX_CONDITION_LENGTH) throw value.fault("the condition is longer than it may be");
  return new ConditionReader(text, value, detections).read();
}

class ConditionReader {
  private readonly tokens: readonly Token[];
  private readonly value: Value;
  private readonly detections: ReadonlyMap<string, Node>;
  private readonly length: number;
  private next = 0;
  private depth = 0;

  constructor(text: string, value: Value, detections: ReadonlyMap<string, Node>) {
    this.value = value;
    this.detections = detections;
    this.length = text.length;
    this.tokens = [...text.matchAll(/[()|]|[^\s()|]+/g)].map(({ 0: token, index }) => ({ text: token, at: index }));
  }

  read(): Node {
    const node = this.either();
    const rest = this.tokens[this.next];
    if (rest?.text === "|") throw this.fault(rest, "counting after a bar is the old form: write a correlation instead");
    if (rest !== undefined) throw this.fault(rest, `${JSON.stringify(rest.text)} is not expected here`);
    return node;
  }

  private fault(token: Token | undefined, reason: string): RuleFault {
    return new RuleFault(this.value.placeIn(token?.at ?? Math.max(0, this.length - 1)), reason);
  }

  private word(): string | undefined {
    return this.tokens[this.next]?.text.toLowerCase();
  }

  private either(): Node {
    const parts = [this.both()];
    while (this.word() === "or") {
      this.next++;
      parts.push(this.both());
    }
    return anyOf(parts);
  }

  private both(): Node {
    const parts = [this.one()];
    while (this.word() === "and") {
      this.next++;
      parts.push(this.one());
    }
    return allOf(parts);
  }

  private one(): Node {
    const token = this.tokens[this.next];
    if (++this.depth > MAX_CONDITION_DEPTH) throw this.fault(token, "the condition is nested deeper than it may be");
    try {
      if (token === undefined) throw this.fault(token, "the condition ends where a detection is expected");
      this.next++;
      const word = token.text.toLowerCase();
      if (word === "not") return { kind: "not", of: this.one() };
      if (token.text === "(") {
        const node = this.either();
        const end = this.tokens[this.next];
        if (end?.text !== ")") throw this.fault(end ?? token, "a parenthesis is not closed");
        this.next++;
        return node;
      }
      return this.word() === "of" ? this.selector(token) : this.named(token);
    } finally {
      this.depth--;
    }
  }

  private named(token: Token): Node {
    const node = this.detections.get(token.text);
    if (node !== undefined) return node;
    if (!/^[\w-]+$/u.test(token.text)) throw this.fault(token, `${JSON.stringify(token.text)} is not expected here`);
    throw this.fault(token, `there is no detection ${JSON.stringify(token.text.slice(0, 80))}`);
  }

  private selector(quantifier: Token): Node {
    const word = quantifier.text.toLowerCase();
    if (word !== "1" && word !== "any" && word !== "all")
      throw this.fault(quantifier, `${JSON.stringify(quantifier.text)} of: only 1, any and all are known`);
    this.next++;
    const pattern = this.tokens[this.next];
    if (pattern === undefined || !/^[\w*-]+$/u.test(pattern.text))
      throw this.fault(pattern, "`of` needs a pattern of names, or `them`");
    this.next++;
    const found = [...this.detections].filter(([name]) => selects(pattern.text, name));
    if (found.length === 0) throw this.fault(pattern, `no detection is called like ${JSON.stringify(pattern.text)}`);
    const nodes = found.map(([, node]) => node);
    return word === "all" ? allOf(nodes) : anyOf(nodes);
  }
}

/** A name that begins with `_` takes part only where the pattern begins with it too. */
function selects(pattern: string, name: string): boolean {
  if (name.startsWith("_") && !pattern.startsWith("_")) return false;
  if (pattern === "them") return true;
  const parts = pattern.split("*").map((part) => part.replaceAll("-", String.raw`\-`));
  return new RegExp(`^${parts.join(".*")}$`, "u").test(name);
}
