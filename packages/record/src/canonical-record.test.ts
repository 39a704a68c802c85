import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { targetOf, writeSlots } from "./canonical-bytes.ts";
import { canonicalOf } from "./canonical.ts";
import { canonicalJson, RECORD_KEYS } from "./canonical-record.ts";
import { REQUIRED, normalised, producerInput, testContext } from "./record.contract.ts";
import type { Slots } from "./slots.ts";
import type { AuditRecord } from "./types.ts";
import { encodeUtf8, utf8Length, writePortably, writeUtf8 } from "./utf8.ts";

const anyRecord = producerInput
  .map((input) => normalised(input, testContext()))
  .filter((outcome) => outcome.kind === "ok")
  .map((outcome) => outcome.record);

const example = normalised({ ...REQUIRED, attributes: { "10": "a", "9": "b", ä: "🙂", q: '"\\\n' } }, testContext());
const record = (example as { record: AuditRecord }).record;

function slotsOf(from: AuditRecord): Slots {
  return RECORD_KEYS.map((name) => from[name as keyof AuditRecord]);
}

describe("canonical bytes of a record", () => {
  it("are those of any RFC 8785 implementation", () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(40), (one, offset) => {
        const text = canonicalJson(one);
        expect(text).toBe(canonicalOf(one));
        expect(text).toBe(canonicalize(one));
        const target = new Uint8Array(offset + utf8Length(text));
        expect(writeSlots(slotsOf(one), targetOf(target), offset)).toBe(target.length - offset);
        expect(Buffer.from(target.subarray(offset)).toString()).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("do not depend on the order of the keys", () => {
    const entries = Object.entries(record);
    const other = Object.fromEntries(entries.toReversed()) as unknown as AuditRecord;
    expect(canonicalJson(other)).toBe(canonicalJson(record));
  });

  it("never run over the end of the target, and leave what lies before the offset alone", () => {
    const size = utf8Length(canonicalJson(record));
    for (let room = 0; room < size; room++)
      expect(() => writeSlots(slotsOf(record), targetOf(new Uint8Array(room + 3)), 3)).toThrow(RangeError);
    const target = new Uint8Array(size + 6).fill(7);
    writeSlots(slotsOf(record), targetOf(target), 3);
    expect([...target.subarray(0, 3), ...target.subarray(size + 3)]).toEqual([7, 7, 7, 7, 7, 7]);
  });

  it.each([
    ["a lone surrogate", { resource: "\ud800" }],
    ["a lone surrogate in a long text", { resource: `${"x".repeat(200)}\udc00` }],
    ["a lone surrogate in an attribute", { attributes: { a: "\ud800" } }],
    ["a number that JSON does not have", { attempt: Number.NaN }],
  ])("refuse %s", (_name, changes) => {
    const bad = { ...record, ...changes };
    expect(() => canonicalJson(bad)).toThrow(TypeError);
  });

  it("keep a backslash that only looks like an escaped surrogate", () => {
    const odd = { ...record, resource: "\\ud800" };
    expect(JSON.parse(canonicalJson(odd))).toMatchObject({ resource: "\\ud800" });
  });

  it("leave out a field that is undefined", () => {
    const odd = { ...record, region: undefined } as unknown as AuditRecord;
    expect(canonicalJson(odd)).toBe(canonicalJson(record));
  });
});

describe("UTF-8", () => {
  it("is the same natively and portably", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(8), (text, offset) => {
        const bytes = encodeUtf8(text);
        for (const write of [writeUtf8, writePortably]) {
          const target = new Uint8Array(offset + bytes.length);
          expect(write(text, target, offset)).toBe(bytes.length);
          expect(target.subarray(offset)).toEqual(bytes);
          if (bytes.length > 0)
            expect(() => write(text, new Uint8Array(offset + bytes.length - 1), offset)).toThrow(RangeError);
        }
      }),
    );
  });
});
