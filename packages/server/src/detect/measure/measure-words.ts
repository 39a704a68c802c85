/** What a measure's figure is in words. */
import type { Measure } from "./read-measure.ts";

export const FIGURE_WORDS: Readonly<Record<Measure["of"], (figure: number) => string>> = {
  rate: (figure) => `${rounded(figure)} calls a second`,
  error_ratio: (figure) => `${rounded(100 * figure)}% errors`,
  p95: (figure) => `95% within ${rounded(figure)} ms`,
  match_rate: (figure) => `${rounded(100 * figure)}% of calls whose halves agree`,
  absent: (figure) => `nothing for ${rounded(figure)} s`,
  checkpoint_age: (figure) => `records not published for ${rounded(figure)} s`,
};

/** What it is now, and where it is held against the time before, what it was then. */
export function seenWords({ of, relativeToS }: Measure, figure: number, before: number | null): string {
  const was = before === null || relativeToS === null ? "" : `, and ${FIGURE_WORDS[of](before)} before`;
  return FIGURE_WORDS[of](figure) + was;
}

/** Whom it is about: an edge, a caller, what is called. */
export function aboutWords(labels: Readonly<Record<string, string>>): string {
  const { caller, callee, ...rest } = labels;
  const edge =
    caller !== undefined && callee !== undefined ? [`${caller} → ${callee}`] : [caller ?? callee ?? []].flat();
  return [...edge, ...Object.values(rest)].filter((one) => one !== "").join(" ");
}

export const rounded = (figure: number): string => String(Math.round(figure * 100) / 100);
