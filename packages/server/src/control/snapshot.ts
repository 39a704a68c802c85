/**
 * All that the control log says, carried on into a newer tree, so that an older one may go
 * (docs/formats/control-snapshot.md). A snapshot is the records themselves: of each kind of change of each thing the
 * last, in their order. Whoever reads it begins anew with them, by the same function that reads them one by one.
 *
 * Invariant: a snapshot that is not whole changes nothing.
 */
import { canonicalJson } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import { SNAPSHOT_PART_LENGTH } from "./limits.ts";
import type { OwnFields } from "./own-record.ts";
import { takenBackBy } from "./saved-searches.ts";

const OPERATION = "control snapshot";
const ID = "tallystick.snapshot_id";
const PART = "tallystick.snapshot_part";
const PARTS = "tallystick.snapshot_parts";
const TEXT = "tallystick.snapshot_records";

/** The changes that matter still: a later one of the same kind, of the same thing, takes the place of an earlier one. */
export class ControlPast {
  readonly #changes = new Map<string, AuditRecord>();

  take(record: AuditRecord): void {
    if (record.event_type !== "CONFIG_CHANGE") return;
    const keyOf = (operation: string) => [operation, record.resource ?? "", record.phase].join("\0");
    const takenBack = takenBackBy(record);
    this.#changes.delete(keyOf(takenBack ?? record.operation));
    if (takenBack === null) this.#changes.set(keyOf(record.operation), record);
  }

  records(): readonly AuditRecord[] {
    return [...this.#changes.values()];
  }

  clear(): void {
    this.#changes.clear();
  }
}

/** The parts, to be appended as one batch. */
export function snapshotFields(id: string, records: readonly AuditRecord[]): readonly OwnFields[] {
  // ASCII only, so that it may be cut anywhere.
  const text = `[${records.map((record) => canonicalJson(record)).join(",")}]`.replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const count = Math.ceil(text.length / SNAPSHOT_PART_LENGTH);
  return Array.from({ length: count }, (_, place) => ({
    event_type: "LOG_LIFECYCLE",
    operation: OPERATION,
    attributes: {
      [ID]: id,
      [PART]: String(place + 1),
      [PARTS]: String(count),
      [TEXT]: text.slice(place * SNAPSHOT_PART_LENGTH, (place + 1) * SNAPSHOT_PART_LENGTH),
    },
  }));
}

/** Puts the parts of a snapshot together again, as they are read. */
export class SnapshotReader {
  #id = "";
  #parts: string[] = [];

  /** The records of a snapshot when this one completes it, else null. */
  take(record: AuditRecord): readonly AuditRecord[] | null {
    const { [ID]: id, [PART]: part, [PARTS]: parts, [TEXT]: text } = record.attributes ?? {};
    if (record.event_type !== "LOG_LIFECYCLE" || record.operation !== OPERATION) return null;
    if (id === undefined || text === undefined) return null;
    if (part === "1") [this.#id, this.#parts] = [id, []];
    if (id !== this.#id || part !== String(this.#parts.length + 1)) return null;
    this.#parts.push(text);
    return parts === part ? (JSON.parse(this.#parts.join("")) as readonly AuditRecord[]) : null;
  }
}
