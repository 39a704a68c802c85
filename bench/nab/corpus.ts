/** Reads the Numenta Anomaly Benchmark's folder: `data/**.csv`, `labels/combined_windows.json`, `profiles.json`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Costs } from "./scoring.ts";

export interface Series {
  readonly name: string;
  /** µs since 1970, as if the text were UTC. */
  readonly timesUs: readonly number[];
  readonly values: readonly number[];
  readonly windows: readonly (readonly [number, number])[];
}

const PROFILES = ["standard", "reward_low_FP_rate", "reward_low_FN_rate"] as const;
export type Profile = (typeof PROFILES)[number];

/** Every series under `folder/data`, by name. Throws where a file is not what the benchmark's format says. */
export function readCorpus(folder: string): readonly Series[] {
  const labels = JSON.parse(readFileSync(join(folder, "labels", "combined_windows.json"), "utf8")) as Labels;
  const files = readdirSync(join(folder, "data"), { recursive: true, encoding: "utf8" });
  const names = files.map((file) => file.replaceAll("\\", "/")).filter((file) => file.endsWith(".csv"));
  return names.toSorted().map((name) => readSeries(name, readFileSync(join(folder, "data", name), "utf8"), labels));
}

export function readProfiles(folder: string): Readonly<Record<Profile, Costs>> {
  const text = JSON.parse(readFileSync(join(folder, "profiles.json"), "utf8")) as Record<
    Profile,
    { CostMatrix: Costs }
  >;
  return Object.fromEntries(PROFILES.map((name) => [name, text[name].CostMatrix])) as Record<Profile, Costs>;
}

type Labels = Readonly<Record<string, readonly (readonly [string, string])[]>>;

function readSeries(name: string, text: string, labels: Labels): Series {
  const timesUs: number[] = [];
  const values: number[] = [];
  for (const [at, line] of text.trim().split("\n").slice(1).entries()) {
    const [time, value] = line.trim().split(",");
    const us = timeUs(time ?? "");
    const number = Number(value);
    if (value === undefined || Number.isNaN(us) || Number.isNaN(number))
      throw new Error(`${name}:${at + 2}: expected "YYYY-MM-DD hh:mm:ss,number", found ${line.slice(0, 60)}`);
    timesUs.push(us);
    values.push(number);
  }
  const windows = labels[name];
  if (windows === undefined) throw new Error(`${name}: labels/combined_windows.json does not name it`);
  const rows = windows.map(([from, to]) => [timesUs.indexOf(timeUs(from)), timesUs.indexOf(timeUs(to))] as const);
  if (rows.some(([from, to]) => from < 0 || to < from)) throw new Error(`${name}: a window's edge is not a row of it`);
  return { name, timesUs, values, windows: rows };
}

function timeUs(text: string): number {
  return Date.parse(`${text.replace(" ", "T").replace(/\.\d+$/, "")}Z`) * 1000;
}
