/** What is due to be told to whom: a pure question over the alerts and what was told before. */
import type { Alert } from "./alert.ts";
import { MAX_NOTICE_ALERTS } from "./limits.ts";
import type { Labels } from "./matchers.ts";
import { keyOf } from "./notice.ts";
import type { NewNotice, Notice } from "./notice.ts";
import { groupKeyOf, groupLabelsOf, routesOf } from "./routing.ts";
import type { Route, Routing } from "./routing.ts";

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
  const notices: NewNotice[] = [];
  let nextUs: number | null = null;
  for (const group of groups)
    for (const channel of group.route.channels) {
      const traits = channels.get(channel);
      const found = traits === undefined ? null : dueOf(group, channel, traits, told);
      if (found === null) continue;
      if (found.atUs <= nowUs) notices.push(found.notice);
      else if (nextUs === null || found.atUs < nextUs) nextUs = found.atUs;
    }
  return { notices, nextUs };
}

function groupsOf(routing: Routing, loud: readonly Alert[], told: Told): readonly Group[] {
  const groups = new Map<string, Group>();
  const groupAt = (route: Route, labels: Labels): Group => {
    const key = groupKeyOf(route, labels);
    const known = groups.get(key) ?? { key, route, labels, firing: [] };
    groups.set(key, known);
    return known;
  };
  for (const alert of loud)
    for (const route of routesOf(routing, alert)) groupAt(route, groupLabelsOf(route, alert)).firing.push(alert);
  // Groups of which nothing fires any more, and that were told to fire.
  for (const { groupKey, groupLabels } of told.open()) {
    const route = routing.routes.find(({ name }) => groupKeyOf({ name } as Route, groupLabels) === groupKey);
    if (route !== undefined) groupAt(route, groupLabels);
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
  const fresh = firing.filter(({ id }) => !before.has(id));
  const over = (last?.firing ?? []).filter((id) => (told.find(id)?.state ?? "resolved") === "resolved");
  const atUs = timeOf({ route, last, fresh, hasEnded: sendsResolved && over.length > 0 });
  const repeats = keepsFiring ? firing : firing.filter(({ state }) => state === "firing");
  const repeatUs = last === null || repeats.length === 0 ? null : last.createdAtUs + route.repeatIntervalUs;
  const dueUs = atUs ?? repeatUs;
  if (dueUs === null) return null;
  const ids = [...fresh, ...firing.filter(({ id }) => before.has(id))].map(({ id }) => id);
  const notice = {
    channel,
    purpose: "alerts" as const,
    groupKey: key,
    groupLabels: labels,
    firing: ids.slice(0, MAX_NOTICE_ALERTS),
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
