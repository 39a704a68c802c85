import type { StoredRecord } from "@tallystick/record";

import type { Direction } from "../timeline.ts";

/**
 * A record of an export, with its direction in a timeline, and with the text of its proof when proofs were asked for
 * (null: no checkpoint covers it yet).
 */
export interface ExportedRecord {
  readonly stored: StoredRecord;
  readonly direction?: Direction;
  readonly proof?: string | null;
}

/**
 * How records become text. The whole is head, then records, then tail; an export that goes on from a cursor has no
 * head.
 */
export interface ExportFormat {
  readonly contentType: string;
  readonly head: string;
  readonly record: (exported: ExportedRecord) => string;
  readonly tail: string;
}
