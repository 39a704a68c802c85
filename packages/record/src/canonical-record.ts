/**
 * Canonical text of a record: the same as `canonicalOf(record)`, several times faster. A record in normal form has its
 * keys in canonical order already, and then JSON.stringify writes what RFC 8785 asks for, but for lone surrogates and
 * numbers that JSON does not have; those, and records in another order, take the general way.
 */
import { canonicalOf } from "./canonical.ts";
import { FIELDS } from "./fields.ts";
import type { AuditRecord } from "./types.ts";

/** Field names in canonical order. */
export const RECORD_KEYS: readonly string[] = FIELDS.map((field) => field.name).sort();
/** Where a field stands in canonical order. */
export const KEY_INDEX: ReadonlyMap<string, number> = new Map(RECORD_KEYS.map((name, index) => [name, index]));

/**
 * What JSON.stringify writes for a lone surrogate, which it does not refuse (and for a backslash before "ud", which is
 * harmless).
 */
const MAYBE_SURROGATE = "\\ud";

/** Throws a TypeError on what has no canonical form. A field that is undefined counts as absent. */
export function canonicalJson(record: AuditRecord): string {
  if (isInOrder(record)) {
    const text = JSON.stringify(record);
    if (!text.includes(MAYBE_SURROGATE)) return text;
  }
  return canonicalOf(Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)));
}

/** True when the keys stand in canonical order and every value is one that JSON.stringify writes as it is. */
function isInOrder(record: AuditRecord): boolean {
  let last = -1;
  for (const key in record) {
    const index = KEY_INDEX.get(key);
    if (index === undefined || index <= last) return false;
    last = index;
    const value = record[key as keyof AuditRecord];
    if (typeof value === "string" || value === undefined) continue;
    if (typeof value === "number" ? !Number.isFinite(value) : !isSimple(value)) return false;
  }
  return true;
}

function isSimple(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) ? value.every(isString) : isOrderedMap(value as Readonly<Record<string, unknown>>);
}

function isOrderedMap(values: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(values);
  return isAscending(keys) && keys.every((key) => typeof values[key] === "string");
}

function isString(value: unknown): boolean {
  return typeof value === "string";
}

/** The keys of a map in canonical order. */
export function sortedKeys(values: object): readonly string[] {
  const keys = Object.keys(values);
  return isAscending(keys) ? keys : keys.sort();
}

function isAscending(keys: readonly string[]): boolean {
  for (let index = 1; index < keys.length; index++) if (keys[index - 1]! >= keys[index]!) return false;
  return true;
}
