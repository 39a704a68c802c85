import { assert } from "./assert.ts";

declare const brand: unique symbol;

/** A number of leaves, 0 … 2^53 − 1. Branded so that an index, a count and a size are not mistaken for each other. */
export type TreeSize = number & { readonly [brand]: "TreeSize" };

export function isTreeSize(value: number): value is TreeSize {
  return Number.isSafeInteger(value) && value >= 0;
}

export function treeSize(value: number): TreeSize {
  assert(isTreeSize(value), `not a tree size: ${value}`);
  return value;
}

/** Canonical decimals only: no sign, no leading zero, at most 2^53 − 1; null otherwise. */
export function parseDecimal(text: string): number | null {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
