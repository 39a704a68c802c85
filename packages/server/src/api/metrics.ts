/**
 * The server's figures for Prometheus, in a registry of the server's own (two servers in one process do not mix).
 * Counters are moved where things happen; what another part already knows is asked for when somebody reads.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

import { ALERT_COUNTERS, ALERT_GAUGES } from "./alert-metrics.ts";
import type { AlertReadings } from "./alert-metrics.ts";
import type { RefusingLog } from "./intake-state.ts";
import type { CheckpointTrouble } from "../ledger/checkpoint-trouble.ts";
import { REVOKED_USE } from "../access/incidents.ts";
import type { IncidentTotal } from "../access/incidents.ts";
import type { ProducerFigures } from "../tally/producer-figures.ts";
import type { ProducerReadings } from "../tally/producers.ts";

export interface Meter {
  prepared(intake: string, bytes: number, rejected: number, leftOut: number): void;
  stored(intake: string, count: number, duplicates: number, ackMs: number): void;
  refused(intake: string, code: string): void;
  pushedBack(intake: string, reason: string): void;
}

/** What other parts know, as read at a scrape. */
export interface Readings {
  readonly trees: readonly TreeReading[];
  readonly waitingBytes: number;
  readonly keptBytes: number;
  readonly fsyncs: number;
  readonly refusingLogs: readonly RefusingLog[];
  readonly checkpointTrouble: readonly CheckpointTrouble[];
  readonly nowMs: number;
  readonly freeBytes: number;
  readonly daysUntilFull: number;
  readonly indexReady: boolean;
  readonly queries: { readonly underWay: number; readonly stopped: number };
  readonly tails: number;
  readonly producers: ProducerReadings;
  readonly taskSeconds: ReadonlyMap<string, number>;
  readonly incidents: readonly IncidentTotal[];
  readonly alerting: AlertReadings;
  /** Null without TLS. */
  readonly certificateExpiresAtMs: number | null;
}

export interface TreeReading {
  readonly tree: string;
  readonly journaled: number;
  readonly integrated: number;
  readonly published: number;
  readonly indexed: number;
  readonly checkpointAgeS: number | null;
}

export interface Metrics extends Meter {
  /** Prometheus text. */
  text(): Promise<string>;
  readonly contentType: string;
}

const ACK_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export function openMetrics(read: () => Promise<Readings>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: readonly string[]) =>
    new Counter({ name, help, labelNames, registers });
  const records = counter("tallystick_records_total", "Records by what became of them", ["intake", "outcome"]);
  const bytes = counter("tallystick_intake_bytes_total", "Request body bytes taken in", ["intake"]);
  const refused = counter("tallystick_requests_refused_total", "Requests refused as a whole", ["intake", "code"]);
  const pushback = counter(
    "tallystick_pushback_total",
    "Requests answered 503 because the journal could not take them",
    ["intake", "reason"],
  );
  const ack = new Histogram({
    name: "tallystick_ack_seconds",
    help: "From a request's first byte to its durable acknowledgement",
    labelNames: ["intake"],
    buckets: ACK_BUCKETS_S,
    registers,
  });
  const show = addReadings(registry);
  return {
    contentType: registry.contentType,
    async text() {
      show(await read());
      return registry.metrics();
    },
    prepared(intake, sizeBytes, rejected, leftOut) {
      bytes.inc({ intake }, sizeBytes);
      if (rejected > 0) records.inc({ intake, outcome: "rejected" }, rejected);
      if (leftOut > 0) records.inc({ intake, outcome: "left_out" }, leftOut);
    },
    stored(intake, count, duplicates, ackMs) {
      records.inc({ intake, outcome: "stored" }, count);
      if (duplicates > 0) records.inc({ intake, outcome: "duplicate" }, duplicates);
      ack.observe({ intake }, ackMs / 1_000);
    },
    refused: (intake, code) => refused.inc({ intake, code }),
    pushedBack: (intake, reason) => pushback.inc({ intake, reason }),
  };
}

type Values = (readings: Readings) => readonly (readonly [labels: Record<string, string>, value: number])[];

const single =
  (value: (readings: Readings) => number): Values =>
  (readings) => [[{}, value(readings)]];
const perTree =
  (value: (tree: TreeReading) => number | null): Values =>
  ({ trees }) =>
    trees.flatMap((tree) => {
      const reading = value(tree);
      return reading === null ? [] : [[{ tree: tree.tree }, reading] as const];
    });

/** Absent while they cannot be counted, so that nobody takes it for zero. */
const ofProducers =
  (value: (figures: ProducerFigures) => number): Values =>
  ({ producers: { figures } }) =>
    figures === null ? [] : [[{}, value(figures)]];

export type Reading = readonly [name: string, help: string, labels: readonly string[], values: Values];

