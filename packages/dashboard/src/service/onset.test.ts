import { expect, test } from "vitest";
import { mannerOf, onsetOf } from "./onset.ts";

const at = (minute: number, count: number, errors: number) => ({
  from: `2026-11-26T08:${String(minute).padStart(2, "0")}:00Z`,
  count,
  by_status: { success: count - errors, error: errors },
});
const hour = (errorsAt: (minute: number) => number) => Array.from({ length: 60 }, (_, n) => at(n, 20, errorsAt(n)));

test("failing begins where it began, and not with a stray failure before", () => {
  expect(
    onsetOf(
      hour((n) => (n === 10 ? 2 : n >= 42 ? 8 : 0)),
      0.001,
    ),
  ).toBe("2026-11-26T08:42:00Z");
  expect(
    onsetOf(
      hour((n) => (n >= 42 && n % 3 !== 0 ? 8 : 0)),
      0.001,
    ),
  ).toBe("2026-11-26T08:43:00Z");
});

test("what always fails as much, what has stopped, and silence are no beginning", () => {
  expect(
    onsetOf(
      hour(() => 2),
      0.1,
    ),
  ).toBeNull();
  expect(
    onsetOf(
      hour(() => 2),
      null,
    ),
  ).toBeNull();
  expect(
    onsetOf(
      hour(() => 0),
      null,
    ),
  ).toBeNull();
  expect(onsetOf([], null)).toBeNull();
});

test("what fails all along is not well, and what failed and stopped is better", () => {
  const manner = (errorsAt: (minute: number) => number) => {
    const buckets = hour(errorsAt);
    return mannerOf(buckets, onsetOf(buckets, null));
  };
  expect(manner(() => 0)).toBe("well");
  expect(manner((n) => (n === 30 ? 2 : 0))).toBe("well");
  expect(manner(() => 3)).toBe("unwell");
  expect(manner((n) => (n < 20 ? 6 : 0))).toBe("better");
  expect(manner((n) => (n >= 42 ? 8 : 0))).toBe("failing");
  expect(mannerOf([at(1, 5, 2)], null)).toBe("few");
  expect(mannerOf([at(1, 0, 0)], null)).toBe("silent");
});
