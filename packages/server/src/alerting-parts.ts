/** What alerting is made of, out of the configuration. */
import { resolve } from "node:path";
import type { Logger } from "pino";

import { Dispatcher } from "./alert/dispatcher.ts";
import { Heartbeat } from "./alert/heartbeat.ts";
import type { Pulse } from "./alert/heartbeat.ts";
import { parseMatchers } from "./alert/matchers.ts";
import { addressGuard } from "./alert/notify/address-guard.ts";
import { alertmanagerChannel } from "./alert/notify/alertmanager.ts";
import type { Channel, Post, Secret } from "./alert/notify/channel.ts";
import { emailChannel } from "./alert/notify/email.ts";
import { guardedPost } from "./alert/notify/node-guarded-post.ts";
import { mailSender } from "./alert/notify/node-mail.ts";
import { Outbox } from "./alert/notify/outbox.ts";
import { pagerDutyChannel } from "./alert/notify/pagerduty.ts";
import { Responder } from "./alert/respond/responder.ts";
import { BlockListSigner } from "./alert/respond/block-list.ts";
import { alertReadings } from "./api/alert-metrics.ts";
import type { AlertReadings } from "./api/alert-metrics.ts";
import type { BlocksRoutesParts } from "./api/blocks-routes.ts";
import type { NotificationsRoutesParts } from "./api/notifications-routes.ts";
import type { RespondRoutesParts } from "./api/respond-routes.ts";
import { slackChannel } from "./alert/notify/slack.ts";
import { webhookChannel } from "./alert/notify/webhook.ts";
import type { Route } from "./alert/routing.ts";
import type { Closers } from "./closers.ts";
import type { Config } from "./config/schema.ts";
import type { Disk } from "./disk/disk.ts";
import { TallystickError } from "./errors.ts";
import type { Keyring } from "./kms/kms.ts";
import type { Machine } from "./machine.ts";
import type { Stores } from "./stores.ts";
import { configuredUs } from "./tally-settings.ts";

type AlertsConfig = Config["alerts"];
type ChannelConfig = AlertsConfig["channels"][number];

export interface Notifying {
  readonly forApi: Pick<NotificationsRoutesParts, "alerting" | "outbox"> &
    Pick<BlocksRoutesParts, "blockList" | "decisions"> &
    RespondRoutesParts;
  readonly readings: () => AlertReadings;
}

export interface NotifyingRequest {
  readonly machine: Machine;
  readonly config: Config;
  readonly request: { readonly base: string };
  readonly folder: { readonly origin: string; readonly keyring: Pick<Keyring, "secret"> };
  readonly stores: Pick<Stores, "alerting" | "control" | "signing">;
  readonly publicUrl: () => string;
  /** Of detection: parts whose silence must be noticed. */
  readonly pulses: readonly Pulse[];
  readonly log: Logger;
  readonly closers: Closers;
}

const PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue";

/** TallystickError `config_invalid` when a file that is named is not there. */
export async function openNotifying(request: NotifyingRequest): Promise<Notifying> {
  const { config, stores, log, closers } = request;
  const { alerting } = stores;
  const onTrouble = (message: string) => log.warn({ part: "alerts" }, message);
  const guard = addressGuard(config.alerts.allow_private);
  const { post, close } = guardedPost(guard);
  closers.add("notification connections", close);
  const routes = routesFrom(config.alerts);
  const channels: Channel[] = [];
  for (const channel of config.alerts.channels)
    channels.push(await openChannel(request, channel, { post, guard, routes }));
  const outbox = openOutbox(request, channels, onTrouble);
  const dispatcher = openDispatcher(request, routes, channels, onTrouble);
  const heartbeat = await openHeartbeat(request, post, dispatcher, onTrouble);
  openResponses(request, channels, onTrouble);
  const { respond } = config;
  const signer = stores.signing.signer;
  return {
    forApi: {
      alerting,
      outbox,
      blockForS: us(respond.block_for) / 1_000_000,
      blockList: new BlockListSigner({ serverOrigin: request.folder.origin, signer, fail: respond.fail }),
      decisions: { fail: respond.fail, cacheS: respond.cache_s },
    },
    readings: () => alertReadings(alerting, outbox, heartbeat),
  };
}

type Trouble = (message: string) => void;