const GAUGES: readonly Reading[] = [
  [
    "tallystick_certificate_expires_seconds",
    "When the certificate that is served ends, in seconds since 1970",
    [],
    ({ certificateExpiresAtMs: at }) => (at === null ? [] : [[{}, at / 1_000]]),
  ],
  ["tallystick_tree_journaled_leaves", "Leaves that are durable", ["tree"], perTree((tree) => tree.journaled)],
  [
    "tallystick_ledger_lag_leaves",
    "Leaves that are durable and not under a checkpoint",
    ["tree"],
    perTree((tree) => tree.journaled - tree.published),
  ],
  [
    "tallystick_index_lag_leaves",
    "Leaves that are durable and not searchable",
    ["tree"],
    perTree((tree) => tree.journaled - tree.indexed),
  ],
  [
    "tallystick_checkpoint_age_seconds",
    "Age of the newest checkpoint",
    ["tree"],
    perTree((tree) => tree.checkpointAgeS),
  ],
  [
    "tallystick_checkpoint_trouble_seconds",
    "For how long publishing checkpoints, or the copy that is named, has failed; absent while none fails",
    ["step"],
    ({ checkpointTrouble, nowMs }) =>
      checkpointTrouble.map(({ step, sinceUs }) => [{ step }, Math.max(0, nowMs - sinceUs / 1_000) / 1_000]),
  ],
  ["tallystick_waiting_bytes", "Request bodies held in memory", [], single((readings) => readings.waitingBytes)],
  [
    "tallystick_intake_refused",
    "1 for each log whose records are answered 503 now",
    ["log", "reason"],
    ({ refusingLogs }) => refusingLogs.map(({ log, reason }) => [{ log, reason }, 1]),
  ],
  ["tallystick_disk_free_bytes", "Free space for the data folder", [], single((readings) => readings.freeBytes)],
  [
    "tallystick_disk_full_days",
    "Days until the disk is full at the rate of the last day, its busiest half hour left out",
    [],
    single((readings) => readings.daysUntilFull),
  ],
  ["tallystick_index_ready", "1 when the index answers", [], single((readings) => (readings.indexReady ? 1 : 0))],
  [
    "tallystick_queries",
    "Queries of the index that were asked and are not answered",
    [],
    single((readings) => readings.queries.underWay),
  ],
  ["tallystick_tails", "Live tails", [], single((readings) => readings.tails)],
  [
    "tallystick_producers",
    "Runs of producers by the worst that holds of each",
    ["state"],
    ({ producers: { figures } }) => [...(figures?.byState ?? [])].map(([state, runs]) => [{ state }, runs]),
  ],
  [
    "tallystick_producers_silent",
    "Runs of producers that are silent, those with gaps too",
    [],
    ofProducers(({ silent }) => silent),
  ],
  [
    "tallystick_producer_missing_records",
    "Sequence numbers of producers that are missing",
    [],
    ofProducers(({ missing }) => missing),
  ],
  [
    "tallystick_producers_lag_leaves",
    "Leaves that are searchable and not counted for producers",
    [],
    single((readings) => readings.producers.lagLeaves),
  ],
];
const COUNTERS: readonly Reading[] = [
  [
    "tallystick_impersonations_total",
    "Records that spoke for a service that their sender may not speak for",
    ["principal", "service", "answer"],
    ({ incidents }) =>
      incidents.flatMap(({ kind, principal, about, answer, total }) =>
        kind === "impersonation" ? [[{ principal, service: about, answer }, total] as const] : [],
      ),
  ],
  [
    "tallystick_quota_refused_total",
    "Requests answered 429 because a quota was used up",
    ["principal", "quota"],
    ({ incidents }) =>
      incidents.flatMap(({ kind, principal, about, total }) =>
        kind === "quota" ? [[{ principal, quota: about }, total] as const] : [],
      ),
  ],
  [
    "tallystick_blocked_total",
    "Requests refused because the sender's credential is blocked",
    ["principal"],
    ({ incidents }) =>
      incidents.flatMap(({ kind, principal, total }) => (kind === "blocked" ? [[{ principal }, total] as const] : [])),
  ],
  [
    "tallystick_revoked_uses_total",
    "Requests refused because their key or token was revoked",
    ["principal"],
    ({ incidents }) => {
      const sums = new Map<string, number>();
      for (const { kind, principal, total } of incidents)
        if (kind === REVOKED_USE) sums.set(principal, (sums.get(principal) ?? 0) + total);
      return [...sums].map(([principal, total]) => [{ principal }, total] as const);
    },
  ],
  [
    "tallystick_queries_stopped_total",
    "Queries of the index that were stopped because nobody waited for them any more",
    [],
    single((readings) => readings.queries.stopped),
  ],
  ["tallystick_journal_bytes_total", "Bytes written to the journal", [], single((readings) => readings.keptBytes)],
  ["tallystick_fsyncs_total", "Syncs of journal files", [], single((readings) => readings.fsyncs)],
  [
    "tallystick_task_seconds_total",
    "Time that workers spent in tasks",
    ["task"],
    ({ taskSeconds }) => [...taskSeconds].map(([task, seconds]) => [{ task }, seconds]),
  ],
];

/** Gauges and counters whose values are set anew at each scrape, all from one reading. */
function addReadings(registry: Registry): (readings: Readings) => void {
  const registers = [registry];
  const setters: ((readings: Readings) => void)[] = [];
  for (const [name, help, labelNames, values] of [...GAUGES, ...ALERT_GAUGES]) {
    const gauge = new Gauge({ name, help, labelNames, registers });
    setters.push((readings) => {
      gauge.reset();
      for (const [labels, value] of values(readings)) gauge.set(labels, value);
    });
  }
  for (const [name, help, labelNames, values] of [...COUNTERS, ...ALERT_COUNTERS]) {
    const counter = new Counter({ name, help, labelNames, registers });
    setters.push((readings) => {
      counter.reset();
      for (const [labels, value] of values(readings)) counter.inc(labels, value);
    });
  }
  return (readings) => {
    for (const set of setters) set(readings);
  };
}
