/** Modifiers of a field: each changes what the ones before it made of the values, in the order they are written. */
import { isCidr } from "../../access/client-address.ts";
import type { Value } from "./document.ts";
import { MAX_VARIANTS } from "./limits.ts";
import { checkRegex } from "./regex.ts";
import type { CompareOperator, Part, Test, TimePart } from "./syntax.ts";
import { anyAfter, anyBefore, isMany, joined, literalText, parsePattern, withDashes } from "./text-pattern.ts";

/** Values of placeholders by their names, without the percent signs. */
export type Placeholders = ReadonlyMap<string, readonly string[]>;
export const NO_PLACEHOLDERS: Placeholders = new Map();

/** A value on its way to a test. */
interface Pending {
  readonly at: Value;
  readonly test: Test;
  /** As it is written, for expressions. */
  readonly raw: string;
  readonly value: unknown;
  /** Of text in UTF-16 what Base64 is made of. */
  readonly bytes: Buffer | null;
  /** Its bytes in UTF-16 are no text, so that nothing but Base64 of them can be looked for. */
  readonly isNoText: boolean;
}

/** What a field's values come to: any of the variants of each value, and how the values are joined. */
export interface Modified {
  readonly values: readonly (readonly { readonly at: Value; readonly test: Test }[])[];
  readonly all: boolean;
  readonly negated: boolean;
}

type Change = (pending: Pending, before: readonly string[]) => Pending;

const TEXTUAL = "needs text";

function textParts(pending: Pending): readonly Part[] {
  const { test, at } = pending;
  if (test.kind === "text") return test.parts;
  if (test.kind === "literal") return [pending.raw];
  throw at.fault(`the modifier ${TEXTUAL}, and this is ${test.kind === "null" ? "nothing" : `a ${test.kind}`}`);
}

function plainText(pending: Pending, modifier: string): string {
  const text = literalText(textParts(pending));
  if (text === null) throw pending.at.fault(`${modifier} needs text without wildcards`);
  return text;
}

function plainBytes(pending: Pending, modifier: string): Buffer {
  const text = plainText(pending, modifier);
  return pending.bytes ?? Buffer.from(text);
}

const inBase64 = (pending: Pending, text: string): Pending => ({ ...withParts(pending, [text]), isNoText: false });

const withParts = (pending: Pending, parts: readonly Part[]): Pending => ({
  ...pending,
  bytes: null,
  test: { kind: "text", parts: joined(parts), cased: pending.test.kind === "text" && pending.test.cased },
});

/** `before`, `after`: whether any text may stand there. */
const around =
  (before: boolean, after: boolean): Change =>
  (pending) => {
    const { test } = pending;
    // An expression finds its text anywhere already.
    if (test.kind === "regex") return pending;
    if (test.kind === "field")
      return {
        ...pending,
        test: { ...test, anyBefore: test.anyBefore || before, anyAfter: test.anyAfter || after },
      };
    let parts = textParts(pending);
    if (before) parts = anyBefore(parts);
    if (after) parts = anyAfter(parts);
    return withParts(pending, parts);
  };

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Null: no text has these bytes. */
function textOf(bytes: Buffer): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

const encoded =
  (encoding: "utf16le" | "utf16be" | "utf16"): Change =>
  (pending, before) => {
    const bytesOf = (text: string): Buffer => {
      const bytes = Buffer.from(text, "utf16le");
      return encoding === "utf16be" ? bytes.swap16() : bytes;
    };
    first(encoding, pending, before, UTF16);
    const parts = textParts(pending);
    const texts = parts.map((part) => (typeof part === "string" ? textOf(bytesOf(part)) : part));
    const isNoText = texts.includes(null);
    const whole = literalText(parts);
    // The mark is no text of its bytes, which are no UTF-8.
    const mark = encoding === "utf16" ? { text: ["\ufeff"], bytes: [255, 254] } : { text: [], bytes: [] };
    return {
      ...withParts(pending, [...mark.text, ...texts.map((text) => text ?? "")]),
      bytes: whole === null ? null : Buffer.concat([Buffer.from(mark.bytes), bytesOf(whole)]),
      isNoText,
    };
  };

