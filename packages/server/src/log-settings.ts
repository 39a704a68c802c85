/** What the configuration says of each log, in retention's own terms; checked as a whole before anything is opened. */
import { DATA_CATEGORIES, DATA_CLASSES } from "@tallystick/record";

import type { Config } from "./config/schema.ts";
import { isOwnLog } from "./control/own-logs.ts";
import { TallystickError } from "./errors.ts";
import type { RoutedLog, RoutePattern } from "./intake/route.ts";
import { parseEpochPolicy } from "./journal/epochs.ts";
import type { EpochPolicy } from "./journal/epochs.ts";
import { globMatches } from "./payload/glob.ts";
import { afterPeriodUs, parsePeriod } from "./retain/period.ts";
import { retentionOf } from "./retain/retention.ts";
import type { Retention } from "./retain/retention.ts";
import { UNCLASSIFIED } from "./search/scope.ts";

export interface LogSettings {
  readonly policyOf: (log: string) => EpochPolicy;
  readonly retentionOf: (log: string) => Retention;
  /** JSON of RoutedLog[], as intake's workers take it; empty: no class of data has a log of its own. */
  readonly routes: string;
  /** The logs that those lead to. */
  readonly routedLogs: readonly string[];
  /** Those, the log that is parted, and logs that a `match` of before may have led to; empty when there is none. */
  readonly partedLogs: readonly string[];
}

/** TallystickError `config_invalid` when something that is said of a log cannot be kept. */
export function logSettings(config: Config): LogSettings {
  const byName = new Map<string, Retention>();
  const policyOf = (log: string): EpochPolicy => epochPolicy(config.ledger.epochs[log] ?? config.ledger.epoch);
  const { keep, maximum } = config.retention;
  const common = { keep, maximum, index_keep: config.index.keep, preset: "" };
  const byDefault = parsePeriod(keep)!;
  for (const [place, { name, ...said }] of config.logs.entries()) {
    if (byName.has(name)) throw new TallystickError("config_invalid", `logs.${place}: ${name} is there twice.`);
    const own = {
      keep: said.keep === "" && said.preset === "" ? common.keep : said.keep,
      maximum: said.maximum === "" ? common.maximum : said.maximum,
      index_keep: said.index_keep === "" ? common.index_keep : said.index_keep,
      preset: said.preset,
    };
    byName.set(name, retentionOf(`logs.${place}`, own, byDefault, policyOf(name)));
  }
  const others = (log: string): Retention => retentionOf("retention", common, byDefault, policyOf(log));
  for (const log of ["default", ...Object.keys(config.ledger.epochs)]) if (!byName.has(log)) others(log);
  const routed = routedLogs(config.logs);
  const routes = routed.length === 0 ? "" : JSON.stringify(routed);
  return {
    policyOf,
    retentionOf: (log) => byName.get(log) ?? others(log),
    routes,
    routedLogs: routed.map(({ log }) => log),
    partedLogs: routed.length === 0 ? [] : partedLogs(config.logs.map(({ name }) => name)),
  };
}

/** Each costs a look a record: more than a few are logs that keys name, and no classes. */
const MAX_PARTED_LOGS = 8;

function partedLogs(named: readonly string[]): readonly string[] {
  const logs = new Set(["default", ...named.filter((log) => !isOwnLog(log))]);
  return logs.size > MAX_PARTED_LOGS ? [] : [...logs];
}

/** In the order of the configuration. */
function routedLogs(logs: Config["logs"]): readonly RoutedLog[] {
  for (const [place, { name, match }] of logs.entries()) {
    const key = `logs.${place}.match`;
    if (match.length > 0 && isOwnLog(name)) throw noRoute(key, `the log ${name} takes Tallystick's own records only`);
    for (const [at, pattern] of match.entries()) assertFitsSomething(pattern, `${key}.${at}`);
  }
  return logs.filter(({ match }) => match.length > 0).map(({ name, match }) => ({ log: name, match }));
}

/** A rule that cannot fit would leave in another log what somebody believes is in this one. */
function assertFitsSomething(pattern: RoutePattern, key: string): void {
  if (Object.keys(pattern).length === 0)
    throw noRoute(key, "it says nothing to match; {service: '*'} stands for every record");
  const { data_class: dataClass, data_category: category } = pattern;
  const classes = [...DATA_CLASSES, UNCLASSIFIED];
  if (dataClass !== undefined && !classes.some((one) => globMatches(dataClass, one)))
    throw noRoute(key, `data_class ${dataClass} is none of ${classes.join(", ")}`);
  if (category !== undefined && !DATA_CATEGORIES.some((one) => globMatches(category, one)))
    throw noRoute(key, `data_category ${category} is none of ${DATA_CATEGORIES.join(", ")}`);
}

function noRoute(key: string, why: string): TallystickError {
  return new TallystickError("config_invalid", `${key}: ${why}.`, { at: { key } });
}

/** Milliseconds; a period of the configuration that a timer takes, at most so long. */
export function periodMs(text: string): number {
  return Math.min(MAX_TIMER_MS, Math.floor(afterPeriodUs(0, parsePeriod(text)!) / 1_000));
}

/** What Node's timers hold. */
const MAX_TIMER_MS = 2_147_483_647;

function epochPolicy(text: string): EpochPolicy {
  const policy = parseEpochPolicy(text);
  if (policy === null) throw new TallystickError("config_invalid", `ledger.epoch: ${text} is no epoch.`);
  return policy;
}
