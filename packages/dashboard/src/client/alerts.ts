/** Answers about alerts, silences, responses and detectors. */

export interface Alert {
  readonly id: string;
  readonly state: "firing" | "acknowledged" | "resolved";
  readonly rule_id: string;
  readonly rule_version: number;
  readonly title: string;
  readonly kind: string;
  readonly level: Level;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly expected: string;
  readonly seen: string;
  readonly check: string;
  readonly silence: string;
  readonly runbook_url: string | null;
  readonly records: readonly { readonly tree: string; readonly leaf_index: number; readonly call_id: string }[];
  readonly count: number;
  readonly quiet: boolean;
  readonly starts_at: string;
  readonly seen_at: string;
  readonly raised_at: string;
  readonly acknowledged_by: string | null;
  readonly assignee: string | null;
  readonly resolved_at: string | null;
  readonly resolved_by: string | null;
  readonly suppressed_by: string | null;
  readonly steps: readonly { readonly kind: string; readonly at: string; readonly by: string; readonly text: string }[];
}

export type Level = "informational" | "low" | "medium" | "high" | "critical";

export interface Alerts {
  readonly alerts: readonly Alert[];
  readonly counts: Readonly<Record<"firing" | "acknowledged" | "suppressed" | "quiet" | "resolved", number>>;
}

export interface Silence {
  readonly id: string;
  readonly state: "pending" | "active" | "expired";
  readonly matchers: readonly string[];
  readonly starts_at: string;
  readonly ends_at: string;
  readonly created_by: string;
  readonly comment: string;
  readonly ended_by: string | null;
}

/** Something done about an alert: a block, or a call to a webhook. */
export interface Response {
  readonly id: string;
  readonly kind: string;
  readonly target: Readonly<Record<string, string>>;
  readonly state: string;
  readonly reason: string;
  readonly by: string;
  readonly rule: string | null;
  readonly since: string | null;
  readonly until: string | null;
}

export const LEVELS: readonly Level[] = ["informational", "low", "medium", "high", "critical"];
export const LEVEL_TONES = {
  informational: "quiet",
  low: "quiet",
  medium: "warn",
  high: "bad",
  critical: "bad",
} as const;
