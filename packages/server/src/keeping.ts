/** What retention is made of, out of the configuration and the stores. */
import { formatTimestamp } from "@tallystick/record";
import type { Logger } from "pino";

import { DEFAULT_LOG } from "./access/authenticate.ts";
import type { Config } from "./config/schema.ts";
import { ALERTS_LOG, CONTROL_LOG, OWN_LOGS } from "./control/own-logs.ts";
import { isLaterTree } from "./journal/epochs.ts";
import { periodMs } from "./log-settings.ts";
import type { Machine } from "./machine.ts";
import { leaveWord } from "./retain/backup-places.ts";
import { CleanUp } from "./retain/clean-up.ts";
import { holdsOn } from "./retain/held.ts";
import type { HeldParts } from "./retain/held.ts";
import { RetentionInForce, watchApproved } from "./retain/second-person.ts";
import { NO_CALL_NAMES } from "./search/call-names.ts";
import type { ServerFolder } from "./server-folder.ts";
import type { Stores } from "./stores.ts";
import { forgetTree } from "./tally/forget-tree.ts";

export interface Keeping {
  readonly cleanUp: CleanUp;
  /** What asks which holds keep a record. */
  readonly held: HeldParts;
  /** Brings a tree back into the index until then; recorded before it begins. */
  readonly wantIndexed: (by: string, tree: string, untilUs: number) => Promise<void>;
  close(): Promise<void>;
}

export function openKeeping(
  { disk, bulk, clock }: Machine,
  config: Config,
  { places, keyring, isFresh }: ServerFolder,
  stores: Stores,
  log: Logger,
): Keeping {
  const { journal, payloads, ledger, index, facts, indexKeep, logs, control, alerting } = stores;
  const inForce = new RetentionInForce(control, logs.retentionOf, isFresh);
  const held = heldParts(stores, clock);
  const onTrouble = (message: string) => log.warn({ part: "retention" }, message);
  const unwatch = watchApproved(control, clock, onTrouble);
  const cleanUp = new CleanUp({
    disk,
    bulk,
    clock,
    places,
    keyring,
    deletedFolder: places.deleted,
    journal,
    ledger,
    facts,
    indexKeep,
    policyOf: logs.policyOf,
    retentionOf: (name) => inForce.of(name),
    // Those that every server writes too, though nothing lies in them yet: a log's first period shortens nothing.
    refreshRetention: (names) =>
      inForce.refresh([...new Set([DEFAULT_LOG, ...OWN_LOGS, ...names, ...config.logs.map((one) => one.name)])]),
    forgetPayloads: (name, epoch) => payloads.forget(name, epoch),
    prune: () => index.prune(),
    forgetDerived: async (tree) => (stores.tally === null ? undefined : forgetTree(index.deriver, tree)),
    holdsOn: (tree) => holdsOn(held, tree),
    hasSnapshot: async (tree, name) => {
      if (name === CONTROL_LOG) return isLaterTree(await control.snapshotAfter(tree), tree);
      return name !== ALERTS_LOG || isLaterTree(await alerting.log.snapshotAfter(tree), tree);
    },
    intervalMs: periodMs(config.retention.check_every),
    bytesPerSecond: config.retention.bytes_per_second,
    onDeleted: ({ tree, files, bytes }) => log.info({ part: "retention", tree, files, bytes }, "a tree was deleted"),
    onTrouble,
  });
  return {
    cleanUp,
    held,
    wantIndexed: async (by, tree, untilUs) => {
      await control.kept.want(by, tree, formatTimestamp(untilUs));
      await indexKeep.refresh();
      // The follower looks for what it is to hold; nothing waits for it.
      void index.prune();
    },
    close() {
      unwatch();
      return cleanUp.close();
    },
  };
}

/** Leaves erasures at the backups that can be reached; one that cannot is named by the erasure anyhow. */
export async function tellBackups(
  disk: Machine["disk"],
  dataFolder: string,
  erasures: string,
  log: Logger,
): Promise<void> {
  await leaveWord(disk, dataFolder, erasures).catch((error: unknown) =>
    log.warn({ part: "retention", err: error }, "a backup could not be told of an erasure"),
  );
}

function heldParts({ journal, index, tally, control }: Stores, clock: Machine["clock"]): HeldParts {
  const sizeOf = (tree: string) => journal.trees().find((position) => position.tree === tree)?.size ?? 0;
  const names = () => tally?.names() ?? NO_CALL_NAMES;
  return { holds: control.holds, sources: { reader: index.reader, follower: index.follower, clock, names }, sizeOf };
}
