import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  compareEpochs,
  epochAt,
  epochEndUs,
  epochStartUs,
  nextEpoch,
  parseEpochPolicy,
  restoredEpoch,
} from "./epochs.ts";
import type { EpochPolicy } from "./epochs.ts";

const us = (text: string): number => Date.parse(text) * 1_000;
const POLICIES: readonly EpochPolicy[] = [
  { kind: "month" },
  { kind: "week" },
  { kind: "day" },
  { kind: "duration", seconds: 10 },
  { kind: "duration", seconds: 5_400 },
];
const times = fc.integer({ min: us("1971-01-01T00:00:00Z"), max: us("2200-01-01T00:00:00Z") });

describe("epochs", () => {
  test.each([
    ["month", "2026-11-25T13:14:15Z", "2026-11", "2026-11-01T00:00:00Z"],
    ["day", "2026-11-25T13:14:15Z", "2026-11-25", "2026-11-25T00:00:00Z"],
    ["week", "2026-11-25T13:14:15Z", "2026-W48", "2026-11-23T00:00:00Z"],
    ["week", "2027-01-03T23:59:59Z", "2026-W53", "2026-12-28T00:00:00Z"],
    ["week", "2027-01-04T00:00:00Z", "2027-W01", "2027-01-04T00:00:00Z"],
    ["week", "2024-12-30T00:00:00Z", "2025-W01", "2024-12-30T00:00:00Z"],
    ["10s", "2026-11-25T01:02:09Z", "e20261125T010200Z", "2026-11-25T01:02:00Z"],
    ["3600s", "2026-11-25T01:59:59Z", "e20261125T010000Z", "2026-11-25T01:00:00Z"],
  ])("by %s, %s is in %s, which began at %s", (policy, at, name, began) => {
    expect(epochAt(parseEpochPolicy(policy)!, us(at))).toBe(name);
    expect(epochStartUs(name)).toBe(us(began));
  });

  test.each(["", "year", "9s", "0s", "10", "10m", "-10s", "1e3s"])("%j is no policy", (text) => {
    expect(parseEpochPolicy(text)).toBeNull();
  });

  test.each([
    "2026-13",
    "2026-00",
    "2026-02-31",
    "2026-W54",
    "2027-W53",
    "2026-W00",
    "e20261125T256000Z",
    "2026",
    "lost+found",
    "2026-1",
  ])("%j is no epoch's name", (name) => {
    expect(epochStartUs(name)).toBeNull();
  });

  test("a time lies in its epoch, whose name says when it began and can be a part of a path", () => {
    fc.assert(
      fc.property(fc.constantFrom(...POLICIES), times, (policy, at) => {
        const name = epochAt(policy, at);
        const start = epochStartUs(name)!;
        expect(start).toBeLessThanOrEqual(at);
        expect(epochAt(policy, start)).toBe(name);
        expect(epochAt(policy, start - 1)).not.toBe(name);
        expect(name).toMatch(/^[A-Za-z0-9-]+$/);
      }),
    );
  });

  test("the tree after a restore has the epoch's name with a number, and comes after it and before the next", () => {
    const names = ["2026-11", "2026-11.r1", "2026-11.r2", "2026-11.r10", "2026-12"];
    expect(names.slice(0, 2).map(restoredEpoch)).toEqual(["2026-11.r1", "2026-11.r2"]);
    expect([...names].reverse().sort(compareEpochs)).toEqual(names);
    expect(epochStartUs("2026-11.r1")).toBe(epochStartUs("2026-11"));
    expect(epochEndUs("2026-11.r1")).toBe(epochStartUs("2026-12"));
    expect(epochEndUs("2026-W53")).toBe(epochStartUs("2027-W01"));
    for (const name of ["2026-11.r0", "2026-11.r", "2026-11.r1.r1", "2026-11.x1"])
      expect(epochStartUs(name)).toBeNull();
    expect(nextEpoch({ kind: "month" }, Date.UTC(2026, 10, 30) * 1_000, "2026-11.r1")).toBe("2026-11.r1");
  });

  test("an epoch never goes back, whatever clock and policy do", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...POLICIES), times), { minLength: 1 }), (steps) => {
        let current: string | null = null;
        for (const [policy, at] of steps) {
          const next: string = nextEpoch(policy, at, current);
          if (current !== null && next !== current) expect(compareEpochs(current, next)).toBeLessThan(0);
          current = next;
        }
      }),
    );
  });
});