function openOutbox(request: NotifyingRequest, channels: readonly Channel[], onTrouble: Trouble): Outbox {
  const { alerting } = request.stores;
  const message = {
    get publicUrl() {
      return request.publicUrl();
    },
    find: (id: string) => alerting.alerts.find(id),
    response: (id: string) => alerting.responses.described(id),
  };
  const { random } = request.machine;
  const outbox = new Outbox({ ...alerting, channels, message, random, onTrouble });
  request.closers.add("notifications", () => outbox.close());
  return outbox;
}

function openDispatcher(
  { config, stores: { alerting }, closers }: NotifyingRequest,
  routes: readonly Route[],
  channels: readonly Channel[],
  onTrouble: Trouble,
): Dispatcher {
  const dispatcher = new Dispatcher({
    ...alerting,
    routing: { routes, notifyFrom: config.alerts.notify_from },
    inhibit: config.alerts.inhibit.map(({ source, target, equal }) => ({
      source: parseMatchers(source),
      target: parseMatchers(target),
      equal,
    })),
    channels: new Map(channels.map((channel) => [channel.name, channel])),
    resolveAfterUs: us(config.alerts.resolve_after),
    onTrouble,
  });
  closers.add("alerts", () => dispatcher.close());
  return dispatcher;
}

function openResponses(
  { config: { control, respond }, stores, closers }: NotifyingRequest,
  channels: readonly Channel[],
  onTrouble: Trouble,
): void {
  const { alerting } = stores;
  const end = alerting.responses.begin({
    approvals: stores.control.approvals,
    needsApproval: control.approvals_for.includes("respond"),
    never: parseMatchers(respond.never),
    maxBlocks: respond.max_blocks,
    maxLastsUs: us(respond.block_at_most),
    hasChannel: (name) => channels.some((channel) => channel.name === name && channel.kind === "webhook"),
    onTrouble,
  });
  closers.add("responses", () => end());
  const rules = respond.rules.map((rule) => ({
    name: rule.name,
    match: parseMatchers(rule.match),
    action: rule.action,
    lastsUs: us(rule.for ?? respond.block_for),
    needsApproval: rule.approval,
    isDryRun: rule.dry_run,
    channel: rule.channel,
  }));
  const responder = new Responder({ ...alerting, rules, onTrouble });
  closers.add("responder", () => responder.close());
}

async function openHeartbeat(
  request: NotifyingRequest,
  post: Post,
  dispatcher: Dispatcher,
  onTrouble: Trouble,
): Promise<Heartbeat> {
  const { config, machine, closers } = request;
  const { url, url_file: file, url_name: stored, every } = config.alerts.heartbeat;
  const isOff = [url, file, stored].every((one) => one === "");
  const heartbeat = new Heartbeat({
    clock: machine.clock,
    everyMs: us(every) / 1_000,
    url: isOff ? null : await secretOf(request, "alerts.heartbeat", { text: url, file, stored }),
    post,
    pulses: [{ part: "alerts", atUs: () => dispatcher.lookedAtUs() }, ...request.pulses],
    onTrouble,
  });
  closers.add("heartbeat", () => heartbeat.close());
  return heartbeat;
}

/** How others reach the server: the base of links. */
export function publicUrlOf({ http }: Config, url: string): string {
  return http.public_url === "" ? url : http.public_url;
}

function us(text: string): number {
  return text === "0" ? 0 : configuredUs(text);
}

function routesFrom(alerts: AlertsConfig): readonly Route[] {
  const byDefault = {
    groupBy: alerts.group_by,
    groupWaitUs: us(alerts.group_wait),
    groupIntervalUs: us(alerts.group_interval),
    repeatIntervalUs: us(alerts.repeat_interval),
  };
  if (alerts.routes.length === 0) {
    const channels = alerts.channels.map(({ name }) => name);
    return [{ ...byDefault, name: "default", match: [], channels, goesOn: false }];
  }
  return alerts.routes.map((route, place) => ({
    // Its words, so that a group is the same one wherever in the list its route stands.
    name: JSON.stringify([route.match, route.channels, alerts.routes.slice(0, place).some(isSame(route)) ? place : 0]),
    match: parseMatchers(route.match),
    channels: route.channels,
    groupBy: route.group_by ?? byDefault.groupBy,
    groupWaitUs: route.group_wait === "" ? byDefault.groupWaitUs : us(route.group_wait),
    groupIntervalUs: route.group_interval === "" ? byDefault.groupIntervalUs : us(route.group_interval),
    repeatIntervalUs: route.repeat_interval === "" ? byDefault.repeatIntervalUs : us(route.repeat_interval),
    goesOn: route.continue,
  }));
}

