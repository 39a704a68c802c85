/**
 * What a rule means, written a second time and differently: values of the YAML are looked up and compared one after
 * the other, without a tree, without SQL, and with nothing of the compiler. Tests and benches hold the engine to it.
 */
import { parse } from "yaml";

type Json = unknown;
type Maps = Readonly<Record<string, Json>>;

const isMap = (value: Json): value is Maps => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether the rule finds an event. Throws where it does not know what the rule means. */
export function plainRule(
  ruleText: string,
  placeholders: Readonly<Record<string, string[]>> = {},
): (event: Json) => boolean {
  const rule = parse(ruleText) as Maps;
  const { condition, ...detections } = rule["detection"] as Maps;
  const conditions = (Array.isArray(condition) ? condition : [condition]) as string[];
  return (event) => {
    const holds = new Map(
      Object.entries(detections).map(([name, detection]) => [name, () => detected(detection, event, placeholders)]),
    );
    return conditions.some((text) => evaluateCondition(text, holds));
  };
}

/** Operators one by one over a list of tokens: `not` binds closest, then `and`, then `or`. */
function evaluateCondition(text: string, holds: ReadonlyMap<string, () => boolean>): boolean {
  const tokens = text
    .replaceAll(/([()])/g, " $1 ")
    .trim()
    .split(/\s+/);
  const disjunction = (): boolean => {
    let value = conjunction();
    while (tokens[0]?.toLowerCase() === "or") {
      tokens.shift();
      const right = conjunction();
      value ||= right;
    }
    return value;
  };
  const conjunction = (): boolean => {
    let value = negation();
    while (tokens[0]?.toLowerCase() === "and") {
      tokens.shift();
      const right = negation();
      value &&= right;
    }
    return value;
  };
  const negation = (): boolean => {
    const token = tokens.shift()!;
    if (token.toLowerCase() === "not") return !negation();
    if (token === "(") {
      const value = disjunction();
      tokens.shift();
      return value;
    }
    if (tokens[0]?.toLowerCase() !== "of") return holds.get(token)!();
    tokens.shift();
    const pattern = tokens.shift()!;
    const names = [...holds.keys()].filter((name) => {
      if (pattern === "them") return !name.startsWith("_");
      const fits = globFits(pattern, name);
      return fits && (pattern.startsWith("_") || !name.startsWith("_"));
    });
    return token.toLowerCase() === "all"
      ? names.every((name) => holds.get(name)!())
      : names.some((name) => holds.get(name)!());
  };
  return disjunction();
}

function globFits(pattern: string, name: string): boolean {
  if (pattern === "") return name === "";
  if (pattern[0] === "*") return globFits(pattern.slice(1), name) || (name !== "" && globFits(pattern, name.slice(1)));
  return name[0] === pattern[0] && globFits(pattern.slice(1), name.slice(1));
}

function detected(detection: Json, event: Json, placeholders: Readonly<Record<string, string[]>>): boolean {
  if (Array.isArray(detection)) return detection.some((one) => detected(one, event, placeholders));
  if (!isMap(detection)) return itemHolds("", detection, event, placeholders);
  return Object.entries(detection).every(([key, value]) => itemHolds(key, value, event, placeholders));
}

function itemHolds(key: string, value: Json, event: Json, placeholders: Readonly<Record<string, string[]>>): boolean {
  const [field = "", ...modifiers] = key.split("|");
  const wanted = Array.isArray(value) ? (value as Json[]) : [value];
  const found = field === "" ? { there: true, texts: everyText(event) } : fieldTexts(event, field);
  const one = (item: Json): boolean => valueHolds(item, modifiers, { field, found, event, placeholders });
  let holds: boolean;
  if (wanted.length === 0) holds = found.texts.length === 0;
  else holds = modifiers.includes("all") ? wanted.every(one) : wanted.some(one);
  return modifiers.includes("neq") ? !holds : holds;
}

interface Looking {
  readonly field: string;
  readonly found: { readonly there: boolean; readonly texts: readonly string[] };
  readonly event: Json;
  readonly placeholders: Readonly<Record<string, string[]>>;
}

const COMPARE: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  lt: (left, right) => left < right,
  lte: (left, right) => left <= right,
  gt: (left, right) => left > right,
  gte: (left, right) => left >= right,
};

