/**
 * Puts a server together, in the order in which each part needs the one before: folder → keys → journal → ledger →
 * index → search → control → access → api. Stops it in the reverse order.
 *
 * Guarantees: records are accepted only when everything that makes them durable is open; a stop takes nothing new,
 * lets what was begun end, publishes all that is journaled, seals the journal, and leaves no process and no lock
 * behind. A part that breaks an invariant stops the whole server: the next start recovers or refuses loudly.
 */
import { Server as TlsServer } from "node:tls";
import { formatTimestamp } from "@tallystick/record";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";

import { accessParts } from "./access-parts.ts";
import { openNotifying, publicUrlOf } from "./alerting-parts.ts";
import { trustedProxies } from "./access/client-address.ts";
import { QuotaBook } from "./access/quota-book.ts";
import { Incidents } from "./access/incidents.ts";
import { ConnectionCertificates } from "./access/connection-certificates.ts";
import { AccessRecorder } from "./access/access-recorder.ts";
import { readTls, tlsFilesOf, watchTls } from "./access/tls-files.ts";
import { buildApi } from "./api/app.ts";
import type { ApiParts, HttpSettings } from "./api/app.ts";
import { bodyBudget } from "./api/body.ts";
import type { BodyBudget } from "./api/body.ts";
import { readDashboard } from "./api/dashboard.ts";
import { watchSpace } from "./api/disk-forecast.ts";
import { refusingLogsOf } from "./api/intake-state.ts";
import type { IndexRebuild } from "./api/health-routes.ts";
import { DRAIN_MS } from "./api/limits.ts";
import { openMetrics } from "./api/metrics.ts";
import type { Meter } from "./api/metrics.ts";
import { byteRates } from "./api/rate.ts";
import { loginLink } from "./api/session-routes.ts";
import { IntakeInFlight } from "./api/take-in.ts";
import type { IntakeParts } from "./api/take-in.ts";
import { Tails } from "./api/tail-route.ts";
import { serveTls } from "./api/tls.ts";
import type { FolderRequest, RunningServer } from "./cli/parts.ts";
import { openKeeping, tellBackups } from "./keeping.ts";
import type { Keeping } from "./keeping.ts";
import { Closers } from "./closers.ts";
import type { Config } from "./config/schema.ts";
import { batchSecret, secretNameOf } from "./control/batch-secret.ts";
import { fingerprintWith } from "./control/fingerprint.ts";
import { ownRecord } from "./control/own-record.ts";
import { isTallystickError, TallystickError } from "./errors.ts";
import type { Index } from "./index/open-index.ts";
import { normaliseTask } from "./intake/normalise-task.ts";
import { openConfiguredKms } from "./kms-home.ts";
import { fallGuard } from "./fall-guard.ts";
import { listen } from "./listening.ts";
import { logSettings } from "./log-settings.ts";
import { listenAddress } from "./listen-address.ts";
import type { ListenAddress } from "./listen-address.ts";
import type { Machine } from "./machine.ts";
import { openErasureList } from "./retain/erasure-list.ts";
import { Eraser } from "./retain/eraser.ts";
import { heldBy } from "./retain/held.ts";
import { NO_CALL_NAMES } from "./search/call-names.ts";
import { lastFsck } from "./fsck/last-fsck.ts";
import { backupPlaces, holdersOf } from "./retain/backup-places.ts";
import { readDeletion } from "./retain/deleted-folder.ts";
import { carryOut } from "./retain/second-person.ts";
import { readings } from "./readings.ts";
import { Search } from "./search/search.ts";
import { waitSealed } from "./sealed.ts";
import { openServerFolder, placesOf } from "./server-folder.ts";
import type { ServerFolder } from "./server-folder.ts";
import { openDetection } from "./detection-parts.ts";
import type { Detection } from "./detection-parts.ts";
import { openStores } from "./stores.ts";
import type { Stores } from "./stores.ts";
import { TallyReader } from "./tally/reader.ts";
import { derivedLeaves } from "./derived-leaves.ts";
import type { Pulse } from "./alert/heartbeat.ts";
import { openDetectors } from "./detector-parts.ts";
import type { Detectors } from "./detector-parts.ts";
import { openProducers } from "./tally-parts.ts";
import type { Producers } from "./tally/producers.ts";

/** Nobody waits for it: the follower goes on however long it takes. */
const REINDEX_TIMEOUT_MS = 86_400_000;

