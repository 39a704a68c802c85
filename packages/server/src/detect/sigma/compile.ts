/**
 * A rule's tree as one SQL predicate. Every part is true or false and never NULL, so NOT is plain negation: an event
 * without the field is not in `field: value` and is in its negation. A rule's text enters as string literals only,
 * through the one function that writes them. Letters are folded by the engine on both sides, so that they agree.
 */
import { stringLiteral } from "../../index/engine/statement.ts";
import { likeLiteral, regexLiteral } from "../../search/compile/sql.ts";
import type { EventSql, FieldSql } from "./field-sql.ts";
import type { CompareOperator, Match, Node, Part, Test, TextTest, TimePart } from "./syntax.ts";
import { DASHES, isMany, literalText } from "./text-pattern.ts";

export function compileNode(node: Node, events: EventSql): string {
  switch (node.kind) {
    case "match":
      return compileMatch(node, events);
    case "not":
      return `NOT (${compileNode(node.of, events)})`;
    case "and":
      return node.of.map((part) => `(${compileNode(part, events)})`).join(" AND ");
    case "or":
      return compileEither(node.of, events);
  }
}

/** Texts of the same field are looked for together. */
function compileEither(nodes: readonly Node[], events: EventSql): string {
  const together = new Map<string, Match[]>();
  const others: Node[] = [];
  for (const node of nodes) {
    if (node.kind !== "match" || !isOfText(node.test)) {
      others.push(node);
      continue;
    }
    const key = JSON.stringify(node.field);
    together.set(key, [...(together.get(key) ?? []), node]);
  }
  const texts = [...together.values()].map((matches) => {
    const holds = (text: string) =>
      anyText(
        matches.map(({ test }) => test),
        text,
      );
    const field = matches[0]!.field;
    return field === null ? events.anywhere(holds) : events.field(field).some(holds);
  });
  return [...texts, ...others.map((node) => compileNode(node, events))].map((part) => `(${part})`).join(" OR ");
}

export const isOfText = (test: Test): boolean =>
  test.kind === "text" || test.kind === "literal" || test.kind === "regex" || test.kind === "cidr";

function compileMatch({ field, test }: Match, events: EventSql): string {
  if (field === null) return events.anywhere((text) => oneText(test, text));
  const column = events.field(field);
  switch (test.kind) {
    case "null":
      return `NOT (${column.present})`;
    case "exists":
      return test.wanted ? column.exists : `NOT (${column.exists})`;
    case "compare":
      return column.someNumber((number) => `${number} ${OPERATORS[test.operator]} ${numberSql(test.number)}`);
    case "time":
      return column.someTime((time) => `${TIME_PARTS[test.part]}(${time}) = ${numberSql(test.number)}`);
    case "field":
      return compileReference(column, events.field(test.name), test);
    default:
      return column.some((text) => oneText(test, text));
  }
}

export const OPERATORS: Readonly<Record<CompareOperator, string>> = { lt: "<", lte: "<=", gt: ">", gte: ">=" };

const TIME_PARTS: Readonly<Record<TimePart, string>> = {
  minute: "toMinute",
  hour: "toHour",
  day: "toDayOfMonth",
  week: "toISOWeek",
  month: "toMonth",
  year: "toYear",
};

export const numberSql = (number: number): string =>
  Number.isSafeInteger(number) ? String(number) : `toFloat64(${stringLiteral(String(number))})`;

function compileReference(one: FieldSql, other: FieldSql, test: Extract<Test, { kind: "field" }>): string {
  return one.some((text) => {
    const left = test.cased ? text : folded(text);
    const right = test.cased ? "w" : folded("w");
    const holds =
      test.anyBefore && test.anyAfter
        ? `position(${left}, ${right}) > 0`
        : test.anyAfter
          ? `startsWith(${left}, ${right})`
          : test.anyBefore
            ? `endsWith(${left}, ${right})`
            : `${left} = ${right}`;
    return `arrayExists(w -> ${holds}, ${other.values})`;
  });
}

const folded = (sql: string): string => `lowerUTF8(${sql})`;

/** ASCII is folded alike everywhere; each call that the engine need not make of a constant is one less to plan. */
const foldedLiteral = (text: string): string =>
  Buffer.byteLength(text) === text.length ? stringLiteral(text.toLowerCase()) : folded(stringLiteral(text));

function oneText(test: Test, text: string): string {
  switch (test.kind) {
    case "text":
      return matchText(test, text);
    case "literal":
      return `${folded(text)} = ${foldedLiteral(test.text)}`;
    case "regex":
      return `match(${text}, ${stringLiteral(regexSource(test.source, test.flags))})`;
    case "cidr":
      return inNetwork(text, test.network);
    default:
      throw new Error(`${test.kind} is not compared as text`);
  }
}

/** The engine takes a dot for any character of itself; a rule's dot does so with the flag s only. */
export function regexSource(source: string, flags: string): string {
  const on = Array.from(flags).toSorted().join("");
  return `(?${on}${flags.includes("s") ? "" : "-s"})${source}`;
}

