/** The seeded calls that the tally is measured with: what is called honest is, and what is broken can be told. */
import { callId, type AuditRecord } from "@tallystick/record";
import { expect, test } from "vitest";
import { BREAK_KINDS, callOf, HONEST_SHAPES, type Call } from "../bench/tally/calls.ts";
import { halfRecord } from "../bench/tally/half-record.ts";
import { lateHalves, shuffledHalves } from "../bench/tally/shuffle.ts";
import { compare, seededBreaks } from "../bench/tally/truth.ts";

const TIMELINE = { seed: 11, startMs: Date.parse("2026-11-25T10:00:00Z"), stepUs: 50 };
const CALLS = 10_000;
const all: readonly Call[] = Array.from({ length: CALLS }, (_, n) => callOf(TIMELINE.seed, n));

function records(call: Call): readonly AuditRecord[] {
  return call.halves.map((half) => JSON.parse(halfRecord(call, half, TIMELINE)) as AuditRecord);
}

test("one call in a hundred is broken, in every way, and every honest shape is there", () => {
  const broken = all.filter((call) => call.broken !== null);
  expect(broken.length / CALLS).toBeCloseTo(0.01, 2);
  expect(new Set(all.map(({ shape }) => shape))).toEqual(new Set([...BREAK_KINDS, ...HONEST_SHAPES]));
  expect(all.reduce((sum, { halves }) => sum + halves.length, 0) / CALLS).toBeCloseTo(2, 1);
});

test("the halves of a call have one call id, which no other call has", () => {
  const ids = all.map((call) => new Set(records(call).map(callId)));
  expect(all.filter((_, n) => ids[n]!.size !== 1).map(({ shape }) => shape)).toEqual([]);
  expect(new Set(ids.flatMap((of) => [...of])).size).toBe(CALLS);
});

test("honest halves agree in what both tell", () => {
  const fields = ["status", "status_code", "request_size", "response_size", "request_digest", "response_digest"];
  const differ = all
    .filter(({ shape }) => shape === "pair")
    .flatMap((call) => {
      const [one, other] = records(call);
      return (fields as readonly (keyof AuditRecord)[]).filter((field) => one?.[field] !== other?.[field]);
    });
  expect(differ).toEqual([]);
});

test("a shuffled load and its late halves are all halves, each once", () => {
  let nowMs = 0;
  const source = shuffledHalves(TIMELINE, CALLS, () => (nowMs += 25));
  const late = lateHalves(TIMELINE, CALLS);
  const sent: string[] = [];
  for (let lines = source(100); lines !== null; lines = source(100)) sent.push(...idsOf(lines.toString("latin1")));
  const sentLate: string[] = [];
  for (let lines = late(100); lines !== null; lines = late(100)) sentLate.push(...idsOf(lines.toString("latin1")));
  expect(sentLate).toHaveLength(all.filter((call) => call.late).length);
  expect([...sent, ...sentLate].sort()).toEqual(
    all
      .flatMap(records)
      .map(({ id }) => id)
      .sort(),
  );
});

test("a comparison tells missed, wrong and false breaks apart", () => {
  const seeded = seededBreaks(TIMELINE, CALLS);
  const breaks = [...seeded].map(([id, kind]) => ({ kind, call_id: id, field: FIELDS[kind] ?? "" }));
  expect(compare(seeded, breaks)).toMatchObject({ missed: 0, wrong: 0, false_breaks: 0, examples: [] });
  const [first, ...rest] = breaks;
  expect(compare(seeded, rest)).toMatchObject({ missed: 1, wrong: 0, false_breaks: 0 });
  expect(compare(seeded, [{ ...first!, kind: "other" }, ...rest])).toMatchObject({ missed: 1, wrong: 1 });
  expect(compare(seeded, [...breaks, { kind: "replay", call_id: "honest", field: "" }]).false_breaks).toBe(1);
  expect(compare(seeded, [...breaks, first!]).false_breaks).toBe(1);
});

const FIELDS: Readonly<Record<string, string>> = {
  discrepancy_status: "status",
  discrepancy_operation: "operation",
  discrepancy_request_digest: "request_digest",
  discrepancy_response_digest: "response_digest",
  discrepancy_size: "response_size",
  discrepancy_identity: "peer_identity",
};

function idsOf(lines: string): readonly string[] {
  return lines
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly id: string }).id);
}
