import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";

import { TallystickError } from "../errors.ts";
import { MAX_CURSOR_LENGTH, MAX_CURSOR_TREES } from "./limits.ts";
import type { TreeSizes } from "./tree-sizes.ts";

/**
 * Where a run of pages goes on: opaque text for the reader. It is not secret and gives no right: the scope is
 * applied to every page again. It is bound to the question, so that it is not used with another one by mistake, and
 * read strictly.
 */
export interface Cursor {
  /** What `now` was on the first page. */
  readonly nowUs: number;
  readonly sizes: TreeSizes;
  /** The last record given; the next page begins after it. Null: nothing was given yet. */
  readonly after: PageKey | null;
}

/** The order of records: time, then tree, then leaf index. */
export interface PageKey {
  readonly us: number;
  readonly tree: string;
  readonly leafIndex: number;
}

const VERSION = 2;

export function encodeCursor(cursor: Cursor, question: readonly unknown[]): string {
  const { nowUs, sizes, after } = cursor;
  const last = after === null ? null : [after.us, after.tree, after.leafIndex];
  const content = [VERSION, questionHash(question), nowUs, [...sizes], last];
  // Packed, so that hundreds of trees fit into what clients take for a header or a URL.
  return deflateRawSync(JSON.stringify(content)).toString("base64url");
}

/** TallystickError `cursor_invalid` unless it is exactly what encodeCursor gave for the same question. */
export function decodeCursor(text: string, question: readonly unknown[]): Cursor {
  const content = parse(text);
  if (content === null) throw invalid("It is not a cursor of this server.");
  const [version, hash, nowUs, sizes, after] = content;
  if (version !== VERSION) throw invalid("It is of another version.");
  if (hash !== questionHash(question)) throw invalid("It belongs to another query.");
  const key = keyOf(after);
  const trees = sizesOf(sizes);
  if (!isMicroseconds(nowUs) || (key === null && after !== null) || trees === null) throw invalid("It is damaged.");
  const cursor = { nowUs, sizes: trees, after: key };
  if (encodeCursor(cursor, question) !== text) throw invalid("It is damaged.");
  return cursor;
}

function questionHash(question: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(question)).digest("base64url").slice(0, 22);
}

function parse(text: string): readonly unknown[] | null {
  if (text.length > MAX_CURSOR_LENGTH || !/^[A-Za-z0-9_-]+$/.test(text)) return null;
  try {
    const packed = Buffer.from(text, "base64url");
    const content: unknown = JSON.parse(
      inflateRawSync(packed, { maxOutputLength: MAX_CURSOR_LENGTH }).toString("utf8"),
    );
    return Array.isArray(content) && content.length === 5 ? content : null;
  } catch {
    return null;
  }
}

function keyOf(value: unknown): PageKey | null {
  if (!Array.isArray(value) || value.length !== 3) return null;
  const [us, tree, leafIndex]: readonly unknown[] = value;
  return isMicroseconds(us) && isTree(tree) && isSize(leafIndex, -1) ? { us, tree, leafIndex } : null;
}

function sizesOf(value: unknown): TreeSizes | null {
  if (!Array.isArray(value) || value.length > MAX_CURSOR_TREES) return null;
  const sizes = new Map<string, number>();
  for (const entry of value as readonly unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 2) return null;
    const [tree, size]: readonly unknown[] = entry;
    if (!isTree(tree) || !isSize(size, 1) || sizes.has(tree)) return null;
    sizes.set(tree, size);
  }
  return sizes;
}

function isMicroseconds(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}

function isSize(value: unknown, least: number): value is number {
  return isMicroseconds(value) && value >= least;
}

function isTree(value: unknown): value is string {
  return typeof value === "string" && value.length <= 200;
}

function invalid(problem: string): TallystickError {
  return new TallystickError("cursor_invalid", `The cursor cannot be used. ${problem}`, {
    hint: "Begin again without a cursor, with the same q, from, to, time, order and own on every page.",
  });
}
