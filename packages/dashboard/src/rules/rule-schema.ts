/** What may stand where in a rule: keys by the key above them, and the values that a key takes. */

export interface Offer {
  /** What is put in the place of what was typed. */
  readonly text: string;
  readonly shown: string;
  readonly says: string;
}

export interface Place {
  /** Keys above, outermost first. */
  readonly path: readonly string[];
  /** The key whose value is typed; null: a key is. */
  readonly key: string | null;
  readonly typed: string;
  /** Where what was typed begins. */
  readonly start: number;
}

type Says = Readonly<Record<string, string>>;

const ROOT: Says = {
  title: "what its alerts are called",
  id: "a UUID, by which its alerts are known",
  name: "by which a correlation names it",
  status: "stable, test, experimental",
  description: "what it finds, and why that matters",
  level: "how much it matters",
  tags: "as attack.t1078",
  falsepositives: "what it finds rightly and is no harm",
  references: "where to read on",
  logsource: "which records it looks at",
  detection: "what it looks for",
  correlation: "how often, how many, in which order",
  measure: "a figure that stays beyond a threshold",
};
const LEVELS: Says = { informational: "", low: "", medium: "", high: "", critical: "" };
const COMPARED: Says = { gte: "at least", gt: "more than", lte: "at most", lt: "less than", eq: "exactly" };
const KEYS: Readonly<Record<string, Says>> = {
  "": ROOT,
  logsource: { product: "tallystick, or as a pipeline maps it", category: "call, or record", service: "" },
  correlation: {
    type: "what is counted",
    rules: "the rules that it counts, by name or id",
    "group-by": "fields whose values make a group",
    timespan: "as 5m: windows slide",
    condition: "when it holds",
    aliases: "one name for fields that its rules call differently",
    generate: "true: its rules tell by themselves too",
  },
  "correlation/condition": { ...COMPARED, field: "whose values are counted or summed" },
  measure: {
    of: "which figure",
    "group-by": "caller, callee, operation",
    where: "only groups with these values",
    window: "over which it is taken, as 5m",
    "relative-to": "divided by what it was in so long before",
    condition: "when it holds",
    "at-least": "calls that there must be",
    for: "how long it must hold",
  },
  "measure/condition": COMPARED,
  "measure/where": { caller: "", callee: "", operation: "" },
};
const VALUES: Readonly<Record<string, Says>> = {
  status: { stable: "", test: "", experimental: "" },
  level: LEVELS,
  "logsource/product": { tallystick: "our records" },
  "logsource/category": { call: "halves of calls", record: "every record" },
  "correlation/type": {
    event_count: "how many records",
    value_count: "how many different values",
    value_sum: "",
    value_avg: "",
    value_percentile: "",
    temporal: "each of its rules, in any order",
    temporal_ordered: "each of its rules, one after the other",
  },
  "measure/of": {
    rate: "calls a second",
    error_ratio: "share of errors and timeouts",
    p95: "milliseconds",
    match_rate: "share of calls whose halves agree",
    absent: "seconds since the last record",
    checkpoint_age: "seconds that records wait to be published",
  },
  "measure/group-by": { caller: "", callee: "", operation: "" },
};
const MODIFIERS: Says = {
  contains: "anywhere in the value",
  startswith: "at its beginning",
  endswith: "at its end",
  all: "every value of the list, not one",
  cased: "with regard to letters' case",
  re: "a regular expression (RE2)",
  cidr: "an address in this network",
  exists: "true or false",
  fieldref: "as another field's value",
  gt: "",
  gte: "",
  lt: "",
  lte: "",
  neq: "none of these",
  base64: "",
  base64offset: "",
  wide: "UTF-16",
  windash: "any dash of an option",
  expand: "a placeholder's values",
};
const CONDITIONS: Says = { "1 of ": "any of them", "all of ": "", "not ": "", " and ": "", " or ": "" };
const MAX_OFFERS = 10;

const LINE = /^(\s*(?:- +)*)(?:("[^"]*"|[^\s:#"]+):\s+)?(.*)$/;
const KEY_LINE = /^(\s*(?:- +)*)("[^"]*"|[^\s:#"]+):(?:\s|$)/;

/** Where the caret is, in the rule's own structure. */
export function placeAt(text: string, caret: number): Place {
  const before = text.slice(0, caret).split("\n");
  const line = before.at(-1) ?? "";
  const [, indent = "", key, typed = ""] = LINE.exec(line) ?? [];
  const isItem = indent.includes("-");
  const width = key === undefined && isItem ? indent.indexOf("-") + 1 : indent.length;
  const path = keysAbove(before.slice(0, -1), width);
  // `- value` is a value of the key above it, unless what it lists are maps.
  const owner = key === undefined && isItem && !isDetection(path) ? (path.at(-1) ?? null) : null;
  return {
    path: owner === null ? path : path.slice(0, -1),
    key: key === undefined ? owner : key.replaceAll('"', ""),
    typed,
    start: caret - typed.length,
  };
}

function keysAbove(lines: readonly string[], indent: number): readonly string[] {
  const found: string[] = [];
  let within = indent;
  for (const line of lines.toReversed()) {
    if (line.startsWith("---") || within === 0) break;
    const [, before = "", key] = KEY_LINE.exec(line) ?? [];
    if (key === undefined || before.length >= within) continue;
    found.unshift(key.replaceAll('"', ""));
    within = before.length;
  }
  return found;
}

const isDetection = (path: readonly string[]): boolean => path[0] === "detection" && path.length > 1;

/** What could stand there: fields of records within a detection, else what the schema says. */
export function offersAt(place: Place, fields: readonly { readonly name: string; readonly says: string }[]) {
  const { path, key, typed } = place;
  const at = path.join("/");
  if (key !== null) {
    if (at === "detection" && key === "condition") return typed.endsWith(" ") ? offers(CONDITIONS, "", "") : [];
    return offers(VALUES[at === "" ? key : `${at}/${key}`] ?? {}, typed, "");
  }
  if (!isDetection(path)) return offers(KEYS[at] ?? {}, typed, ": ");
  const bar = typed.lastIndexOf("|");
  if (bar >= 0)
    return offers(MODIFIERS, typed.slice(bar + 1), "").map((offer) => ({
      ...offer,
      text: typed.slice(0, bar + 1) + offer.text,
    }));
  return typed === "" ? [] : offers(Object.fromEntries(fields.map(({ name, says }) => [name, says])), typed, ": ");
}

/** Keys that may stand there, as a reader is told them. */
export function keysAt({ path }: Place): readonly (readonly [string, string])[] {
  if (isDetection(path)) return Object.entries(MODIFIERS);
  return Object.entries(KEYS[path.join("/")] ?? ROOT);
}

function offers(all: Says, typed: string, after: string): readonly Offer[] {
  const words = typed.toLowerCase();
  return Object.entries(all)
    .filter(([name]) => name.toLowerCase().includes(words) && name !== typed)
    .toSorted(([a], [b]) => Number(b.startsWith(words)) - Number(a.startsWith(words)))
    .slice(0, MAX_OFFERS)
    .map(([name, says]) => ({ text: `${name}${after}`, shown: name.trim(), says }));
}
