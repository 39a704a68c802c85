/** Which channels an alert goes to, and with which others: the first route that matches, as in Alertmanager. */
import { LEVELS } from "../detect/finding.ts";
import type { Level } from "../detect/finding.ts";
import type { Alert } from "./alert.ts";
import { labelsOf, matchesAll } from "./matchers.ts";
import type { Labels, Matcher } from "./matchers.ts";

export interface Route {
  readonly name: string;
  readonly match: readonly Matcher[];
  readonly channels: readonly string[];
  /** Labels whose values make a group; `...` alone: every alert by itself. */
  readonly groupBy: readonly string[];
  readonly groupWaitUs: number;
  readonly groupIntervalUs: number;
  readonly repeatIntervalUs: number;
  /** Goes on to the next route that matches. */
  readonly goesOn: boolean;
}

export interface Routing {
  readonly routes: readonly Route[];
  /** The lowest level that notifies anybody. */
  readonly notifyFrom: Level;
}

export function routesOf({ routes, notifyFrom }: Routing, alert: Alert): readonly Route[] {
  if (LEVELS.indexOf(alert.finding.level) < LEVELS.indexOf(notifyFrom)) return [];
  const labels = labelsOf(alert);
  const found: Route[] = [];
  for (const route of routes) {
    if (!matchesAll(route.match, labels)) continue;
    found.push(route);
    if (!route.goesOn) break;
  }
  return found;
}

export function groupLabelsOf({ groupBy }: Route, alert: Alert): Labels {
  const labels = labelsOf(alert);
  if (groupBy.includes("...")) return { ...labels, fingerprint: alert.fingerprint };
  return Object.fromEntries(groupBy.map((name) => [name, labels[name] ?? ""]));
}

export function groupKeyOf({ name }: Route, labels: Labels): string {
  return JSON.stringify([name, ...Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}
