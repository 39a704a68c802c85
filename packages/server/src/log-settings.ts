/** What the configuration says of each log, in retention's own terms; checked as a whole before anything is opened. */
import type { Config } from "./config/schema.ts";
import { TallystickError } from "./errors.ts";
import { parseEpochPolicy } from "./journal/epochs.ts";
import type { EpochPolicy } from "./journal/epochs.ts";
import { afterPeriodUs, parsePeriod } from "./retain/period.ts";
import { retentionOf } from "./retain/retention.ts";
import type { Retention } from "./retain/retention.ts";

export interface LogSettings {
  readonly policyOf: (log: string) => EpochPolicy;
  readonly retentionOf: (log: string) => Retention;
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
  return { policyOf, retentionOf: (log) => byName.get(log) ?? others(log) };
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