function valueHolds(value: Json, modifiers: readonly string[], looking: Looking): boolean {
  const { found, field, event } = looking;
  const has = (modifier: string) => modifiers.includes(modifier);
  if (has("exists")) return found.there === value;
  const compared = modifiers.find((modifier) => modifier in COMPARE);
  if (compared !== undefined)
    return found.texts.some((text) => IS_NUMBER.test(text) && COMPARE[compared]!(Number(text), value as number));
  if (value === null) return found.texts.length === 0;
  const wanted = typeof value === "string" ? value : JSON.stringify(value);
  if (has("fieldref"))
    return fieldTexts(event, wanted).texts.some((other) => found.texts.some((text) => sides(text, other, has)));
  if (has("cidr")) return found.texts.some((text) => inNetwork(text, wanted));
  if (has("re")) return found.texts.some((text) => expression(wanted, has).test(text));
  return variants(wanted, modifiers, looking).some((pattern) => {
    const around =
      field === "" ? [true, true] : [has("contains") || has("endswith"), has("contains") || has("startswith")];
    const source = `${around[0] ? "" : "^"}${pattern}${around[1] ? "" : "$"}`;
    const fold = (one: string): string => (has("cased") ? one : one.toLowerCase());
    const regex = new RegExp(fold(source), "su");
    return found.texts.some((text) => regex.test(fold(text)));
  });
}

const IS_NUMBER = /^-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,2})?$/;

function sides(text: string, other: string, has: (modifier: string) => boolean): boolean {
  const [left, right] = has("cased") ? [text, other] : [text.toLowerCase(), other.toLowerCase()];
  const before = has("contains") || has("endswith");
  const after = has("contains") || has("startswith");
  if (before && after) return left.includes(right);
  if (after) return left.startsWith(right);
  return before ? left.endsWith(right) : left === right;
}

function expression(source: string, has: (modifier: string) => boolean): RegExp {
  let flags = "";
  if (has("i") || has("ignorecase")) flags += "i";
  if (has("m") || has("multiline")) flags += "m";
  if (has("s") || has("dotall")) flags += "s";
  let body = source;
  for (let inline = /^\(\?([ims]+)\)/.exec(body); inline !== null; inline = /^\(\?([ims]+)\)/.exec(body)) {
    for (const flag of inline[1]!) if (!flags.includes(flag)) flags += flag;
    body = body.slice(inline[0].length);
  }
  return new RegExp(body, flags);
}

const WILD = { many: "[^]*", one: "[^]", dash: "[-/\u2013\u2014\u2015]" };

/** A value after its modifiers, as the body of an expression of this language. */
function variants(value: string, modifiers: readonly string[], { placeholders }: Looking): readonly string[] {
  let raw = [value];
  if (modifiers.includes("expand"))
    for (const [name, values] of Object.entries(placeholders))
      raw = raw.flatMap((text) =>
        text.includes(`%${name}%`) ? values.map((one) => text.replaceAll(`%${name}%`, () => one)) : [text],
      );
  let tokens = raw.map(tokensOf);
  for (const modifier of modifiers) {
    const plain = (list: readonly Token[]) => list.map(({ text }) => text ?? "").join("");
    const again = (text: string): Token[] => Array.from(text, (letter) => ({ text: letter }));
    if (modifier === "base64") tokens = tokens.map((list) => again(Buffer.from(plain(list)).toString("base64")));
    if (modifier === "base64offset") tokens = tokens.flatMap((list) => offsets(Buffer.from(plain(list))).map(again));
    if (modifier === "wide" || modifier === "utf16le")
      tokens = tokens.map((list) => list.flatMap((token) => [token, { text: "\0" }]));
    if (modifier === "utf16be") tokens = tokens.map((list) => list.flatMap((token) => [{ text: "\0" }, token]));
    if (modifier === "windash") tokens = tokens.map(dashes);
  }
  return tokens.map((list) =>
    list.map(({ text, wild }) => (wild === undefined ? escapeRegex(text ?? "") : WILD[wild])).join(""),
  );
}

interface Token {
  readonly text?: string;
  readonly wild?: keyof typeof WILD;
}