function inNetwork(text: string, network: string): string {
  const isAddress = `(isIPv4String(${text}) OR isIPv6String(${text}))`;
  const tried = `if(${isAddress}, ${text}, '0.0.0.0')`;
  const prefix = network.includes("/") ? network : `${network}/${network.includes(":") ? 128 : 32}`;
  return `(${isAddress} AND isIPAddressInRange(${tried}, ${stringLiteral(prefix)}))`;
}

function matchText({ parts, cased }: TextTest, text: string): string {
  const fold = (sql: string): string => (cased ? sql : folded(sql));
  const constant = cased ? stringLiteral : foldedLiteral;
  const literal = literalText(parts);
  if (literal !== null) return `${fold(text)} = ${constant(literal)}`;
  if (parts.every((part) => isMany(part))) return "1";
  const middle = literalText(parts.slice(isMany(parts[0]) ? 1 : 0, isMany(parts.at(-1)) ? -1 : undefined));
  if (middle !== null) {
    const wanted = constant(middle);
    if (!isMany(parts[0])) return `startsWith(${fold(text)}, ${wanted})`;
    if (!isMany(parts.at(-1))) return `endsWith(${fold(text)}, ${wanted})`;
    return `position(${fold(text)}, ${wanted}) > 0`;
  }
  if (parts.some((part) => typeof part === "object" && part.wild === "dash"))
    return `match(${fold(text)}, ${constant(dashRegex(parts))})`;
  return `${fold(text)} LIKE ${constant(parts.map(likePart).join(""))}`;
}

const likePart = (part: Part): string => (typeof part === "string" ? likeLiteral(part) : part.wild === "*" ? "%" : "_");

/** No letter of it is a command, so that it may be folded whole. */
function dashRegex(parts: readonly Part[]): string {
  const dashes = DASHES.map((dash) => (dash === "-" ? String.raw`\-` : dash)).join("");
  const body = parts.map((part) =>
    typeof part === "string" ? regexLiteral(part) : { "*": ".*", "?": ".", dash: `[${dashes}]` }[part.wild],
  );
  const open = isMany(parts[0]);
  const ends = isMany(parts.at(-1));
  const inner = body.slice(open ? 1 : 0, ends ? -1 : undefined).join("");
  return `(?s)${open ? "" : "^"}${inner}${ends ? "" : "$"}`;
}

/** A predicate: the text meets any of the tests. Regular expressions are looked for in one go. */
export function meetsAny(tests: readonly Test[], text: string): string {
  const regexes: string[] = [];
  const others: Test[] = [];
  for (const test of tests) {
    // What is quoted may have no end, and would take what comes after it in.
    if (test.kind === "regex" && !test.source.includes(String.raw`\Q`))
      regexes.push(`(?:${regexSource(test.source, test.flags)})`);
    else others.push(test);
  }
  const parts = others.length === 0 ? [] : [anyText(others, text)];
  if (regexes.length > 0) parts.push(`match(${text}, ${stringLiteral(regexes.join("|"))})`);
  return `(${parts.join(" OR ")})`;
}

/** From so many texts on they are looked for in one go. */
const TOGETHER = 4;
/** The engine takes no more in one go. */
const MOST_TOGETHER = 250;

function anyText(tests: readonly Test[], text: string): string {
  const parts: string[] = [];
  const rest: Test[] = [];
  const within: string[] = [];
  const equal: string[] = [];
  for (const test of tests) {
    const inner = innerText(test);
    const whole = wholeText(test);
    if (inner !== null) within.push(inner);
    else if (whole !== null) equal.push(whole);
    else rest.push(test);
  }
  const literals = (values: readonly string[]) => values.map(foldedLiteral).join(", ");
  if (within.length < TOGETHER)
    parts.push(...within.map((value) => `position(${folded(text)}, ${literals([value])}) > 0`));
  else
    for (let at = 0; at < within.length; at += MOST_TOGETHER)
      parts.push(`multiSearchAny(${folded(text)}, [${literals(within.slice(at, at + MOST_TOGETHER))}])`);
  if (equal.length === 1) parts.push(`${folded(text)} = ${literals(equal)}`);
  else if (equal.length > 1) parts.push(`${folded(text)} IN (${literals(equal)})`);
  parts.push(...rest.map((test) => oneText(test, text)));
  return parts.length === 1 ? parts[0]! : `(${parts.join(" OR ")})`;
}

/** What is looked for anywhere in a text, whatever its letters' case. */
export function innerText(test: Test): string | null {
  if (test.kind !== "text" || test.cased || !isMany(test.parts[0]) || !isMany(test.parts.at(-1))) return null;
  if (test.parts.length < 3) return null;
  const inner = literalText(test.parts.slice(1, -1));
  return inner === null || inner === "" ? null : inner;
}

function wholeText(test: Test): string | null {
  if (test.kind === "literal") return test.text;
  return test.kind === "text" && !test.cased ? literalText(test.parts) : null;
}
