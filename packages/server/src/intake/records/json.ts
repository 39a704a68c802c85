import type { Batch } from "../batch.ts";
import { malformed, tooMany, type Refused } from "../refused.ts";

/**
 * One record, or an array of records; line n is the nth element. Text that is not JSON is refused as a whole: there
 * is no place to go on.
 */
export function readJson(text: string, maxRecords: number, batch: Batch): Refused | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return malformed(`the body is not JSON: ${positionOf(error)}`);
  }
  if (!Array.isArray(json)) {
    batch.take(1, json);
    return null;
  }
  if (json.length > maxRecords) return tooMany(maxRecords);
  for (let at = 0; at < json.length; at++) batch.take(at + 1, json[at]);
  return null;
}

/** Where the parser stopped; its own message quotes the body, which may hold secrets. */
export function positionOf(error: unknown): string {
  const position = /at position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
  return position === undefined
    ? "it ends too early or holds something else"
    : `unexpected text at position ${position}`;
}