/** `stopped` ends a start that waits for its KMS. */
export async function startServer(
  machine: Machine,
  request: FolderRequest,
  stopped: Promise<void> = new Promise(() => {}),
): Promise<RunningServer> {
  const { config } = request.config;
  const log = machine.openLog(config.log.level);
  const address = listenAddress(config);
  // Refused before there is a folder.
  logSettings(config);
  for (;;) {
    const closers = new Closers((name, error) => log.error({ err: error }, `${name} did not close in order`));
    try {
      return await start(machine, request, address, log, closers);
    } catch (error) {
      await closers.closeAll();
      if (!isTallystickError(error, "kms_unreachable")) throw error;
      await whileSealed({ machine, request, address, log, stopped }, error);
    }
  }
}

interface Sealed {
  readonly machine: Machine;
  readonly request: FolderRequest;
  readonly address: ListenAddress;
  readonly log: Logger;
  readonly stopped: Promise<void>;
}

async function whileSealed({ machine, request, ...others }: Sealed, cause: TallystickError): Promise<void> {
  const { config } = request.config;
  const { base, folder } = request;
  const { ledger, kmsFile } = placesOf(folder, config, base);
  const probe = async () => {
    const kms = await openConfiguredKms(machine, { config, base, kmsFile }, { create: false });
    await kms?.close();
  };
  await waitSealed({ machine, ...others, http: await httpSettings(machine, config, base), ledger, cause, probe });
}

async function start(
  machine: Machine,
  request: FolderRequest,
  address: ListenAddress,
  log: Logger,
  closers: Closers,
): Promise<RunningServer> {
  const { config } = request.config;
  const folder = await openServerFolder(machine, request.folder, config, request.base);
  log.info({ data: request.folder, origin: folder.origin, version: machine.version }, "data folder opened");
  const health = { isFallen: false };
  closers.add("lock", () => (health.isFallen ? undefined : folder.lock.release()));
  closers.add("kms", () => folder.kms.close());
  const fall = fallGuard(log);
  const stores = await openStores({
    machine,
    config,
    base: request.base,
    folder,
    log,
    closers,
    onFatal: fall.fell,
    health,
  });
  const keeping = openKeeping(machine, config, folder, stores, log);
  closers.add("clean-up", () => keeping.close());
  const state = { stopping: false, url: "", certificateExpiresAtMs: null };
  const api = { machine, request, folder, stores, keeping, log, closers, state };
  const parts = await apiParts(api);
  const app = await buildApi(parts);
  closers.add("http", () => stopTaking(machine, app, parts, state));
  state.url = await listen(app, address, parts.http.tls !== null);
  await writeRunFile(api, parts.http.tls?.material.sha256);
  closers.add("run.json", () => machine.disk.remove(folder.places.runFile));
  watchCertificates(api, parts, app.server);
  let closing: Promise<void> | null = null;
  return {
    url: state.url,
    folder: request.folder,
    isFresh: folder.isFresh,
    adminToken: folder.adminToken,
    loginLink: () => loginLink(parts, { kind: "admin" }).url,
    failed: fall.failed,
    close() {
      closing ??= closers.closeAll().then(() => log.info("stopped"));
      return closing;
    },
  };
}

async function stopTaking(
  machine: Machine,
  app: FastifyInstance,
  parts: ApiParts,
  state: { stopping: boolean },
): Promise<void> {
  state.stopping = true;
  parts.tails.endAll();
  const cancel = machine.clock.after(DRAIN_MS, () => app.server.closeAllConnections());
  await app.close();
  cancel();
  await parts.intake.inFlight.ended();
}

interface ApiRequest {
  readonly machine: Machine;
  readonly request: FolderRequest;
  readonly folder: ServerFolder;
  readonly stores: Stores;
  readonly keeping: Keeping;
  readonly log: Logger;
  readonly closers: Closers;
  readonly state: { readonly stopping: boolean; readonly url: string; certificateExpiresAtMs: number | null };
}

