import { isAscii, isUtf8 } from "node:buffer";

import type { Batch } from "../batch.ts";
import { tooMany, type Refused } from "../refused.ts";
import type { RawText } from "../signed-batch.ts";
import { positionOf } from "./json.ts";

const NEWLINE = 0x0a;

/**
 * One record a line, parsed line by line: a bad line is rejected alone, two values on a line are a bad line, blank
 * lines are passed over but counted. Cutting a line from the bytes and parsing it at once is the fastest way as well
 * (measured: 1.7 µs a line of 840 bytes, against 1.9 for the whole body made one array, whose records all live until
 * the last is written).
 */
export function readNdjson(body: Uint8Array, maxRecords: number, batch: Batch): Refused | null {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const ascii = isAscii(bytes);
  const valid = ascii || isUtf8(bytes);
  let records = 0;
  let start = 0;
  for (let line = 1; start < bytes.byteLength; line++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.byteLength : newline;
    if (!isBlank(bytes, start, end)) {
      if (++records > maxRecords) return tooMany(maxRecords);
      if (valid || isUtf8(bytes.subarray(start, end))) {
        const raw = batch.isSigned ? { bytes, start, end } : null;
        takeLine(bytes.toString(ascii ? "latin1" : "utf8", start, end), line, raw, batch);
      } else batch.reject(line, "malformed_line", "the line is not UTF-8");
    }
    start = end + 1;
  }
  return null;
}

function takeLine(text: string, line: number, raw: RawText | null, batch: Batch): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    batch.reject(line, "malformed_line", `the line is not one JSON value: ${positionOf(error)}`);
    return;
  }
  batch.take(line, value, raw);
}

/** Only white space; a record begins with a brace, so this looks at one byte of it. */
function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0d && byte !== 0x09) return false;
  }
  return true;
}
