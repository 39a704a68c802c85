import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isTallystickError } from "../errors.ts";
import { durationUs, parseInstant, parsePeriod } from "./time.ts";

const NOW_US = Date.UTC(2026, 10, 25, 8, 20, 43, 123) * 1_000;
const at = (text: string) => Date.parse(text) * 1_000;

describe("a time as a reader writes it", () => {
  it.each([
    ["now", NOW_US, NOW_US + 1],
    ["now-15m", NOW_US - 900_000_000, NOW_US - 900_000_000 + 1],
    ["now-1d+2h", NOW_US - 79_200_000_000, NOW_US - 79_200_000_000 + 1],
    ["now/d", at("2026-11-25T00:00:00Z"), at("2026-11-26T00:00:00Z")],
    ["now-1d/d", at("2026-11-24T00:00:00Z"), at("2026-11-25T00:00:00Z")],
    ["now/w", at("2026-11-23T00:00:00Z"), at("2026-11-30T00:00:00Z")],
    ["2026-11-25T08:20:43Z", at("2026-11-25T08:20:43Z"), at("2026-11-25T08:20:43Z") + 1],
    ["2026-11-25T08:20:43.123456789+02:00", at("2026-11-25T06:20:43Z") + 123_456, at("2026-11-25T06:20:43Z") + 123_457],
    ["2026-11-25T08:20Z", at("2026-11-25T08:20:00Z"), at("2026-11-25T08:21:00Z")],
    ["2026-11-25 08:20:43", at("2026-11-25T08:20:43Z"), at("2026-11-25T08:20:43Z") + 1],
    ["2026-11-25", at("2026-11-25T00:00:00Z"), at("2026-11-26T00:00:00Z")],
    ["2026-12", at("2026-12-01T00:00:00Z"), at("2027-01-01T00:00:00Z")],
    ["9999-01-01", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])("%s", (text, startUs, endUs) => {
    expect(parsePeriod(text, NOW_US)).toEqual({ startUs, endUs });
  });

  it.each([
    "",
    "yesterday",
    "now-",
    "now-5",
    "now-5y",
    "2026-13-01",
    "2026-02-30",
    "2026-11-25T24:00:00Z",
    "2026-11-25T08",
    "1",
  ])("%j is none", (text) => {
    expect(parsePeriod(text, NOW_US)).toBeNull();
  });

  it("names the parameter when it is none", () => {
    try {
      parseInstant("soon", NOW_US, "from");
      expect.unreachable();
    } catch (error) {
      expect(isTallystickError(error, "bad_request") && error.at).toEqual({ parameter: "from" });
    }
  });

  it("is never a fault and always in order", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        ),
        (text) => {
          const period = parsePeriod(text, NOW_US);
          if (period !== null) expect(period.startUs).toBeLessThanOrEqual(period.endUs);
        },
      ),
    );
  });

  it("has widths too", () => {
    expect(durationUs("30s")).toBe(30_000_000);
    expect(durationUs("5 m")).toBeNull();
  });
});