async function apiParts(api: ApiRequest): Promise<ApiParts> {
  const { machine, request, folder, stores, log, state } = api;
  const { adminToken, keyring } = folder;
  const access = await accessParts({ machine, request, control: stores.control, adminToken, keyring, log });
  const [{ clock, disk }, { config }, { journal, ledger, index }] = [machine, request.config, stores];
  const space = watchSpace(clock, async () => (await disk.space(request.folder)).freeBytes);
  api.closers.add("space watch", () => space.close());
  const tails = new Tails();
  const budget = bodyBudget(config.intake.max_waiting_bytes);
  const nowMs = () => Math.floor(clock.nowUs() / 1_000);
  const producers = openProducers(config, stores, clock, log);
  api.closers.add("producers", () => producers.close());
  const detectors = openDetectors(config, stores, producers, { machine, log, closers: api.closers });
  const redactionKey = await api.folder.keyring.key("redaction");
  const accesses = openAccesses(api, redactionKey);
  const eraser = await openEraser(api, producers, detectors);
  const incidents = new Incidents({ journal, clock, random: machine.random });
  api.closers.add("incidents", () => incidents.close());
  const publicUrl = () => publicUrlOf(config, state.url);
  const detection = await openDetection({ ...api, config, base: request.base, nowMs });
  const notifying = await openNotifying({ ...api, config, publicUrl, pulses: pulsesOf(stores, detectors, detection) });
  const watched = { machine, notifying, stores, producers, space, tails, budget, nowMs, incidents, state };
  const metrics = openMetrics(() => readings(watched));
  return {
    ...access,
    carryOut: () => carryOutApproved(stores, eraser),
    keyring: api.folder.keyring,
    ...keepingParts(api),
    signing: stores.signing,
    ...notifying.forApi,
    redactionKey,
    accesses,
    journal,
    payloads: stores.payloads,
    eraser,
    ledger,
    index: index.follower,
    search: new Search({
      reader: index.reader,
      follower: index.follower,
      clock,
      names: () => ({ ...(stores.tally?.names() ?? NO_CALL_NAMES), networks: config.networks }),
    }),
    tally: stores.tally === null ? null : new TallyReader({ reader: index.reader, clock }, stores.tally),
    producers,
    detectors,
    clock,
    log,
    metrics,
    space,
    tails,
    maxTails: config.search.tails,
    version: machine.version,
    startedAt: formatTimestamp(clock.nowUs()),
    stopping: () => state.stopping,
    nowMs,
    lastFsck: () => lastFsck(disk, request.folder),
    rebuild: indexRebuild(index, producers, log),
    indexTrouble: () => index.trouble(),
    checkpointTrouble: stores.checkpointTrouble,
    refusingLogs: () => refusingLogsOf(stores),
    proxies: trustedProxies(config.http.trusted_proxies),
    effectiveConfig: request.config,
    publicUrl,
    dashboard: await readDashboard(disk, machine.dashboardFolder),
    http: await httpSettings(machine, config, request.base),
    intake: await intakeParts(api, metrics, incidents, budget),
    detection,
  };
}

function openAccesses(
  { machine, stores: { journal }, log, closers }: ApiRequest,
  redactionKey: Uint8Array,
): AccessRecorder {
  const accesses = new AccessRecorder({
    journal,
    fingerprint: fingerprintWith(redactionKey),
    clock: machine.clock,
    random: machine.random,
    onTrouble: (message) => log.warn({ part: "access" }, message),
  });
  closers.add("accesses", () => accesses.close());
  return accesses;
}

/** What a second person agreed to is done at once. */
async function carryOutApproved({ control, alerting }: Stores, eraser: Eraser): Promise<void> {
  await carryOut(control);
  await eraser.work();
  await alerting.responses.work();
}

function keepingParts({ machine: { disk }, request, folder, keeping }: ApiRequest) {
  return {
    cleanUp: keeping.cleanUp,
    wantIndexed: keeping.wantIndexed,
    deletion: (tree: string) => readDeletion(disk, folder.places.deleted, tree),
    backupsOf: async (leaves: Parameters<typeof holdersOf>[1]) =>
      holdersOf(await backupPlaces(disk, request.folder), leaves),
  };
}

/** Parts of detection that the heartbeat watches. */
function pulsesOf({ tally }: Stores, detectors: Detectors | null, { pulses }: Detection): readonly Pulse[] {
  const own: Pulse[] = [];
  if (tally !== null) own.push({ part: "tally", atUs: () => tally.workedAtUs() });
  if (detectors !== null) own.push({ part: "detectors", atUs: () => detectors.follower.workedAtUs() });
  return [...own, ...pulses];
}

async function openEraser(
  { machine, request, folder, stores, keeping, log, closers }: ApiRequest,
  producers: Producers,
  detectors: Detectors | null,
): Promise<Eraser> {
  const { places, keyring } = folder;
  const list = await openErasureList(machine.disk, places.erasures, await keyring.signer());
  // One after another; at the start those that a stop kept from a backup.
  let telling = Promise.resolve();
  list.onAdded = () => (telling = telling.then(() => tellBackups(machine.disk, request.folder, places.erasures, log)));
  closers.add("backups", () => telling);
  void list.onAdded();
  const eraser = new Eraser({
    journal: stores.journal,
    payloads: stores.payloads,
    reader: stores.index.reader,
    follower: stores.index.follower,
    approvals: stores.control.approvals,
    list,
    clock: machine.clock,
    derived: derivedLeaves(stores, producers, detectors),
    alerts: stores.alerting.log,
    heldBy: (tree, indexes) => heldBy(keeping.held, tree, indexes),
    onTrouble: (message) => log.warn({ part: "erasure" }, message),
  });
  await eraser.begin();
  closers.add("eraser", () => eraser.close());
  return eraser;
}

