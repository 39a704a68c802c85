/** What tally is made of, out of the configuration. */
import type { Logger } from "pino";

import { DEFAULT_LOG } from "./access/authenticate.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config/schema.ts";
import type { Stores } from "./stores.ts";
import { configuredUs } from "./tally-settings.ts";
import { Producers } from "./tally/producers.ts";

export function openProducers(
  { tally }: Config,
  { index, journal, logs }: Stores,
  clock: Clock,
  log: Logger,
): Producers {
  const { silent_after: declared, default_silent_after: byDefault, keep } = tally.producers;
  return new Producers({
    index,
    journal,
    clock,
    rules: {
      declared: Object.entries(declared).map(([pattern, text]) => ({ pattern, us: configuredUs(text) })),
      defaultUs: configuredUs(byDefault),
      keepUs: configuredUs(keep),
      sharedLogs: logs.routedLogs.length === 0 ? [] : [DEFAULT_LOG, ...logs.routedLogs],
    },
    onTrouble: (message) => log.warn({ part: "tally" }, message),
  });
}
