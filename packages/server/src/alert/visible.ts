import type { Scope } from "../search/scope.ts";
import { sees } from "../search/scope.ts";
import type { Alert } from "./alert.ts";

/** Labels whose values are services. */
export const SERVICE_LABELS = ["service", "service_id", "target_id", "recorder_id", "caller", "callee"] as const;

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