function tokensOf(value: string): Token[] {
  const tokens: Token[] = [];
  const letters = Array.from(value);
  while (letters.length > 0) {
    const letter = letters.shift()!;
    if (letter === "\\" && ["*", "?", "\\"].includes(letters[0] ?? "")) tokens.push({ text: letters.shift()! });
    else if (letter === "*") tokens.push({ wild: "many" });
    else if (letter === "?") tokens.push({ wild: "one" });
    else tokens.push({ text: letter });
  }
  return tokens;
}

/** A dash or slash after no word and before one. */
function dashes(tokens: readonly Token[]): Token[] {
  const isWord = (token: Token | undefined): boolean => /^\w$/.test(token?.text ?? "");
  return tokens.map((token, at) =>
    (token.text === "-" || token.text === "/") && !isWord(tokens[at - 1]) && isWord(tokens[at + 1])
      ? { wild: "dash" }
      : token,
  );
}

/** The letters of Base64 that only the bytes themselves decide, wherever in three bytes they begin. */
function offsets(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map((shift) => {
    const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    const skip = (6 - ((shift * 8) % 6)) % 6;
    const whole = bits.slice(skip);
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return (whole.match(/.{6}/g) ?? []).map((six) => letters[Number.parseInt(six, 2)]).join("");
  });
}

const escapeRegex = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);

function inNetwork(text: string, network: string): boolean {
  const [base = "", bits] = network.split("/");
  const [address, from] = [numberOf(text), numberOf(base)];
  if (address === null || from === null || address.width !== from.width) return false;
  const shift = BigInt(address.width - Number(bits ?? address.width));
  return address.value >> shift === from.value >> shift;
}

function numberOf(address: string): { readonly value: bigint; readonly width: number } | null {
  if (/^(?:\d{1,3}\.){3}\d{1,3}$/.test(address)) {
    const parts = address.split(".").map(Number);
    if (parts.some((part) => part > 255)) return null;
    return { value: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n), width: 32 };
  }
  if (!/^[0-9a-f:]+$/i.test(address) || !address.includes(":")) return null;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const middle = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => "0");
  const groups = [...left, ...middle, ...right];
  if (groups.length !== 8) return null;
  return { value: groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n), width: 128 };
}

/** The name as it is, step by step along the dots, or in the places of Windows. */
function fieldTexts(event: Json, name: string): { readonly there: boolean; readonly texts: readonly string[] } {
  const windows = isMap(event) ? ((event["Event"] ?? event) as Maps) : {};
  const system = isMap(windows["System"]) ? windows["System"] : {};
  const places: (() => Json)[] = [
    () => stepwise(event, name.split(".")),
    () => (isMap(windows["EventData"]) ? own(windows["EventData"], name) : undefined),
    () =>
      Object.values(isMap(windows["UserData"]) ? windows["UserData"] : {})
        .map((part) => (isMap(part) ? own(part, name) : undefined))
        .find((found) => found !== undefined),
    () => own(system, name),
    () => {
      const [head = "", ...rest] = name.split("_");
      const part = system[head];
      const attributes = isMap(part) && isMap(part["#attributes"]) ? part["#attributes"] : {};
      return own(attributes, rest.join("_"));
    },
  ];
  for (const place of places) {
    const value = place();
    if (value !== undefined) return { there: true, texts: scalars(value) };
  }
  return { there: false, texts: [] };
}

const own = (map: Maps, name: string): Json => {
  if (!Object.hasOwn(map, name)) return undefined;
  const value = map[name];
  return isMap(value) && "#text" in value ? value["#text"] : value;
};

function stepwise(value: Json, names: readonly string[]): Json {
  if (names.length === 0) return value;
  if (Array.isArray(value)) {
    const found = value.map((one) => stepwise(one, names)).filter((one) => one !== undefined);
    return found.length === 0 ? undefined : found.flat();
  }
  if (!isMap(value)) return undefined;
  for (let taken = names.length; taken > 0; taken--) {
    const name = names.slice(0, taken).join(".");
    if (!Object.hasOwn(value, name)) continue;
    const found = stepwise(value[name], names.slice(taken));
    if (found !== undefined) return found;
  }
  return undefined;
}

function scalars(value: Json): readonly string[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(scalars);
  return [typeof value === "string" ? value : JSON.stringify(value)];
}

function everyText(value: Json): readonly string[] {
  if (value === null || value === undefined) return [];
  if (typeof value === "object") return Object.values(value).flatMap(everyText);
  return [typeof value === "string" ? value : JSON.stringify(value)];
}
