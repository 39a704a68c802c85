import { resolve } from "node:path";
import { timestampUs } from "@tallystick/record";
import type { Logger } from "pino";

import { openAlerting } from "./alert/open-alerting.ts";
import type { Alerting } from "./alert/open-alerting.ts";
import type { Closers } from "./closers.ts";
import type { Compute } from "./compute/compute.ts";
import type { Config } from "./config/schema.ts";
import type { Control } from "./control/control.ts";
import { RESERVE_FLOORS } from "./control/own-logs.ts";
import { openControl } from "./control/control-log.ts";
import { announceSuccessions } from "./control/signing-rotation.ts";
import type { SigningParts } from "./control/signing-rotation.ts";
import { TallystickError } from "./errors.ts";
import type { Index } from "./index/open-index.ts";
import { openLocalJournal } from "./journal/local-journal.ts";
import type { LocalJournal } from "./journal/local-journal.ts";
import { refuseLostTrees } from "./journal/lost-trees.ts";
import { openReserve } from "./journal/reserve.ts";
import { PublishingTrouble } from "./ledger/checkpoint-trouble.ts";
import type { CheckpointTrouble } from "./ledger/checkpoint-trouble.ts";
import { checkpointCopies } from "./ledger/copies.ts";
import type { CheckpointCopies } from "./ledger/copies.ts";
import { copyTarget } from "./ledger/node-copy-senders.ts";
import { fsHeadStore } from "./ledger/fs-head-store.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { openLedger } from "./ledger/local-ledger.ts";
import type { LedgerNotice } from "./ledger/local-ledger.ts";
import { headKeys, headSizes } from "./ledger/signed-head.ts";
import { SignerInUse } from "./ledger/signer-in-use.ts";
import { logSettings } from "./log-settings.ts";
import type { LogSettings } from "./log-settings.ts";
import type { Machine } from "./machine.ts";
import { IndexKeep } from "./retain/index-keep.ts";
import { finishRemovals } from "./retain/start-up.ts";
import { FactReader } from "./retain/tree-facts.ts";
import type { ServerFolder } from "./server-folder.ts";
import { openPayloadStore } from "./payload/payload-store.ts";
import type { PayloadStore } from "./payload/payload-store.ts";
import { Tally } from "./tally/tally.ts";
import { tallySettings } from "./tally-settings.ts";

/** What holds records: the journal, and the followers that are derived from it. */
export interface Stores {
  readonly compute: Compute;
  readonly journal: LocalJournal;
  readonly payloads: PayloadStore;
  readonly ledger: Ledger;
  readonly index: Index;
  readonly copies: CheckpointCopies;
  /** What keeps checkpoints from being signed, published or copied now. */
  readonly checkpointTrouble: () => readonly CheckpointTrouble[];
  readonly control: Control;
  readonly signing: SigningParts;
  /** Its `alerts.sink` is where detection hands its findings to. */
  readonly alerting: Alerting;
  /** Null when it is switched off. */
  readonly tally: Tally | null;
  readonly logs: LogSettings;
  readonly facts: FactReader;
  readonly indexKeep: IndexKeep;
}

export interface StoresRequest {
  readonly machine: Machine;
  readonly config: Config;
  readonly base: string;
  readonly folder: ServerFolder;
  readonly log: Logger;
  readonly closers: Closers;
  readonly onFatal: (error: Error) => void;
  /** Set when the stop cannot be a clean one. */
  readonly health: { isFallen: boolean };
}

/** Each is closed by `closers`; the ledger takes the journal's last records in before the journal is sealed. */
export async function openStores(request: StoresRequest): Promise<Stores> {
  const { machine, closers } = request;
  const compute = machine.openCompute();
  closers.add("compute", () => compute.close());
  const { health } = request;
  const onFatal = (error: Error) => {
    health.isFallen = true;
    request.onFatal(error);
  };
  const logs = logSettings(request.config);
  const journal = await openJournal(request, compute, logs, onFatal);
  const payloads = await openPayloads(request, compute, logs);
  closers.add("payloads", () => payloads.close());
  // What could not all be published is not sealed, and the lock stays to say that this was no clean stop.
  closers.add("journal", () => journal.close({ seal: !health.isFallen }));
  const { copies, trouble } = openCopies(request);
  closers.add("copies", () => copies.close());
  const keys = await request.folder.keyring.signer();
  const signer = new SignerInUse(keys);
  const ledger = await openTrees(request, { journal, copies, signer, trouble }, onFatal);
  const { config, base, folder, log } = request;
  const { places, keyring } = folder;
  const { journal: journalFolder, deleted: deletedFolder } = places;
  const facts = new FactReader({ journal, disk: machine.disk, journalFolder, deletedFolder });
  const own = { journal, clock: machine.clock, random: machine.random };
  const { approvals: mode, approvals_for: actions } = config.control;
  const control = await openControl(own, { mode, actions });
  const alerting = await openAlerting({ ...own, runbookUrl: config.alerts.runbook_url });
  const wantedUntilUs = (tree: string) => timeOrNull(control.kept.wantedUntil(tree));
  const indexKeep = new IndexKeep({ facts, clock: machine.clock, ...logs, wantedUntilUs });
  await indexKeep.refresh();
  const index = await machine.openIndex({
    holdsTree: (tree) => indexKeep.holds(tree),
    folder: places.index,
    config,
    base,
    journal,
    compute,
    clock: machine.clock,
    keyring,
    log,
  });
  closers.add("index", () => index.close());
  closers.add("ledger", async () => {
    await ledger.close().catch((error: unknown) => {
      health.isFallen = true;
      throw error;
    });
  });
  const tally = openTally(request, { journal, index, control });
  const signing = { keyring, journal, ledger, signer, control, serverOrigin: folder.origin };
  await announceSuccessions(signing, keys);
  return {
    compute,
    journal,
    payloads,
    ledger,
    index,
    copies,
    checkpointTrouble: () => trouble.now(copies.stats()),
    control,
    signing,
    alerting,
    tally,
    logs,
    facts,
    indexKeep,
  };
}

