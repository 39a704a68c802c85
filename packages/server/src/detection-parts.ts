/** What detection by rules is made of, out of the configuration and the stores. */
import { resolve } from "node:path";
import type { Logger } from "pino";

import type { Pulse } from "./alert/heartbeat.ts";
import { treeReadings } from "./api/health-routes.ts";
import type { Closers } from "./closers.ts";
import type { Config } from "./config/schema.ts";
import { DetectionState } from "./detect/detection-state.ts";
import { MeasureWatch } from "./detect/measure/measure-watch.ts";
import { Waiting } from "./detect/measure/waiting.ts";
import { readPack, shippedPipeline } from "./detect/pack.ts";
import { RuleBook } from "./detect/rule-book.ts";
import type { Rule } from "./detect/rule-book.ts";
import { RuleFollower } from "./detect/rule-follower.ts";
import { RuleFault } from "./detect/sigma/fault.ts";
import { readPipeline } from "./detect/sigma/pipeline.ts";
import type { Pipeline } from "./detect/sigma/pipeline.ts";
import type { Disk } from "./disk/disk.ts";
import { TallystickError } from "./errors.ts";
import type { IndexReader } from "./index/index-seam.ts";
import type { Machine } from "./machine.ts";
import type { ServerFolder } from "./server-folder.ts";
import type { Stores } from "./stores.ts";

export interface Detection {
  readonly book: RuleBook;
  readonly reader: IndexReader;
  readonly setAside: (rule: Rule) => string | null;
  /** What the heartbeat watches; none while rules do not run. */
  readonly pulses: readonly Pulse[];
}

export interface DetectionRequest {
  readonly machine: Machine;
  readonly config: Config;
  /** Where relative paths start. */
  readonly base: string;
  readonly stores: Stores;
  readonly folder: ServerFolder;
  readonly nowMs: () => number;
  readonly log: Logger;
  readonly closers: Closers;
}

export async function openDetection(request: DetectionRequest): Promise<Detection> {
  const { machine, config, base, stores, folder, nowMs, log, closers } = request;
  const { disk, clock } = machine;
  const { enabled, pipelines, placeholders } = config.rules;
  const book = new RuleBook(await readPack(disk, machine.rulesFolder), stores.control.rules, {
    pipelines: await Promise.all(
      pipelines.map((path) => pipelineIn(disk, shippedPipeline(path, machine.pipelinesFolder) ?? resolve(base, path))),
    ),
    placeholders: new Map(Object.entries(placeholders)),
  });
  const { reader, background, prompt, follower } = stores.index;
  if (!enabled) return { book, reader, setAside: () => "rules.enabled is false", pulses: [] };
  const state = await DetectionState.open(disk, folder.places.rules);
  const onTrouble = (message: string) => log.warn({ part: "rules" }, message);
  const common = { book, reader: background, state, sink: stores.alerting.alerts.sink, clock, onTrouble };
  const rules = new RuleFollower({ ...common, prompt, index: follower, journal: stores.journal });
  closers.add("rules", () => rules.close());
  // From where rules begin is known before anything new comes, whatever is killed then.
  if (!state.isKnown) await state.save();
  const waiting = new Waiting();
  const { journal, ledger } = stores;
  const checkpointAges = () =>
    waiting.ages(treeReadings({ journal, ledger, index: follower, nowMs }), clock.monotonicMs());
  const isBehind = () => follower.state() !== "ready";
  const measures = new MeasureWatch({ ...common, checkpointAges, isBehind });
  closers.add("measures", () => measures.close());
  const pulses = [
    { part: "rules", atUs: () => rules.workedAtUs() },
    { part: "measures", atUs: () => measures.lookedAtUs() },
  ];
  return { book, reader, setAside: (rule) => rules.setAside(rule), pulses };
}

async function pipelineIn(disk: Disk, path: string): Promise<Pipeline> {
  const bytes = await disk.readFile(path);
  if (bytes === null) throw new TallystickError("config_invalid", `rules.pipelines: ${path} is missing.`);
  try {
    return readPipeline(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error;
    const { line, column } = error.place;
    throw new TallystickError("config_invalid", `rules.pipelines: ${path}:${line}:${column}: ${error.message}`);
  }
}
