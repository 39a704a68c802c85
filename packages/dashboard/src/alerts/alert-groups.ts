import { LEVELS, type Alert } from "../client/alerts.ts";

/** What alerts are put together by; the first is how notifications are grouped unless the configuration says otherwise. */
export const GROUPINGS: readonly (readonly [name: string, title: string, of: (alert: Alert) => string])[] = [
  ["rule", "by rule", ({ title }) => title],
  [
    "service",
    "by service",
    ({ labels }) => firstOf(labels, ["service", "callee", "target_id", "service_id", "caller"]),
  ],
  ["edge", "by edge", ({ labels }) => [labels["caller"], labels["callee"]].filter(Boolean).join(" → ")],
  ["credential", "by credential", ({ labels }) => firstOf(labels, ["credential_id", "credential"])],
  ["level", "by level", ({ level }) => level],
];

export interface AlertGroup {
  readonly name: string;
  readonly level: Alert["level"];
  readonly alerts: readonly Alert[];
}

/** The gravest first; within a group as they came. Null: they stand by themselves. */
export function groupsOf(alerts: readonly Alert[], grouping: string | undefined): readonly AlertGroup[] | null {
  const of = GROUPINGS.find(([name]) => name === grouping)?.[2];
  if (of === undefined) return null;
  const groups = new Map<string, Alert[]>();
  for (const alert of alerts) groups.set(of(alert), [...(groups.get(of(alert)) ?? []), alert]);
  return [...groups]
    .map(([name, members]) => ({ name, alerts: members, level: gravest(members) }))
    .toSorted((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level) || b.alerts.length - a.alerts.length);
}

function gravest(alerts: readonly Alert[]): Alert["level"] {
  return LEVELS[Math.max(0, ...alerts.map(({ level }) => LEVELS.indexOf(level)))] ?? "informational";
}

function firstOf(labels: Alert["labels"], names: readonly string[]): string {
  return names.map((name) => labels[name]).find((value) => value !== undefined && value !== "") ?? "";
}