function indexRebuild(index: Index, producers: Producers, log: Logger): IndexRebuild {
  let running = 0;
  return {
    start() {
      running += 1;
      producers.rebuild();
      index
        .reindex(REINDEX_TIMEOUT_MS)
        .catch((error: unknown) => log.warn({ err: error }, "the index was not built anew in time"))
        .finally(() => void (running -= 1));
    },
    isRunning: () => running > 0,
  };
}

async function intakeParts(
  { machine, request, folder, stores, closers, log }: ApiRequest,
  meter: Meter,
  incidents: Incidents,
  budget: BodyBudget,
): Promise<IntakeParts> {
  const { intake, access, payloads, classify } = request.config.config;
  const { clock } = machine;
  const quotas = await QuotaBook.open({
    clock,
    disk: machine.disk,
    file: folder.places.quotas,
    onTrouble: (error) => log.warn({ err: error }, "the day's use of quotas could not be kept"),
  });
  closers.add("quotas", () => quotas.close());
  return {
    clock,
    impersonation: access.impersonation,
    incidents,
    journal: stores.journal,
    normalise: (input) => stores.compute.run(normaliseTask, input, [input.body.buffer as ArrayBuffer]),
    settings: {
      maxDecompressedBytes: intake.max_body_bytes,
      maxRecords: intake.max_records,
      redactNames: intake.redact_names.map((name) => name.toLowerCase()),
      otlpInternal: intake.otlp.internal,
      amendments: JSON.stringify({ payloads, classify }),
    },
    routes: stores.logs.routes,
    partedLogs: stores.logs.partedLogs,
    stored: stores.journal,
    payloads: stores.payloads,
    redactionKey: await folder.keyring.key("redaction"),
    maxBodyBytes: intake.max_body_bytes,
    budget,
    rates: byteRates(clock, intake.bytes_per_second),
    quotas,
    meter,
    inFlight: new IntakeInFlight(),
    blocks: () => stores.alerting.responses.blocks,
    signatures: {
      incidents,
      keys: stores.control.batchKeys,
      secret: async (kid) => {
        const bytes = await folder.keyring.existing(secretNameOf(kid));
        if (bytes === null)
          throw new TallystickError("key_unavailable", `The secret of the batch key ${kid} is missing.`);
        return Buffer.from(batchSecret(bytes), "ascii");
      },
      tell: async (log, fields) =>
        void (await stores.journal.appendOwn(log, [ownRecord(clock, machine.random, fields)])),
    },
  };
}

async function httpSettings({ disk, clock }: Machine, { http, tls }: Config, base: string): Promise<HttpSettings> {
  const files = tlsFilesOf(tls, base);
  return {
    tls: files === null ? null : { material: await readTls(disk, files), minVersion: `TLSv${tls.min_version}` },
    certificates: new ConnectionCertificates(clock),
    certificateRequired: tls.client_required,
    publicOrigin: http.public_url === "" ? null : new URL(http.public_url).origin,
    requestTimeoutMs: http.request_timeout_s * 1_000,
    headersTimeoutMs: http.headers_timeout_s * 1_000,
    maxConnections: http.max_connections,
  };
}

/** What a command on this machine finds the server by, and knows its certificate by. */
async function writeRunFile({ machine, folder, state }: ApiRequest, certificateSha256?: string): Promise<void> {
  const running = { url: state.url, pid: machine.pid, certificate_sha256: certificateSha256 };
  await machine.disk.replaceFile(folder.places.runFile, Buffer.from(`${JSON.stringify(running)}\n`));
}

/** Serves certificates that change, as long as the server runs. */
function watchCertificates(api: ApiRequest, { http, tails }: ApiParts, server: object): void {
  const { machine, request, log, closers } = api;
  const { clock, disk } = machine;
  const { tls } = request.config.config;
  const files = tlsFilesOf(tls, request.base);
  if (files === null || http.tls === null || !(server instanceof TlsServer)) return;
  const { material, minVersion } = http.tls;
  api.state.certificateExpiresAtMs = material.expiresAtMs;
  const watch = watchTls(
    {
      clock,
      disk,
      files,
      everyMs: tls.reload_s * 1_000,
      async onChange(changed, isOtherTrust) {
        api.state.certificateExpiresAtMs = changed.expiresAtMs;
        serveTls(server, { material: changed, minVersion });
        if (isOtherTrust) {
          http.certificates.trustChanged();
          // Readers come again and go on after the last record that they have.
          tails.endAll();
        }
        const expires = formatTimestamp(changed.expiresAtMs * 1_000);
        log.info({ expires, other_client_authorities: isOtherTrust }, "TLS files changed and are served");
        await writeRunFile(api, changed.sha256);
      },
      onTrouble: (error) => log.warn({ err: error }, "changed TLS files cannot be used; the ones before are served"),
    },
    material,
  );
  closers.add("tls watch", () => watch.close());
}
