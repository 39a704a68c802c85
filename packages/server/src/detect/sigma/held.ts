/**
 * Which rules can find anything at all among some events, told from what these hold field by field. Rules seldom find
 * anything, and a rule that finds nothing need not be run. Errs to one side only: whatever is not known, or is not
 * compared here exactly as the engine compares it, may be there.
 */
import { BlockList, isIP } from "node:net";

import { innerText, isOfText } from "./compile.ts";
import { endsChain } from "./correlation-sql.ts";
import type { LinkedCorrelation, LinkedRule } from "./link.ts";
import { literalText } from "./text-pattern.ts";
import type { CompareOperator, Match, Node, Test, TextTest } from "./syntax.ts";

export interface Held {
  /** Every different value of a field as text, the same object while they are the same; null: not known, or too many. */
  texts(field: string): ReadonlySet<string> | null;
  /** Its least and its greatest value, of a field of numbers; null: not known. */
  span(field: string): Span | null;
  /** The engine was asked, and no value of the field meets the test; null: no text of an event. */
  isUnmet(field: string | null, test: Test): boolean;
}

/** `least` above `greatest`: there is none. */
export interface Span {
  readonly least: number;
  readonly greatest: number;
}

/** What of a range tells that a match holds nowhere: all texts of a field, its span, or what the engine was asked. */
type Way = "texts" | "span" | "tests";

/** Why a rule finds nothing. */
export interface Reason {
  /** None of them holds, and without them the rule does not. */
  readonly matches: readonly Match[];
  /** What of the range told so, and what it costs to ask. */
  readonly asked: ReadonlyMap<string, number>;
}

/** Roughly as the engine works at it. */
const COSTS: Readonly<Record<Way, number>> = { texts: 1, span: 2, tests: 8 };

/** Null: it may find something. Of several reasons the one for which least is asked beside what is `asked` anyhow. */
export function ruledOutBy(linked: LinkedRule, held: Held, asked: Reason["asked"]): Reason | null {
  if (linked.kind === "rule") return untrue(linked.root, held, asked);
  return together(findersOf(linked).map((rule) => ruledOutBy(rule, held, asked)));
}

/** An event with which a correlation comes true is one that one of these finds. */
function findersOf(linked: LinkedCorrelation): readonly LinkedRule[] {
  const last = linked.of.filter((_, at) => endsChain(linked, at));
  return (last.length > 0 ? last : linked.of).map(({ rule }) => rule);
}

function untrue(node: Node, held: Held, asked: Reason["asked"]): Reason | null {
  switch (node.kind) {
    case "match": {
      const way = missedBy(node, held);
      return way === null ? null : { matches: [node], asked: new Map([[`${way} ${node.field ?? ""}`, COSTS[way]]]) };
    }
    case "not":
      return null;
    case "and":
      return cheapest(
        node.of.map((part) => untrue(part, held, asked)),
        asked,
      );
    case "or":
      return together(node.of.map((part) => untrue(part, held, asked)));
  }
}

function together(reasons: readonly (Reason | null)[]): Reason | null {
  const all = reasons.filter((reason) => reason !== null);
  if (all.length < reasons.length) return null;
  return { matches: all.flatMap(({ matches }) => matches), asked: new Map(all.flatMap((one) => [...one.asked])) };
}

function cheapest(reasons: readonly (Reason | null)[], asked: Reason["asked"]): Reason | null {
  let best: Reason | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const reason of reasons) {
    if (reason === null) continue;
    const cost = [...reason.asked].reduce((sum, [one, each]) => sum + (asked.has(one) ? 0 : each), 0);
    if (cost >= least) continue;
    [best, least] = [reason, cost];
  }
  return best;
}

export interface AskedFields {
  /** Whose different texts would say something about the matches. */
  readonly texts: ReadonlySet<string>;
  /** Whose least and greatest number would. */
  readonly numbers: ReadonlySet<string>;
  /** By field, what its texts are compared with; null: what is looked for in all texts one by one. */
  readonly tests: ReadonlyMap<string | null, readonly Test[]>;
}

/** Every match of a rule without which it may find nothing. */
export function askedMatches(linked: LinkedRule): readonly Match[] {
  if (linked.kind === "correlation") return findersOf(linked).flatMap(askedMatches);
  const walk = (node: Node): readonly Match[] => {
    if (node.kind === "match") return isAsked(node.test) ? [node] : [];
    return node.kind === "not" ? [] : node.of.flatMap(walk);
  };
  return walk(linked.root);
}

