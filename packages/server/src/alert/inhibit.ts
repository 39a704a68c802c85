/**
 * Inhibition: an alert notifies nobody while another says the same and more. Alertmanager's semantics: the target
 * matches the target's matchers, some firing source matches the source's, and both have the same values of `equal`.
 * An alert that matches both sides is not inhibited by one of which the same is true, itself included.
 */
import type { Alert } from "./alert.ts";
import type { Labels, Matcher } from "./matchers.ts";
import { labelsOf, matchesAll } from "./matchers.ts";

export interface InhibitRule {
  readonly source: readonly Matcher[];
  readonly target: readonly Matcher[];
  readonly equal: readonly string[];
}

interface Source {
  readonly id: string;
  readonly isTargetToo: boolean;
}

/** Built once a look over all alerts, so that a look costs what there are alerts and rules, not their square. */
export class Inhibitors {
  readonly #rules: readonly { readonly rule: InhibitRule; readonly sources: Map<string, readonly Source[]> }[];

  constructor(rules: readonly InhibitRule[], firing: readonly Alert[]) {
    this.#rules = rules.map((rule) => ({ rule, sources: sourcesOf(rule, firing) }));
  }

  /** Id of the alert that inhibits it, or null. */
  of(alert: Alert): string | null {
    const labels = labelsOf(alert);
    for (const { rule, sources } of this.#rules) {
      if (!matchesAll(rule.target, labels)) continue;
      const isSourceToo = matchesAll(rule.source, labels);
      const found = (sources.get(keyOf(rule, labels)) ?? []).find(
        ({ id, isTargetToo }) => id !== alert.id && !(isSourceToo && isTargetToo),
      );
      if (found !== undefined) return found.id;
    }
    return null;
  }
}

function sourcesOf(rule: InhibitRule, firing: readonly Alert[]): Map<string, readonly Source[]> {
  const sources = new Map<string, readonly Source[]>();
  for (const alert of firing) {
    const labels = labelsOf(alert);
    if (!matchesAll(rule.source, labels)) continue;
    const key = keyOf(rule, labels);
    const source = { id: alert.id, isTargetToo: matchesAll(rule.target, labels) };
    const before = sources.get(key) ?? [];
    // Two are enough: one may be the target itself, and of those that are both none counts for a target that is both.
    const same = before.filter(({ isTargetToo }) => isTargetToo === source.isTargetToo);
    if (same.length < 2) sources.set(key, [...before, source]);
  }
  return sources;
}

function keyOf({ equal }: InhibitRule, labels: Labels): string {
  return JSON.stringify(equal.map((name) => labels[name] ?? ""));
}