const isSame = (route: AlertsConfig["routes"][number]) => (other: AlertsConfig["routes"][number]) =>
  JSON.stringify([route.match, route.channels]) === JSON.stringify([other.match, other.channels]);

interface Ways {
  readonly post: Post;
  readonly guard: ReturnType<typeof addressGuard>;
  readonly routes: readonly Route[];
}

async function openChannel(request: NotifyingRequest, channel: ChannelConfig, ways: Ways): Promise<Channel> {
  const { name, kind, per_minute: perMinute, send_resolved: sendsResolved } = channel;
  const where = `alerts.channels (${name})`;
  const { post } = ways;
  if (kind === "email") return openEmail(request, channel, ways);
  const fallback = kind === "pagerduty" ? PAGERDUTY_URL : "";
  const text = channel.url === "" ? fallback : channel.url;
  const url = await secretOf(request, where, { text, file: channel.url_file, stored: channel.url_name });
  if (kind === "slack") return slackChannel({ name, url, perMinute, sendsResolved, post });
  if (kind === "alertmanager") {
    const repeats = ways.routes.filter(({ channels }) => channels.includes(name)).map((one) => one.repeatIntervalUs);
    const firesForUs = 2 * Math.max(0, ...repeats) + 300_000_000;
    return alertmanagerChannel({ name, url, perMinute, post, firesForUs });
  }
  const secret = await secretOf(request, where, secretIn(channel));
  if (kind === "pagerduty") return pagerDutyChannel({ name, url, routingKey: secret, perMinute, post });
  const nowS = () => Math.floor(request.machine.clock.nowUs() / 1_000_000);
  return webhookChannel({ name, url, secret, perMinute, sendsResolved, post, nowS });
}

async function openEmail(request: NotifyingRequest, channel: ChannelConfig, { guard }: Ways): Promise<Channel> {
  const { name, per_minute: perMinute, send_resolved: sendsResolved, smtp, from, to, user } = channel;
  const where = `alerts.channels (${name})`;
  const { protocol, hostname, port } = new URL(smtp);
  const secure = protocol === "smtps:";
  const server = {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTls: !secure && channel.starttls === "required",
    user,
    password: user === "" ? null : await secretOf(request, where, secretIn(channel)),
    ca: channel.ca_file === "" ? null : await (await textOf(request, where, channel.ca_file))(),
  };
  return emailChannel({ name, from, to, perMinute, sendsResolved, sendMail: mailSender(server, guard) });
}

/** Where a text stands; at most one of them is not empty. */
interface SecretPlace {
  readonly text: string;
  readonly file: string;
  /** The name of a secret that people store. */
  readonly stored: string;
}

function secretIn({ secret_file: file, secret_name: stored }: ChannelConfig): SecretPlace {
  return { text: "", file, stored };
}

/** What people store may come later than the start, by which alone they can: until then nothing is sent. */
async function secretOf(
  request: NotifyingRequest,
  where: string,
  { text, file, stored }: SecretPlace,
): Promise<Secret> {
  if (file !== "") return textOf(request, where, file);
  if (stored === "") return () => Promise.resolve(text);
  const { keyring } = request.folder;
  const read = async () => {
    const secret = await keyring.secret(stored);
    if (secret !== null) return secret;
    throw new Error(`No secret is stored as ${stored}: run \`tallystick secrets set ${stored}\`.`);
  };
  await read().catch((error: unknown) => request.log.warn({ part: "alerts" }, `${where}: ${messageOf(error)}`));
  return read;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "the secret cannot be read";
}

/** Read anew each time; it must be there now, so that a mistake is told at the start. */
async function textOf({ machine, request }: NotifyingRequest, where: string, file: string): Promise<Secret> {
  const path = resolve(request.base, file);
  if ((await readText(machine.disk, path)) === null)
    throw new TallystickError("config_invalid", `${where}: the file ${path} is not there, or empty.`);
  return async () => {
    const found = await readText(machine.disk, path);
    if (found === null) throw new Error(`The file ${path} is not there, or empty.`);
    return found;
  };
}

async function readText(disk: Disk, path: string): Promise<string | null> {
  const bytes = await disk.readFile(path).catch(() => null);
  const text = bytes === null ? "" : Buffer.from(bytes).toString("utf8").trim();
  return text === "" ? null : text;
}
