/** Texts of rules to what they mean, each document by itself. */
import { readCondition } from "./condition.ts";
import { readCorrelation } from "./read-correlation.ts";
import { readDetection } from "./detection.ts";
import { readDocuments } from "./document.ts";
import type { Value } from "./document.ts";
import { RuleFault } from "./fault.ts";
import { readHeading } from "./heading.ts";
import { MAX_RULE_TESTS } from "./limits.ts";
import type { Placeholders } from "./modifiers.ts";
import { anyOf, matchesOf } from "./syntax.ts";
import type { Heading, Logsource, Node, SigmaDocument } from "./syntax.ts";

export type Parsed =
  | { readonly kind: "rule"; readonly document: SigmaDocument }
  | { readonly kind: "refused"; readonly id: string | null; readonly fault: RuleFault };

/** Every document of a file that holds anything. Nothing is thrown. */
export function parseRules(text: string, placeholders: Placeholders): readonly Parsed[] {
  return readDocuments(text).map((read): Parsed => {
    if (read.kind === "fault") return { kind: "refused", id: null, fault: read.fault };
    try {
      return { kind: "rule", document: readRule(read.root, placeholders) };
    } catch (error) {
      if (!(error instanceof RuleFault)) throw error;
      return { kind: "refused", id: idOf(read.root), fault: error };
    }
  });
}

/** Of a rule that is refused, for what else may be wrong with it. */
function idOf(root: Value): string | null {
  try {
    const value = root.get("id")?.scalar()?.value;
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}

function readRule(root: Value, placeholders: Placeholders): SigmaDocument {
  if (root.get("action") !== null)
    throw root.get("action")!.fault("collections with `action` are no longer part of Sigma: write whole rules");
  const heading = readHeading(root);
  const [detection, correlation, filter] = [root.get("detection"), root.get("correlation"), root.get("filter")];
  const [, second] = [detection, correlation, filter].filter((part) => part !== null);
  if (second !== undefined) throw second.fault("a rule is one of detection, correlation and filter; write one each");
  if (correlation !== null) return readCorrelation(heading, correlation);
  if (filter !== null) return readFilter(heading, root, filter, placeholders);
  if (detection === null) throw root.fault("the rule has neither detection, correlation nor filter");
  const logsource = readLogsource(root);
  return { ...heading, kind: "rule", logsource, root: readTree(detection, ["condition", "timeframe"], placeholders) };
}

function readFilter(heading: Heading, root: Value, filter: Value, placeholders: Placeholders): SigmaDocument {
  const rules = filter.get("rules");
  if (rules === null) throw filter.fault("a filter names its rules: a list of ids or names, or any");
  const isAny = rules.scalar()?.text.toLowerCase() === "any";
  return {
    ...heading,
    kind: "filter",
    logsource: readLogsource(root),
    rules: isAny ? null : rules.each().map((value) => value.text("a rule of a filter")),
    root: readTree(filter, ["condition", "rules"], placeholders),
  };
}

function readTree(detection: Value, others: readonly string[], placeholders: Placeholders): Node {
  const entries = detection.entries("detection");
  const condition = entries.find(({ key }) => key === "condition")?.value;
  if (condition === undefined) throw detection.fault("there is no condition");
  const timeframe = entries.find(({ key }) => key === "timeframe");
  if (timeframe !== undefined)
    throw new RuleFault(timeframe.at, "timeframe is the old form: write a correlation with a timespan instead");
  const named = entries.filter(({ key }) => !others.includes(key));
  if (named.length === 0) throw detection.fault("there is no detection beside the condition");
  const detections = new Map(named.map(({ key, value }) => [key, readDetection(value, placeholders)]));
  const node = anyOf(condition.each().map((one) => readCondition(one, detections)));
  if (matchesOf(node).length > MAX_RULE_TESTS)
    throw detection.fault(`the rule comes to more than the ${MAX_RULE_TESTS} comparisons that it may have`);
  return node;
}

function readLogsource(root: Value): Logsource {
  const logsource = root.get("logsource");
  if (logsource === null) throw root.fault("there is no logsource");
  const named = (name: string): string | null => {
    const value = logsource.get(name);
    return value === null ? null : value.text(`logsource.${name}`);
  };
  const read = { category: named("category"), product: named("product"), service: named("service") };
  if (read.category === null && read.product === null && read.service === null)
    throw logsource.fault("the logsource names neither category, product nor service");
  return read;
}