const comparing =
  (operator: CompareOperator): Change =>
  (pending) => {
    const number = numberOf(pending);
    return { ...pending, test: { kind: "compare", operator, number } };
  };

const timePart =
  (part: TimePart): Change =>
  (pending) => {
    const number = numberOf(pending);
    if (!Number.isSafeInteger(number)) throw pending.at.fault("a part of a time is a whole number");
    return { ...pending, test: { kind: "time", part, number } };
  };

function numberOf({ at, value }: Pending): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw at.fault("the modifier needs a number");
  return value;
}

const flag =
  (letter: string): Change =>
  (pending) => {
    const { test, at } = pending;
    if (test.kind !== "regex") throw at.fault(`${letter} is a flag of re and comes after it`);
    const flags = test.flags.includes(letter) ? test.flags : test.flags + letter;
    return { ...pending, test: { ...test, flags } };
  };

const only = (modifier: string, { at }: Pending, before: readonly string[]): void => {
  const others = before.filter((name) => name !== "all" && name !== "neq" && name !== "expand");
  if (others.length > 0) throw at.fault(`${modifier} cannot come after ${others.join(", ")}`);
};

const UTF16 = ["wide", "utf16", "utf16le", "utf16be"];
const ENCODINGS = [...UTF16, "base64", "base64offset"];

/** What is encoded already holds no option and no placeholder, and is not encoded once more. */
const first = (modifier: string, { at }: Pending, before: readonly string[], others = ENCODINGS): void => {
  const encoding = before.find((name) => others.includes(name));
  if (encoding !== undefined) throw at.fault(`${modifier} cannot come after ${encoding}`);
};

const CHANGES: Readonly<Record<string, Change>> = {
  contains: around(true, true),
  startswith: around(false, true),
  endswith: around(true, false),
  cased: (pending) => {
    const { test } = pending;
    if (test.kind === "field") return { ...pending, test: { ...test, cased: true } };
    return { ...pending, test: { kind: "text", parts: textParts(pending), cased: true } };
  },
  windash: (pending, before) => {
    first("windash", pending, before);
    return withParts(pending, withDashes(textParts(pending)));
  },
  wide: encoded("utf16le"),
  utf16le: encoded("utf16le"),
  utf16be: encoded("utf16be"),
  utf16: encoded("utf16"),
  base64: (pending) => inBase64(pending, plainBytes(pending, "base64").toString("base64")),
  re: (pending, before) => {
    only("re", pending, before);
    if (pending.test.kind !== "text") throw pending.at.fault("re needs text");
    return { ...pending, test: { kind: "regex", source: pending.raw, flags: "" } };
  },
  i: flag("i"),
  ignorecase: flag("i"),
  m: flag("m"),
  multiline: flag("m"),
  s: flag("s"),
  dotall: flag("s"),
  cidr: (pending, before) => {
    only("cidr", pending, before);
    const network = plainText(pending, "cidr").trim();
    if (!isCidr(network)) throw pending.at.fault(`${JSON.stringify(network.slice(0, 80))} is no network in CIDR form`);
    return { ...pending, test: { kind: "cidr", network } };
  },
  exists: (pending, before) => {
    only("exists", pending, before);
    if (typeof pending.value !== "boolean") throw pending.at.fault("exists needs true or false");
    return { ...pending, test: { kind: "exists", wanted: pending.value } };
  },
  fieldref: (pending) => ({
    ...pending,
    test: {
      kind: "field",
      name: plainText(pending, "fieldref"),
      anyBefore: false,
      anyAfter: false,
      cased: pending.test.kind === "text" && pending.test.cased,
    },
  }),
  lt: comparing("lt"),
  lte: comparing("lte"),
  gt: comparing("gt"),
  gte: comparing("gte"),
  minute: timePart("minute"),
  hour: timePart("hour"),
  day: timePart("day"),
  week: timePart("week"),
  month: timePart("month"),
  year: timePart("year"),
};

