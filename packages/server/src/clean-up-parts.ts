/** What the clean-up is made of, out of the configuration and the stores. */
import type { Logger } from "pino";

import type { Config } from "./config/schema.ts";
import { periodMs } from "./log-settings.ts";
import type { Machine } from "./machine.ts";
import { CleanUp } from "./retain/clean-up.ts";
import type { ServerFolder } from "./server-folder.ts";
import type { Stores } from "./stores.ts";
import { forgetTree } from "./tally/forget-tree.ts";

export function openCleanUp(
  { disk, bulk, clock }: Machine,
  { retention }: Config,
  { places }: ServerFolder,
  stores: Stores,
  log: Logger,
): CleanUp {
  const { journal, payloads, ledger, index, facts, indexKeep, logs } = stores;
  return new CleanUp({
    disk,
    bulk,
    clock,
    places,
    deletedFolder: places.deleted,
    journal,
    ledger,
    facts,
    indexKeep,
    ...logs,
    forgetPayloads: (name, epoch) => payloads.forget(name, epoch),
    prune: () => index.prune(),
    forgetDerived: async (tree) => (stores.tally === null ? undefined : forgetTree(index.deriver, tree)),
    holdsOn: async () => [],
    hasControlSnapshot: async () => false,
    intervalMs: periodMs(retention.check_every),
    bytesPerSecond: retention.bytes_per_second,
    onDeleted: ({ tree, files, bytes }) => log.info({ part: "retention", tree, files, bytes }, "a tree was deleted"),
    onTrouble: (message) => log.warn({ part: "retention" }, message),
  });
}
