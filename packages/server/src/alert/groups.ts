/** What is due to be told to whom: a pure question over the alerts and what was told before. */
import { LEVELS } from "../detect/finding.ts";
import type { Alert } from "./alert.ts";
import { MAX_NOTICE_ALERTS, MAX_QUEUED_A_CHANNEL } from "./limits.ts";
import type { Labels } from "./matchers.ts";
import { keyOf } from "./notice.ts";
import type { NewNotice, Notice } from "./notice.ts";
import { groupKeyOf, groupLabelsOf, routesOf } from "./routing.ts";
import type { Route, Routing } from "./routing.ts";
import { levelOf, urgencyOf } from "./urgency.ts";

export interface ChannelTraits {
  /** Hears of what is over too. */
  readonly sendsResolved: boolean;
  /** Is told again of what is acknowledged: it would take silence for an end. */
  readonly keepsFiring: boolean;
}

export interface Told {
  find(id: string): Alert | null;
  newest(key: string): Notice | null;
  /** Those of which something is open still. */
  open(): readonly Notice[];
  /** Those that wait for their turn. */
  queued(): readonly Notice[];
}

interface Group {
  readonly key: string;
  readonly route: Route;
  readonly labels: Labels;
  readonly firing: Alert[];
}

export interface Due {
  readonly notices: readonly NewNotice[];
  /** When there will be more to tell, in microseconds; null: not until something changes. */
  readonly nextUs: number | null;
}

/** `loud`: open alerts that may notify somebody. */
export function dueNotices(
  routing: Routing,
  channels: ReadonlyMap<string, ChannelTraits>,
  loud: readonly Alert[],
  told: Told,
  nowUs: number,
): Due {
  const groups = groupsOf(routing, loud, told);
  const due: { readonly atUs: number; readonly notice: NewNotice }[] = [];
  let nextUs: number | null = null;
  for (const group of groups)
    for (const channel of group.route.channels) {
      const traits = channels.get(channel);
      const found = traits === undefined ? null : dueOf(group, channel, traits, told);
      if (found === null) continue;
      if (found.atUs <= nowUs) due.push(found);
      else if (nextUs === null || found.atUs < nextUs) nextUs = found.atUs;
    }
  return { notices: withRoom(due, told), nextUs };
}

/** The gravest first, and of those what has been due for longest, as many as a channel has room for. */
function withRoom(
  due: readonly { readonly atUs: number; readonly notice: NewNotice }[],
  told: Told,
): readonly NewNotice[] {
  const find = (id: string): Alert | null => told.find(id);
  /** By channel, how many wait of each level. */
  const waiting = new Map<string, number[]>();
  const countsOf = (channel: string): number[] => {
    const counts = waiting.get(channel) ?? Array.from({ length: LEVELS.length + 1 }, () => 0);
    waiting.set(channel, counts);
    return counts;
  };
  for (const notice of told.queued()) countsOf(notice.channel)[urgencyOf(notice, find)]! += 1;
  return due
    .map((one) => ({ ...one, level: urgencyOf(one.notice, find) }))
    .toSorted((one, other) => other.level - one.level || one.atUs - other.atUs)
    .flatMap(({ notice, level }) => {
      const counts = countsOf(notice.channel);
      if (counts.slice(level).reduce((sum, count) => sum + count, 0) >= MAX_QUEUED_A_CHANNEL) return [];
      counts[level]! += 1;
      return [notice];
    });
}

/** Where an alert belongs; it is another object once anything of it changes. */
interface Place {
  readonly route: Route;
  readonly labels: Labels;
  readonly key: string;
}

const PLACES = new WeakMap<Routing, WeakMap<Alert, readonly Place[]>>();

function placesOf(routing: Routing, alert: Alert): readonly Place[] {
  const known = PLACES.get(routing) ?? new WeakMap<Alert, readonly Place[]>();
  PLACES.set(routing, known);
  const found =
    known.get(alert) ??
    routesOf(routing, alert).map((route) => {
      const labels = groupLabelsOf(route, alert);
      return { route, labels, key: groupKeyOf(route, labels) };
    });
  known.set(alert, found);
  return found;
}

function groupsOf(routing: Routing, loud: readonly Alert[], told: Told): readonly Group[] {
  const groups = new Map<string, Group>();
  const groupAt = ({ route, labels, key }: Place): Group => {
    const known = groups.get(key) ?? { key, route, labels, firing: [] };
    groups.set(key, known);
    return known;
  };
  for (const alert of loud) for (const place of placesOf(routing, alert)) groupAt(place).firing.push(alert);
  // Groups of which nothing fires any more, and that were told to fire.
  for (const { groupKey, groupLabels } of told.open()) {
    if (groups.has(groupKey)) continue;
    const route = routing.routes.find(({ name }) => groupKeyOf({ name } as Route, groupLabels) === groupKey);
    if (route !== undefined) groupAt({ route, labels: groupLabels, key: groupKey });
  }
  return [...groups.values()];
}

function dueOf(
  { key, route, labels, firing }: Group,
  channel: string,
  { sendsResolved, keepsFiring }: ChannelTraits,
  told: Told,
): { readonly atUs: number; readonly notice: NewNotice } | null {
  const last = told.newest(keyOf({ groupKey: key, channel }));
  // It is on its way, and tells of what is now when it goes out.
  if (last?.state === "queued") return null;
  const before = new Set(last?.firing);
  // Of those that it did not name it said how many there are.
  const toldOfUs = last !== null && last.more > 0 ? last.createdAtUs : 0;
  const fresh = firing.filter(({ id, raisedAtUs }) => !before.has(id) && raisedAtUs > toldOfUs);
  const over = (last?.firing ?? []).filter((id) => (told.find(id)?.state ?? "resolved") === "resolved");
  const atUs = timeOf({ route, last, fresh, hasEnded: sendsResolved && over.length > 0 });
  const repeats = keepsFiring ? firing : firing.filter(({ state }) => state === "firing");
  const repeatUs = last === null || repeats.length === 0 ? null : last.createdAtUs + route.repeatIntervalUs;
  const dueUs = atUs ?? repeatUs;
  if (dueUs === null) return null;
  const isFresh = new Set(fresh);
  const byLevel = (alerts: readonly Alert[]) => alerts.toSorted((one, other) => levelOf(other) - levelOf(one));
  const ids = [...byLevel(fresh), ...byLevel(firing.filter((alert) => !isFresh.has(alert)))].map(({ id }) => id);
  const notice = {
    channel,
    purpose: "alerts" as const,
    groupKey: key,
    groupLabels: labels,
    firing: ids.slice(0, MAX_NOTICE_ALERTS),
    more: Math.max(0, ids.length - MAX_NOTICE_ALERTS),
    resolved: over.slice(0, MAX_NOTICE_ALERTS),
  };
  return { atUs: dueUs, notice };
}

interface Change {
  readonly route: Route;
  readonly last: Notice | null;
  readonly fresh: readonly Alert[];
  readonly hasEnded: boolean;
}

/** What is new waits a little for what comes along with it, and longer where the group was told of lately. */
function timeOf({ route, last, fresh, hasEnded }: Change): number | null {
  if (fresh.length === 0 && !hasEnded) return null;
  const intervalUs = last === null || last.firing.length === 0 ? 0 : last.createdAtUs + route.groupIntervalUs;
  const raisedUs = fresh.reduce((first, { raisedAtUs }) => Math.min(first, raisedAtUs), Number.POSITIVE_INFINITY);
  return Math.max(intervalUs, fresh.length === 0 ? 0 : raisedUs + route.groupWaitUs);
}