/** Microseconds. */
function timeOrNull(text: string | null): number | null {
  return text === null ? null : timestampUs(text);
}

function openTally(
  { machine, config, log, closers }: StoresRequest,
  { journal, index, control }: Pick<Stores, "journal" | "index" | "control">,
): Tally | null {
  if (!config.tally.enabled) return null;
  const tally = new Tally({
    deriver: index.deriver,
    index: index.follower,
    journal,
    clock: machine.clock,
    settings: tallySettings(config),
    control,
    onTrouble: (message) => log.warn({ part: "tally" }, message),
  });
  closers.add("tally", () => tally.close());
  return tally;
}

async function openJournal(
  { machine, config, folder, closers }: StoresRequest,
  compute: Compute,
  { policyOf }: LogSettings,
  onFatal: (error: Error) => void,
): Promise<LocalJournal> {
  const { disk, bulk, clock, random } = machine;
  const { places, origin, keyring } = folder;
  // All are in the folder before the first record is, so that whoever verifies it knows that they must be there.
  for (const name of ["integrity", "redaction", "index"]) await keyring.key(name);
  const signer = await keyring.signer();
  const publicKeys = headKeys(signer);
  const removal = { disk, bulk, places, keyring, deletedFolder: places.deleted, serverOrigin: origin, publicKeys };
  await finishRemovals(removal);
  const sizes = await headSizes(fsHeadStore(disk, places.head), origin, publicKeys);
  await refuseLostTrees(disk, places.keys, places.journal);
  const own = await openOwn(machine, config, places.reserve, closers);
  return openLocalJournal({
    own,
    folder: places.journal,
    disk,
    compute,
    keyring,
    clock,
    randomBytes: random,
    epochOf: policyOf,
    integratedSize: async (tree) => sizes.get(tree) ?? 0,
    settings: {
      windowMs: config.journal.flush_interval_ms,
      groupBytes: config.journal.flush_bytes,
      segmentBytes: config.journal.segment_bytes,
    },
    onFatal,
  });
}

function openPayloads(
  { machine, folder }: StoresRequest,
  compute: Compute,
  { policyOf }: LogSettings,
): Promise<PayloadStore> {
  const { disk, clock, random: randomBytes } = machine;
  const { places, keyring } = folder;
  return openPayloadStore({
    folder: places.payloads,
    disk,
    compute,
    keyring,
    clock,
    randomBytes,
    epochOf: policyOf,
  });
}

async function openOwn({ disk, clock, random }: Machine, config: Config, path: string, closers: Closers) {
  const bytes = config.journal.reserve_bytes;
  if (bytes === 0) return undefined;
  const reserve = await openReserve({ disk, clock, path, bytes, randomBytes: random });
  closers.add("reserve", () => reserve.close());
  return { logs: RESERVE_FLOORS, reserve, reserveBytes: bytes };
}

function openCopies({ machine, config, base, log }: StoresRequest): Pick<TreeParts, "copies" | "trouble"> {
  const { clock, host, pid } = machine;
  const targets = config.ledger.copies.map((copy) => {
    if (copy.kind === "file") return copyTarget({ ...copy, to: resolve(base, copy.to) }, { clock, host, pid });
    const wanted = copy.kind === "syslog" ? /^(udp|tcp):$/ : /^https?:$/;
    if (!URL.canParse(copy.to) || !wanted.test(new URL(copy.to).protocol)) throw noCopyTarget(copy.kind);
    return copyTarget(copy, { clock, host, pid });
  });
  const onChange = (copy: string, reason: string | null) =>
    reason === null
      ? log.info({ part: "ledger", copy }, "checkpoints are taken there again")
      : log.warn({ part: "ledger", copy, reason }, "no checkpoint is taken there; it is tried again, the log goes on");
  return { copies: checkpointCopies(targets, clock, onChange), trouble: new PublishingTrouble(clock) };
}

function noCopyTarget(kind: string): TallystickError {
  const form = kind === "syslog" ? "udp://host:port or tcp://host:port" : "an http:// or https:// URL";
  return new TallystickError("config_invalid", `ledger.copies: a ${kind} copy goes to ${form}.`);
}

interface TreeParts {
  readonly journal: LocalJournal;
  readonly copies: CheckpointCopies;
  readonly signer: SignerInUse;
  readonly trouble: PublishingTrouble;
}

async function openTrees(
  { machine, config, folder, log }: StoresRequest,
  { journal, copies, signer, trouble }: TreeParts,
  onFatal: (error: Error) => void,
): Promise<Ledger> {
  const { disk, bulk, clock } = machine;
  const { places, origin } = folder;
  return openLedger({
    folder: places.ledger,
    serverOrigin: origin,
    signer,
    journal,
    heads: fsHeadStore(disk, places.head),
    disk,
    bulk,
    clock,
    publishIntervalMs: config.ledger.publish_interval_ms,
    onCheckpoint: (checkpoint) => copies.offer(checkpoint),
    onNotice: (notice) => {
      trouble.take(notice);
      tell(log, notice);
    },
    onFatal,
  });
}

function tell(log: Logger, notice: LedgerNotice): void {
  if (notice.kind === "tiles_rebuilt")
    log.warn({ tree: notice.tree, tiles: notice.tiles }, "tiles were rebuilt from the journal");
  else if (notice.kind === "recovered") log.info("the ledger goes on");
  else log.warn({ err: notice.error, delay_ms: notice.delayMs }, "the ledger tries again");
}
