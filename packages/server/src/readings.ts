/** What /metrics reads of all parts at a scrape. */
import type { Incidents } from "./access/incidents.ts";
import type { BodyBudget } from "./api/body.ts";
import type { SpaceWatch } from "./api/disk-forecast.ts";
import { treeReadings } from "./api/health-routes.ts";
import { refusingLogsOf } from "./api/intake-state.ts";
import type { Readings } from "./api/metrics.ts";
import type { Tails } from "./api/tail-route.ts";
import type { Machine } from "./machine.ts";
import type { Notifying } from "./alerting-parts.ts";
import type { Stores } from "./stores.ts";
import type { Producers } from "./tally/producers.ts";

export interface Watched {
  readonly machine: Machine;
  readonly stores: Stores;
  readonly producers: Producers;
  readonly space: SpaceWatch;
  readonly tails: Tails;
  readonly budget: BodyBudget;
  readonly nowMs: () => number;
  readonly incidents: Incidents;
  readonly notifying: Notifying;
  readonly state: { readonly certificateExpiresAtMs: number | null };
}

/** What all parts know about themselves at this moment. */
export async function readings(watched: Watched): Promise<Readings> {
  const { machine, stores, producers, space, tails, budget, nowMs, incidents, state } = watched;
  const { journal, ledger, index } = stores;
  const { freeBytes, daysUntilFull } = await space.forecast();
  const figures = [...journal.figures().values()];
  return {
    trees: treeReadings({ journal, ledger, index: index.follower, nowMs }),
    waitingBytes: budget.held(),
    keptBytes: figures.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0),
    fsyncs: figures.reduce((sum, { groups }) => sum + groups, 0),
    refusingLogs: refusingLogsOf(stores),
    checkpointTrouble: stores.checkpointTrouble(),
    nowMs: nowMs(),
    freeBytes,
    daysUntilFull,
    indexReady: index.follower.state() === "ready",
    queries: index.queries,
    tails: tails.count,
    producers: await producers.readings(),
    taskSeconds: machine.taskSeconds(),
    incidents: incidents.totals(),
    alerting: watched.notifying.readings(),
    certificateExpiresAtMs: state.certificateExpiresAtMs,
  };
}
