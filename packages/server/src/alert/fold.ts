/**
 * The state of all alerts as a fold over the records of the `alerts` log: start-up and normal work apply records by
 * the same function, and a record applied twice changes nothing the second time.
 */
import type { AuditRecord } from "@tallystick/record";

import type { Alert, Step } from "./alert.ts";
import { alertChangeOf } from "./alert-record.ts";
import type { AlertChange } from "./alert-record.ts";
import { MAX_PAST_ALERTS, MAX_STEPS } from "./limits.ts";
import type { Slice } from "./log.ts";

export class AlertFold implements Slice {
  /** In the order in which they fired. */
  readonly alerts = new Map<string, Alert>();
  /** Fingerprint to the newest alert that has it. */
  readonly newest = new Map<string, string>();
  /** Rule to the number of its alerts that are not over. */
  readonly #openByRule = new Map<string, number>();
  #open = 0;

  openOf(ruleId: string): number {
    return this.#openByRule.get(ruleId) ?? 0;
  }

  goesOn(resource: string): boolean {
    if (!resource.startsWith("alert/")) return false;
    const alert = this.alerts.get(resource.slice("alert/".length));
    return alert !== undefined && alert.state !== "resolved";
  }

  forget(resource: string): void {
    const alert = resource.startsWith("alert/") ? this.alerts.get(resource.slice("alert/".length)) : undefined;
    if (alert === undefined) return;
    this.#count(alert, -Number(alert.state !== "resolved"));
    this.alerts.delete(alert.id);
    if (this.newest.get(alert.fingerprint) === alert.id) this.newest.delete(alert.fingerprint);
  }

  take(record: AuditRecord): void {
    const change = alertChangeOf(record);
    if (change === null) return;
    const before = this.alerts.get(change.id);
    const after = before === undefined ? firstOf(change) : changed(before, change);
    if (after === null || after === before) return;
    this.#count(after, Number(after.state !== "resolved") - Number((before?.state ?? "resolved") !== "resolved"));
    this.alerts.set(after.id, after);
    if (before === undefined) this.newest.set(after.fingerprint, after.id);
    this.#forgetOldest();
  }

  #count({ finding: { ruleId } }: Alert, change: number): void {
    this.#open += change;
    this.#openByRule.set(ruleId, this.openOf(ruleId) + change);
  }

  #forgetOldest(): void {
    if (this.alerts.size - this.#open <= MAX_PAST_ALERTS) return;
    for (const { id, state, fingerprint } of this.alerts.values()) {
      if (state !== "resolved") continue;
      this.alerts.delete(id);
      if (this.newest.get(fingerprint) === id) this.newest.delete(fingerprint);
      return;
    }
  }
}

function firstOf({ id, fingerprint, step, finding }: AlertChange): Alert | null {
  if (step.kind !== "fired" || finding === null) return null;
  return {
    id,
    fingerprint,
    state: "firing",
    finding,
    raisedAtUs: step.atUs,
    acknowledgedAtUs: null,
    acknowledgedBy: null,
    assignee: null,
    resolvedAtUs: null,
    resolvedBy: null,
    suppressedBy: null,
    steps: [step],
  };
}

function changed(before: Alert, { step, finding, resolvedBy }: AlertChange): Alert {
  const alert = { ...before, steps: withStep(before.steps, step) };
  if (step.kind === "fired") return before;
  if (step.kind === "seen again") return finding === null ? before : { ...before, finding };
  if (step.kind === "commented") return alert;
  if (step.kind === "suppressed") return { ...alert, suppressedBy: step.text };
  if (step.kind === "unsuppressed") return { ...alert, suppressedBy: null };
  if (step.kind === "assigned") return { ...alert, assignee: step.text === "" ? null : step.text };
  if (step.kind === "resolved") return { ...alert, state: "resolved", resolvedAtUs: step.atUs, resolvedBy };
  const reopened = { resolvedAtUs: null, resolvedBy: null };
  if (step.kind === "reopened")
    return { ...alert, ...reopened, state: "firing", acknowledgedAtUs: null, acknowledgedBy: null };
  return {
    ...alert,
    state: "acknowledged",
    acknowledgedAtUs: before.acknowledgedAtUs ?? step.atUs,
    acknowledgedBy: before.acknowledgedBy ?? step.by,
  };
}

/** The first and the newest ones stay. */
function withStep(steps: readonly Step[], step: Step): readonly Step[] {
  return steps.length < MAX_STEPS ? [...steps, step] : [steps[0]!, ...steps.slice(2), step];
}
