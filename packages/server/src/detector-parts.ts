/** What the built-in detectors are made of, out of the configuration. */
import type { Logger } from "pino";

import type { DetectorAccess } from "./api/detectors-routes.ts";
import type { Closers } from "./closers.ts";
import type { Config } from "./config/schema.ts";
import { Baselines } from "./detect/baseline/baselines.ts";
import { Conditions } from "./detect/detectors/conditions.ts";
import { DetectorFollower } from "./detect/detectors/detector-follower.ts";
import type { Machine } from "./machine.ts";
import type { Stores } from "./stores.ts";
import { configuredUs } from "./tally-settings.ts";
import type { Producers } from "./tally/producers.ts";

export interface Detectors extends DetectorAccess {
  readonly follower: DetectorFollower;
}

/** Null when they are switched off. */
export function openDetectors(
  config: Config,
  { index, ledger, checkpointTrouble, alerting: { alerts }, journal }: Stores,
  producers: Producers,
  { machine, log, closers }: { readonly machine: Machine; readonly log: Logger; readonly closers: Closers },
): Detectors | null {
  const { detectors, networks } = config;
  const { clock, random } = machine;
  if (!detectors.enabled) return null;
  const onTrouble = (message: string) => log.warn({ part: "detectors" }, message);
  const findings = () =>
    alerts
      .list()
      .filter(({ state }) => state !== "resolved")
      .map(({ finding }) => finding);
  const deriver = index.deriverOf("detectors");
  const baselines: Baselines = new Baselines({
    deriver,
    sink: alerts.sink,
    learningUntilUs: (log) => follower.learningUntilUs(log),
    open: findings,
  });
  const follower: DetectorFollower = new DetectorFollower({
    baselines: detectors.baselines ? baselines : null,
    journaled: () => journal.trees(),
    deriver,
    index: index.follower,
    clock,
    settings: {
      learnUs: configuredUs(detectors.learn),
      dormantUs: configuredUs(detectors.dormant_after),
      deployUs: configuredUs(detectors.deploy_window),
      sensitiveOperations: detectors.sensitive_operations,
      networks,
    },
    sink: alerts.sink,
    open: findings,
    onTrouble,
  });
  closers.add("detectors", () => follower.close());
  const conditions = new Conditions({
    producers,
    ledger,
    checkpointTrouble,
    clock,
    open: findings,
    sink: alerts.sink,
    onTrouble,
  });
  closers.add("conditions", () => conditions.close());
  return { follower, judgesBaselines: detectors.baselines, reader: index.reader, journal, clock, random };
}
