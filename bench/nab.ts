/**
 * The statistical core by the rules of the Numenta Anomaly Benchmark, over whatever series a folder of its form holds:
 * one pass, online, nothing known of a series beforehand. Each profile has the one threshold that serves the whole
 * corpus best, as the benchmark lets each detector have it.
 * `npm run bench -- nab --data DIR [--rows]`; with `--rows` the standard profile's threshold and
 * the alarms of each series go to standard error.
 */
import { parseArgs } from "node:util";

import { SeriesWatch } from "../packages/server/src/detect/baseline/series-watch.ts";
import { rounded } from "./measure.ts";
import { readCorpus, readProfiles } from "./nab/corpus.ts";
import type { Profile, Series } from "./nab/corpus.ts";
import { probationRows, scoreCorpus } from "./nab/scoring.ts";
import type { ScoredSeries } from "./nab/scoring.ts";

const { values: options } = parseArgs({
  options: { data: { type: "string" }, rows: { type: "boolean", default: false } },
});
if (options.data === undefined) {
  process.stderr.write("usage: npm run bench -- nab --data DIR\n  DIR holds data/, labels/ and profiles.json of NAB\n");
  process.exit(2);
}

function watched({ name, timesUs, values, windows }: Series): ScoredSeries {
  const watch = new SeriesWatch();
  return { name, windows, scores: Float64Array.from(values, (value, at) => watch.push(timesUs[at]!, value).surprise) };
}

const corpus = readCorpus(options.data).map(watched);
const profiles = readProfiles(options.data);
const byProfile = Object.fromEntries(
  Object.entries(profiles).map(([name, costs]) => [name, scoreCorpus(corpus, costs)]),
) as Record<Profile, ReturnType<typeof scoreCorpus>>;
const { standard } = byProfile;

if (options.rows) process.stderr.write(`threshold of the standard profile: ${standard.threshold.toFixed(3)}\n`);
for (const { name, scores } of options.rows ? corpus : []) {
  const first = probationRows(scores.length);
  const alarms = [...scores.entries()].filter(([at, score]) => at >= first && score >= standard.threshold);
  process.stderr.write(`${name}: ${alarms.map(([at, score]) => `${at} (${score.toFixed(1)})`).join(", ") || "none"}\n`);
}

const series = Object.fromEntries(
  corpus.map(({ name, windows }) => [
    name,
    { windows: windows.length, standard: rounded(standard.series[name] ?? 0, 3) },
  ]),
);
process.stdout.write(
  `${JSON.stringify({
    standard: rounded(standard.score, 2),
    reward_low_FP_rate: rounded(byProfile.reward_low_FP_rate.score, 2),
    reward_low_FN_rate: rounded(byProfile.reward_low_FN_rate.score, 2),
    series,
  })}\n`,
);
