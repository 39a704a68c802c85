/** What the configuration says of the tally, in the tally's own terms. */
import type { Config } from "./config/schema.ts";
import { deadlines } from "./tally/deadlines.ts";
import type { TallySettings } from "./tally/settings.ts";

const UNIT_US: Readonly<Record<string, number>> = { ms: 1_000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000 };

/** Microseconds of a duration as the configuration's pattern allows it. */
function durationUs(text: string): number {
  const [, number = "", unit = ""] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  return Number(number) * (UNIT_US[unit] ?? 0);
}

export function tallySettings({ tally }: Config): TallySettings {
  return {
    deadlines: deadlines(
      durationUs(tally.deadline),
      tally.deadlines.map(({ caller, callee, deadline }) => ({ caller, callee, deadlineUs: durationUs(deadline) })),
    ),
    tolerances: {
      sizeBytes: tally.size_tolerance_bytes,
      timeUs: durationUs(tally.time_tolerance),
      unknownSkewUs: durationUs(tally.clock_limit),
    },
    oneSided: tally.one_sided,
    aliases: Object.entries(tally.aliases).map(([name, service]) => ({ name, service })),
  };
}
