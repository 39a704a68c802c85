import { expect, test } from "vitest";

import { scoreCorpus } from "../bench/nab/scoring.ts";
import type { ScoredSeries } from "../bench/nab/scoring.ts";

const STANDARD = { tpWeight: 1, fnWeight: 1, fpWeight: 0.11 };

function series(name: string, alarms: Readonly<Record<number, number>>, windows: ScoredSeries["windows"]) {
  return { name, windows, scores: Float64Array.from({ length: 1_000 }, (_, at) => alarms[at] ?? 0) };
}

test("who says nothing has 0, who hits each window at once has 100", () => {
  const windows = [[300, 399] as const, [700, 749] as const];
  expect(scoreCorpus([series("null", {}, windows)], STANDARD).score).toBe(0);
  expect(scoreCorpus([series("perfect", { 300: 1, 700: 1 }, windows)], STANDARD).score).toBe(100);
});

test("of a window the earliest hit counts, and a hit at its right edge is worth little", () => {
  const at = (alarms: Readonly<Record<number, number>>) =>
    scoreCorpus([series("one", alarms, [[500, 599]])], STANDARD).series["one"];
  expect(at({ 500: 1, 550: 1, 599: 1 })).toBeCloseTo(1, 6);
  // 2·σ(5·0.01) − 1 on NAB's scale, whose best is 2·σ(5) − 1.
  expect(at({ 599: 1 })).toBeCloseTo(0.02499 / 0.98661, 4);
});

test("a false alarm costs the less the closer it follows a window, and whole where none came before", () => {
  const alarms = (where: number) => series("one", { 500: 1, [where]: 1 }, [[500, 599]]);
  expect(scoreCorpus([alarms(200)], STANDARD).series["one"]).toBeCloseTo(1 - 0.11, 6);
  expect(scoreCorpus([alarms(999)], STANDARD).series["one"]).toBeCloseTo(1 - 0.11, 6);
  // 0.2 of the window's width past its edge: −(2·σ(1) − 1).
  expect(scoreCorpus([alarms(619)], STANDARD).series["one"]).toBeCloseTo(1 - 0.11 * 0.4639, 2);
});

test("the first 15% are not scored", () => {
  expect(scoreCorpus([series("one", { 149: 9 }, [[500, 599]])], STANDARD).series["one"]).toBe(-1);
});

test("one threshold serves all series", () => {
  const noisy = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [200 + at * 10, 2]));
  const corpus = [series("noisy", noisy, []), series("quiet", { 500: 1 }, [[500, 599]])];
  // Letting the hit through would let twenty false alarms through: 1 + 1 − 20 · 0.11 < 0.
  expect(scoreCorpus(corpus, STANDARD).score).toBe(0);
});
