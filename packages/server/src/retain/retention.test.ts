import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseEpochPolicy } from "../journal/epochs.ts";
import { fateOf, isIndexKept } from "./plan.ts";
import type { TreeFacts } from "./plan.ts";
import { afterPeriodUs, mayExceed, parsePeriod, periodText } from "./period.ts";
import { retentionOf } from "./retention.ts";
import type { RetentionText } from "./retention.ts";

const us = (iso: string): number => Date.parse(iso) * 1_000;
const iso = (at: number): string => new Date(at / 1_000).toISOString();
const BY_DEFAULT = { count: 13, unit: "months" } as const;
const NOTHING: RetentionText = { keep: "", maximum: "", index_keep: "", preset: "" };
const of = (text: Partial<RetentionText>, epoch = "month") =>
  retentionOf("logs.0", { ...NOTHING, ...text }, BY_DEFAULT, parseEpochPolicy(epoch)!);

describe("a period", () => {
  it("is a number and a unit in words, and nothing that two people read differently", () => {
    for (const text of ["13 months", "1 year", "90 days", "2 weeks", "30 seconds", "1 minute"])
      expect(periodText(parsePeriod(text)!)).toBe(text);
    for (const text of ["", "13m", "13 m", "0 days", "1.5 years", "-1 days", "1  day", "100000 days", "1 day "])
      expect(parsePeriod(text)).toBeNull();
  });

  it("counts months and years by the calendar", () => {
    expect(iso(afterPeriodUs(us("2027-01-31T12:00:00Z"), { count: 1, unit: "months" }))).toBe(
      "2027-02-28T12:00:00.000Z",
    );
    expect(iso(afterPeriodUs(us("2026-12-01T00:00:00Z"), BY_DEFAULT))).toBe("2028-01-01T00:00:00.000Z");
    expect(iso(afterPeriodUs(us("2028-02-29T00:00:00Z"), { count: 1, unit: "years" }))).toBe(
      "2029-02-28T00:00:00.000Z",
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e15 }), fc.integer({ min: 1, max: 200 }), (from, count) => {
        const year = afterPeriodUs(from, { count, unit: "years" });
        expect(afterPeriodUs(from, { count: count * 12, unit: "months" })).toBe(year);
        expect(year).toBeGreaterThan(from);
      }),
    );
    expect(mayExceed({ count: 12, unit: "months" }, { count: 365, unit: "days" })).toBe(true);
    expect(mayExceed({ count: 365, unit: "days" }, { count: 1, unit: "years" })).toBe(false);
  });
});

describe("a log's retention", () => {
  it("is 13 months unless something else is said, and a preset's at least", () => {
    expect(of({}).keep).toEqual(BY_DEFAULT);
    expect(of({ preset: "hipaa" }).keep).toEqual({ count: 6, unit: "years" });
    expect(of({ preset: "pci-dss", keep: "2 years" }).keep).toEqual({ count: 2, unit: "years" });
    expect(() => of({ preset: "pci-dss", keep: "360 days" })).toThrow(/less than its preset/);
    expect(() => of({ preset: "pci-dss", index_keep: "2 months" })).toThrow(/index_keep/);
    expect(of({ preset: "pci-dss", index_keep: "3 months" }).indexKeep).toEqual({ count: 3, unit: "months" });
  });

  it("is refused when keep and one epoch are more than the maximum, to the day", () => {
    expect(of({ keep: "12 months", maximum: "13 months" }).maximum).toEqual({ count: 13, unit: "months" });
    for (const maximum of ["12 months", "395 days", "1 year"])
      expect(() => of({ keep: "12 months", maximum })).toThrow(/one epoch/);
    expect(of({ keep: "30 days", maximum: "31 days" }, "day").keep).toEqual({ count: 30, unit: "days" });
    expect(() => of({ keep: "30 days", maximum: "30 days" }, "day")).toThrow(/more than 30 days/);
    expect(() => of({ keep: "30 days", maximum: "36 days" }, "week")).toThrow(/maximum/);
    expect(of({ keep: "30 days", maximum: "37 days" }, "week").keep.count).toBe(30);
    expect(() => of({ keep: "60 seconds", maximum: "69 seconds" }, "10s")).toThrow(/maximum/);
    expect(of({ keep: "60 seconds", maximum: "70 seconds" }, "10s").keep.count).toBe(60);
  });
});

describe("a tree", () => {
  const month = parseEpochPolicy("month")!;
  const facts: TreeFacts = {
    tree: "default/2026-11",
    log: "default",
    epoch: "2026-11",
    size: 7,
    closed: true,
    firstReceivedUs: us("2026-11-03T00:00:00Z"),
    lastReceivedUs: us("2026-11-20T00:00:00Z"),
    bytes: 1,
    isLinked: true,
  };

  it("is due when keep is over from the end of its epoch at 00:00 UTC, not from its last record", () => {
    const dueUs = us("2028-01-01T00:00:00Z");
    expect(fateOf(facts, of({}), month, dueUs - 1)).toEqual({ kind: "kept", dueUs });
    expect(fateOf(facts, of({}), month, dueUs)).toEqual({ kind: "due", dueUs });
    expect(fateOf({ ...facts, isLinked: false }, of({}), month, dueUs)).toMatchObject({ kind: "waiting" });
    expect(fateOf({ ...facts, closed: false }, of({}), month, dueUs)).toEqual({ kind: "open", dueUs });
  });

  it("is kept from its last record when that came after the epoch that its name says", () => {
    const late = { ...facts, epoch: "2026-11-03", tree: "default/2026-11-03" };
    expect(fateOf(late, of({}), month, 0)).toEqual({ kind: "kept", dueUs: us("2027-12-20T00:00:00Z") });
  });

  it("leaves the index earlier where that is said, and never while it is open", () => {
    const retention = of({ index_keep: "1 month" });
    const overUs = us("2027-01-01T00:00:00Z");
    expect([overUs - 1, overUs].map((at) => isIndexKept(facts, retention, month, at))).toEqual([true, false]);
    expect(isIndexKept({ ...facts, closed: false }, retention, month, overUs)).toBe(true);
    expect(isIndexKept(facts, of({}), month, overUs)).toBe(true);
  });
});
