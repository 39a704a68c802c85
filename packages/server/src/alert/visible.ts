/** What somebody may know of, and act on, of all that is about alerts: what his scope would show of the log itself. */
import { seesAllOf, sees } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import type { Alert } from "./alert.ts";
import type { Labels, Matcher } from "./matchers.ts";
import type { Notice } from "./notice.ts";
import type { Action } from "./respond/action.ts";
import type { Silence } from "./silence.ts";

/** Labels whose values are services. */
export const SERVICE_LABELS = ["service", "service_id", "target_id", "recorder_id", "caller", "callee"] as const;

/** Who asks. */
export interface Viewer {
  readonly name: string;
  readonly scope: Scope;
}

type FindAlert = (id: string) => Alert | null;

/**
 * Whether somebody may know of an alert: as of a record that names the same services, in each of the logs that its
 * records lie in. A finding quotes records whose class it does not say, so who sees some classes only sees none.
 */
export function isVisible(scope: Scope, { finding: { labels, records } }: Alert): boolean {
  const { services, dataClasses } = scope;
  const log = labels["log"];
  const logs = [...records.map(({ tree }) => tree), ...(log === undefined ? [] : [`${log}/`])];
  if (dataClasses !== "*" || !logs.every((tree) => sees(scope, tree))) return false;
  if (services !== "*") return SERVICE_LABELS.some((name) => services.includes(labels[name] ?? ""));
  return logs.length > 0 || scope.logs === "*" || "allBut" in scope.logs;
}

/** What is about services of any log: for who sees all, or one of the services that are named in every log. */
export function seesNamed(scope: Scope, labels: Labels): boolean {
  if (seesAllOf(scope, "*")) return true;
  const { logs, services, dataClasses } = scope;
  if (dataClasses !== "*" || services === "*" || !(logs === "*" || "allBut" in logs)) return false;
  return SERVICE_LABELS.some((name) => services.includes(labels[name] ?? ""));
}

/** Whether somebody may block, or call a webhook for, what is named: what he sees, or what an alert that he sees names. */
export function mayActOn(
  scope: Scope,
  { target, alertId }: Pick<Action, "target" | "alertId">,
  findAlert: FindAlert,
): boolean {
  if (seesNamed(scope, target)) return true;
  const alert = alertId === null ? null : findAlert(alertId);
  if (alert === null || !isVisible(scope, alert)) return false;
  const { labels } = alert.finding;
  return Object.entries(target).every(([name, value]) => name === "channel" || labels[name] === value);
}

export function isActionVisible({ name, scope }: Viewer, action: Action, findAlert: FindAlert): boolean {
  return action.by === name || mayActOn(scope, action, findAlert);
}

export function isSilenceVisible({ name, scope }: Viewer, { createdBy, matchers }: Silence): boolean {
  return createdBy === name || maySilence(scope, matchers);
}

/** Nobody silences alerts that he may not know of, so one of his services must be named. */
export function maySilence(scope: Scope, matchers: readonly Matcher[]): boolean {
  const exact = matchers.filter(({ operator }) => operator === "=");
  return seesNamed(scope, Object.fromEntries(exact.map(({ name, value }) => [name, value])));
}

/** A notification says what its alerts say. */
export function isNoticeVisible(scope: Scope, notice: Notice, findAlert: FindAlert): boolean {
  if (seesAllOf(scope, "*") || notice.purpose === "test") return true;
  const alerts = [...notice.firing, ...notice.resolved].map(findAlert);
  return alerts.length > 0 && alerts.every((alert) => alert !== null && isVisible(scope, alert));
}