export function askedFields(matches: readonly Match[]): AskedFields {
  const texts = new Set<string>();
  const numbers = new Set<string>();
  const tests = new Map<string | null, Test[]>();
  for (const { field, test } of matches) {
    if (field !== null) (test.kind === "compare" ? numbers : texts).add(field);
    if (field === null ? !isWithinOneText(test) : !isOfText(test)) continue;
    const known = tests.get(field);
    if (known === undefined) tests.set(field, [test]);
    else known.push(test);
  }
  return { texts, numbers, tests };
}

/** Of what is there or not, of times and of other fields the values tell nothing. */
const isAsked = (test: Test): boolean => !["exists", "null", "time", "field"].includes(test.kind);

/** Whether it is found in all texts of an event, one after the other, where it is in one of them, and only then. */
function isWithinOneText(test: Test): boolean {
  const inner = innerText(test);
  return inner !== null && isAscii(inner) && !inner.includes("\n");
}

/** Null: it may hold. */
function missedBy(match: Match, held: Held): Way | null {
  const { field, test } = match;
  if (held.isUnmet(field, test)) return "tests";
  if (field === null || !isAsked(test)) return null;
  if (test.kind === "compare") {
    const span = held.span(field);
    if (span !== null) {
      const isAbove = test.operator === "gt" || test.operator === "gte";
      return mayCompare(test, isAbove ? span.greatest : span.least) ? null : "span";
    }
  }
  const texts = held.texts(field);
  return texts === null || mayFit(match, texts) ? null : "texts";
}

/** The texts with which each was compared last, where none fits. */
const MISFITS = new WeakMap<Match, ReadonlySet<string>>();

function mayFit(match: Match, texts: ReadonlySet<string>): boolean {
  const misfits = MISFITS.get(match);
  if (misfits === texts) return false;
  for (const text of texts) if (!misfits?.has(text) && mayBe(match.test, text)) return true;
  MISFITS.set(match, texts);
  return false;
}

/** Whether a text may meet the test. */
export function mayBe(test: Test, text: string): boolean {
  switch (test.kind) {
    case "text":
      return mayBeText(test, text);
    case "literal":
      return !isAscii(text) || text.toLowerCase() === test.text.toLowerCase() || !isAscii(test.text);
    case "cidr":
      return mayBeWithin(test.network, text);
    case "compare":
      return mayCompare(test, Number(text));
    default:
      return true;
  }
}

// eslint-disable-next-line no-control-regex
const isAscii = (text: string): boolean => /^[\0-\x7F]*$/.test(text);

/** What stands between wildcards is in the text, what stands before and after them at its ends. */
function mayBeText({ parts, cased }: TextTest, text: string): boolean {
  const pieces = parts.filter((part) => typeof part === "string");
  if (!isAscii(text) || !pieces.every(isAscii)) return true;
  const fold = (one: string): string => (cased ? one : one.toLowerCase());
  const whole = literalText(parts);
  const folded = fold(text);
  if (whole !== null) return folded === fold(whole);
  const [first, last] = [parts[0], parts.at(-1)];
  return (
    (typeof first !== "string" || folded.startsWith(fold(first))) &&
    (typeof last !== "string" || folded.endsWith(fold(last))) &&
    pieces.every((piece) => folded.includes(fold(piece)))
  );
}

/** The engine reads numbers of many digits a little differently. */
const CLOSE = 1e-9;

function mayCompare(
  { operator, number }: { readonly operator: CompareOperator; readonly number: number },
  value: number,
): boolean {
  // Of no value at all, as the least or the greatest of none, nothing holds.
  if (!Number.isFinite(value)) return false;
  const slack = (Math.abs(value) + Math.abs(number)) * CLOSE;
  return operator === "gt" || operator === "gte" ? value >= number - slack : value <= number + slack;
}

function mayBeWithin(network: string, text: string): boolean {
  const family = isIP(text);
  // What is written like an address and is none here may be one for the engine.
  if (family === 0) return /^[0-9a-fA-F:.%]+$/.test(text);
  const [address = ""] = network.split("/");
  return isIP(address) === family && networkOf(network).check(text, familyName(family));
}

const familyName = (family: number) => (family === 4 ? "ipv4" : "ipv6");

const NETWORKS = new Map<string, BlockList>();
const MAX_NETWORKS = 10_000;

function networkOf(network: string): BlockList {
  const known = NETWORKS.get(network);
  if (known !== undefined) return known;
  const [address = "", bits] = network.split("/");
  const family = isIP(address);
  const list = new BlockList();
  list.addSubnet(address, Number(bits ?? (family === 4 ? 32 : 128)), familyName(family));
  if (NETWORKS.size >= MAX_NETWORKS) NETWORKS.clear();
  NETWORKS.set(network, list);
  return list;
}
