/** What the configuration says of the tally, in the tally's own terms. */
import type { Config } from "./config/schema.ts";
import { durationUs } from "./search/time.ts";
import { deadlines } from "./tally/deadlines.ts";
import type { TallySettings } from "./tally/settings.ts";

/** Microseconds of a duration; the schema lets nothing else through. */
export function configuredUs(text: string): number {
  const us = durationUs(text);
  if (us === null) throw new Error(`${text} is no duration`);
  return us;
}

export function tallySettings({ tally }: Config): TallySettings {
  return {
    deadlines: deadlines(
      configuredUs(tally.deadline),
      tally.deadlines.map(({ caller, callee, deadline }) => ({ caller, callee, deadlineUs: configuredUs(deadline) })),
    ),
    tolerances: {
      sizeBytes: tally.size_tolerance_bytes,
      timeUs: configuredUs(tally.time_tolerance),
      unknownSkewUs: configuredUs(tally.clock_limit),
    },
    oneSided: tally.one_sided,
    aliases: Object.entries(tally.aliases).map(([name, service]) => ({ name, service })),
  };
}
