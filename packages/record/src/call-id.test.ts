import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { callId } from "./call-id.ts";
import { REQUIRED, normalised, testContext } from "./record.contract.ts";

interface CallIdVector {
  readonly name: string;
  readonly record: object;
  readonly call_id: string;
}
const vectors = JSON.parse(
  readFileSync(new URL("../../../docs/formats/vectors/record/call-id.json", import.meta.url), "utf8"),
) as readonly CallIdVector[];

function idOf(fields: object): string {
  const outcome = normalised({ ...REQUIRED, ...fields }, testContext());
  if (outcome.kind !== "ok") throw new Error(outcome.message);
  return callId(outcome.record);
}

describe("the call id", () => {
  it.each(vectors)("$name", ({ record, call_id: expected }) => {
    expect(idOf(record)).toBe(expected);
  });

  it("is the same on both sides of a call, with traces and without", () => {
    const trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    const caller = idOf({ side: "caller", trace_id, span_id: "00f067aa0ba902b7", target_id: "b" });
    expect(idOf({ side: "callee", trace_id, span_id: "b7ad6b7169203331", parent_span_id: "00f067aa0ba902b7" })).toBe(
      caller,
    );
    const both = { target_id: "b", request_id: "r", attempt: 2 };
    expect(idOf({ ...both, side: "caller" })).toBe(idOf({ ...both, side: "callee" }));
  });

  it("differs when any part differs, whatever characters the parts hold", () => {
    const part = fc.string({ unit: fc.constantFrom("/", "%", "2", "F", "5", "a"), minLength: 1, maxLength: 6 });
    const parts = fc.tuple(part, part, part);
    const of = ([service_id, target_id, request_id]: readonly string[]) => idOf({ service_id, target_id, request_id });
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(of(one) === of(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 1_000 },
    );
  });
});