/** Where the bytes of a text stand in Base64 when they begin at 0, 1 or 2 of three bytes. */
function base64Offsets(pending: Pending): readonly Pending[] {
  const bytes = plainBytes(pending, "base64offset");
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset, " "), bytes]).toString("base64");
    const start = [0, 2, 3][offset];
    const end = [text.length, text.length - 3, text.length - 2][(bytes.length + offset) % 3];
    return inBase64(pending, text.slice(start, end));
  });
}

/** `%name%` replaced by each of its values, whatever stands around it already. */
function expanded(pending: Pending, placeholders: Placeholders, before: readonly string[]): readonly Pending[] {
  first("expand", pending, before);
  if (pending.test.kind !== "text") throw pending.at.fault("expand needs text");
  const names = new Set([...pending.raw.matchAll(/%([^%\s]+)%/g)].map(([, name = ""]) => name));
  let variants: readonly Pending[] = [pending];
  for (const name of names) {
    // Where a wildcard is within the name, it is not one text.
    const values = /[*?\\]/.test(name) ? undefined : placeholders.get(name);
    if (values === undefined)
      throw pending.at.fault(`the placeholder %${name}% has no values; give them under rules.placeholders`);
    variants = variants.flatMap((one) => values.map((value) => withValue(one, `%${name}%`, value)));
    if (variants.length > MAX_VARIANTS)
      throw pending.at.fault(`the placeholders come to more than ${MAX_VARIANTS} values`);
  }
  return variants;
}

function withValue(pending: Pending, placeholder: string, value: string): Pending {
  const pattern = parsePattern(value);
  const parts = textParts(pending).flatMap((part) =>
    typeof part === "string"
      ? part.split(placeholder).flatMap((piece, at) => (at === 0 ? [piece] : [...pattern, piece]))
      : [part],
  );
  const once = parts.filter((part, at) => !isMany(part) || !isMany(parts[at - 1]));
  return { ...withParts(pending, once), raw: pending.raw.replaceAll(placeholder, () => value) };
}

function pendingOf(at: Value): Pending {
  const scalar = at.scalar();
  if (scalar === null) throw at.fault("a value must be text, a number, true, false or null");
  const { value, text } = scalar;
  const base = { at, raw: text, value, bytes: null, isNoText: false };
  if (value === null) return { ...base, test: { kind: "null" } };
  if (typeof value === "number" || typeof value === "bigint")
    return { ...base, test: { kind: "literal", text: String(value) } };
  if (typeof value === "boolean") return { ...base, test: { kind: "literal", text: String(value) } };
  return { ...base, test: { kind: "text", parts: parsePattern(text), cased: false } };
}

export function modify(
  values: readonly Value[],
  modifiers: readonly string[],
  placeholders: Placeholders,
  at: { fault(reason: string): Error },
): Modified {
  let variants: readonly (readonly Pending[])[] = values.map((value) => [pendingOf(value)]);
  const before: string[] = [];
  let all = false;
  let negated = false;
  const each = (change: (pending: Pending) => readonly Pending[]): void => {
    variants = variants.map((of) => of.flatMap(change));
  };
  for (const modifier of modifiers) {
    const change = Object.hasOwn(CHANGES, modifier) ? CHANGES[modifier] : undefined;
    if (modifier === "all") all = true;
    else if (modifier === "neq") negated = true;
    else if (modifier === "base64offset") each(base64Offsets);
    else if (modifier === "expand") each((pending) => expanded(pending, placeholders, before));
    else if (change === undefined) throw at.fault(`there is no modifier ${JSON.stringify(modifier.slice(0, 40))}`);
    else each((pending) => [change(pending, before)]);
    before.push(modifier);
  }
  for (const { test, at: value, isNoText } of variants.flat()) {
    if (isNoText) throw value.fault("in UTF-16 this is no text, as fields are: look for its base64 or base64offset");
    if (test.kind === "regex") checkRegex(test.source, test.flags, value);
  }
  return { values: variants, all, negated };
}
