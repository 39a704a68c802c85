import { readFileSync } from "node:fs";
import type { AuditRecord } from "@tallystick/record";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ownRecord } from "./own-record.ts";
import { ControlPast, snapshotFields, SnapshotReader } from "./snapshot.ts";
import { manualClock } from "../manual-clock.ts";

const random = (size: number): Uint8Array => new Uint8Array(size);
const change = (operation: string, resource: string, text = ""): AuditRecord =>
  ownRecord(manualClock(), random, { event_type: "CONFIG_CHANGE", operation, resource, attributes: { text } });
const parts = (id: string, records: readonly AuditRecord[]): readonly AuditRecord[] =>
  snapshotFields(id, records).map((fields) => ownRecord(manualClock(), random, fields));

describe("a snapshot of the control log", () => {
  it("gives its records again, whatever characters they hold and however many parts they make", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 9_000 }), { maxLength: 12 }), (texts) => {
        const records = texts.map((text, place) => change("set", `alias/${place}`, Buffer.from(text).toString("utf8")));
        const reader = new SnapshotReader();
        const taken = parts("snapshot_1", records).map((part) => reader.take(part));
        expect(taken.at(-1)).toEqual(records);
        expect(taken.slice(0, -1).every((outcome) => outcome === null)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it("changes nothing while a part is missing, of another snapshot, or out of order", () => {
    const records = Array.from({ length: 40 }, (_, place) => change("set", `alias/${place}`, "x".repeat(1_000)));
    const [first, second, ...rest] = parts("snapshot_1", records);
    const other = parts("snapshot_2", records)[1]!;
    expect(rest.length).toBe(1);
    const takes = (...some: readonly (AuditRecord | undefined)[]): unknown => {
      const reader = new SnapshotReader();
      return some.map((part) => reader.take(part!)).at(-1);
    };
    expect(takes(first, rest[0])).toBeNull();
    expect(takes(second, rest[0])).toBeNull();
    expect(takes(first, other, rest[0])).toBeNull();
    expect(takes(second, first, rest[0])).toBeNull();
    expect(takes(first, first, second, rest[0])).toEqual(records);
  });

  it("holds of each kind of change of each thing the last one, in their order", () => {
    const past = new ControlPast();
    const [set, removed, again] = [change("set", "a"), change("remove", "a"), change("set", "a", "new")];
    for (const record of [set, change("set", "b"), removed, again]) past.take(record);
    past.take({ ...set, event_type: "API_CALL" });
    expect(past.records().map(({ operation, resource }) => `${operation} ${resource}`)).toEqual([
      "set b",
      "remove a",
      "set a",
    ]);
    expect(past.records().at(-1)).toBe(again);
    for (const operation of ["save search", "forget search"]) past.take(change(operation, "search/ada/old"));
    expect(past.records().at(-1)).toBe(again);
  });

  it("is written as docs/formats/control-snapshot.md says", () => {
    const read = (name: string): unknown =>
      JSON.parse(
        readFileSync(new URL(`../../../../docs/formats/vectors/control-snapshot/${name}`, import.meta.url), "utf8"),
      );
    const records = read("records.json") as readonly AuditRecord[];
    expect(snapshotFields("snapshot_00000000000000000000", records).map(({ attributes }) => attributes)).toEqual(
      read("parts.json"),
    );
  });
});
