/**
 * Canonical bytes of a record: the same as `canonicalOf(record)`, several times faster. The field order is known beforehand, each
 * string is tested once for escapes, and the whole record becomes one string that is written in one call.
 */
import { canonicalOf, numeral, quote } from "./canonical.ts";
import { FIELDS } from "./fields.ts";
import type { AuditRecord } from "./types.ts";
import { writeUtf8 } from "./utf8.ts";

/** Field names in canonical order. */
export const RECORD_KEYS: readonly string[] = FIELDS.map((field) => field.name).sort();
/** Where a field stands in canonical order. */
export const KEY_INDEX: ReadonlyMap<string, number> = new Map(RECORD_KEYS.map((name, index) => [name, index]));

const FIRST_PREFIXES: readonly string[] = RECORD_KEYS.map((name) => `{"${name}":`);
const NEXT_PREFIXES: readonly string[] = RECORD_KEYS.map((name) => `,"${name}":`);

export function canonicalJson(record: AuditRecord): string {
  let text = "";
  let last = -1;
  for (const key in record) {
    const index = KEY_INDEX.get(key);
    // A record that `normalise` made or `decodeLeaf` read has its keys in order; any other is sorted first.
    if (index === undefined || index <= last) return canonicalOf(record);
    const value = record[key as keyof AuditRecord];
    if (value === undefined) continue;
    text += (last === -1 ? FIRST_PREFIXES : NEXT_PREFIXES)[index]! + member(value);
    last = index;
  }
  return last === -1 ? "{}" : `${text}}`;
}

/** Writes the canonical bytes and returns how many. Throws a RangeError when the target is too small. */
export function writeCanonical(record: AuditRecord, target: Uint8Array, offset: number): number {
  return writeUtf8(canonicalJson(record), target, offset);
}

type Member = string | number | readonly string[] | Readonly<Record<string, string>>;

function member(value: Member): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return numeral(value);
  return Array.isArray(value) ? names(value) : map(value as Readonly<Record<string, string>>);
}

function names(values: readonly string[]): string {
  let text = "[";
  for (let index = 0; index < values.length; index++) text += (index === 0 ? "" : ",") + string(values[index]);
  return `${text}]`;
}

function map(values: Readonly<Record<string, string>>): string {
  const keys = Object.keys(values);
  if (!isAscending(keys)) keys.sort();
  let text = "{";
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    text += `${(index === 0 ? "" : ",") + quote(key)}:${string(values[key])}`;
  }
  return `${text}}`;
}

function string(value: unknown): string {
  if (typeof value !== "string") throw new TypeError(`a record holds strings here, not ${typeof value}`);
  return quote(value);
}

function isAscending(keys: readonly string[]): boolean {
  for (let index = 1; index < keys.length; index++) if (keys[index - 1]! >= keys[index]!) return false;
  return true;
}
