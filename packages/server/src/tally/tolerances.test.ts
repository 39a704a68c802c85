/** What a verdict says of both sides, and where a tolerance ends. */
import type { AuditRecord } from "@tallystick/record";
import { expect, test } from "vitest";

import { benchesOfTests, pair, SECOND_US } from "./tally-bench.contract.ts";

const bench = benchesOfTests();

const TOLERANCES = { sizeBytes: 10, timeUs: SECOND_US, unknownSkewUs: SECOND_US };
const UNKNOWN_SKEW = `${SECOND_US} us while the skew of the two clocks is not known`;
const at = (second: string, durationUs: number): Partial<AuditRecord> => ({
  timestamp: `2026-11-25T08:00:${second}Z`,
  duration_us: durationUs,
});

interface Case {
  readonly name: string;
  readonly caller: Partial<AuditRecord>;
  readonly callee: Partial<AuditRecord>;
  /** Kind, field, both values and the tolerance; null: they agree. */
  readonly told: readonly [string, string, string, string, string] | null;
}

const CASES: readonly Case[] = [
  {
    name: "another status",
    caller: { status: "error", status_code: "500" },
    callee: { status: "success", status_code: "200" },
    told: ["discrepancy_status", "status", "error", "success", "equal, or the same status_code"],
  },
  {
    name: "another digest",
    caller: { response_digest: `sha256:${"a".repeat(64)}` },
    callee: { response_digest: `sha256:${"b".repeat(64)}` },
    told: [
      "discrepancy_response_digest",
      "response_digest",
      `sha256:${"a".repeat(64)}`,
      `sha256:${"b".repeat(64)}`,
      "equal",
    ],
  },
  {
    name: "sizes as far apart as they may be",
    caller: { request_size: 100 },
    callee: { request_size: 110 },
    told: null,
  },
  {
    name: "sizes one byte further apart",
    caller: { request_size: 100 },
    callee: { request_size: 111 },
    told: ["discrepancy_size", "request_size", "100", "111", "10 bytes"],
  },
  { name: "as early as it may be", caller: at("10.000000", 50_000), callee: at("09.000000", 50_000), told: null },
  {
    name: "a microsecond too early",
    caller: at("10.000000", 50_000),
    callee: at("08.999999", 50_000),
    told: ["discrepancy_time", "timestamp", "10.000000 + 50000 us", "08.999999 + 50000 us", UNKNOWN_SKEW],
  },
  { name: "as long as it may last", caller: at("10.000000", 500_000), callee: at("10.000000", 1_500_000), told: null },
  {
    name: "a callee that outlasts its caller",
    caller: at("10.000000", 500_000),
    callee: at("10.000000", 1_500_001),
    told: ["discrepancy_time", "timestamp", "10.000000 + 500000 us", "10.000000 + 1500001 us", UNKNOWN_SKEW],
  },
  {
    name: "a callee that outlasts a caller that gave up",
    caller: { ...at("10.000000", 500_000), status: "timeout" },
    callee: { ...at("10.000000", 9_000_000), status: "error" },
    told: null,
  },
];

test("a break tells both values and the tolerance, and what lies within it is none", async () => {
  const tally = await bench({ tolerances: TOLERANCES });
  // An edge each, so that no skew is learned.
  const edge = (place: number) => ({ service_id: `orders-${place}`, target_id: `payments-${place}` });
  const calls = CASES.flatMap(({ name, caller, callee }, place) =>
    pair(name, 12 + place, { ...edge(place), ...caller }, { ...edge(place), ...callee }),
  );
  await tally.add(...calls);
  await tally.passTo(120);
  const told = new Map(
    tally.verdicts.map(({ operation, attributes = {} }) => [
      attributes["tally.call_id"]?.split("/")[2],
      [
        operation,
        ...["field", "caller_value", "callee_value", "tolerance"].map((name) =>
          attributes[`tally.${name}`]?.replace("2026-11-25 08:00:", ""),
        ),
      ],
    ]),
  );
  expect(CASES.map(({ name }) => [name, told.get(name) ?? null])).toEqual(CASES.map((one) => [one.name, one.told]));
});
