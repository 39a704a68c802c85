import type { Level } from "./alerts.ts";

/** Answers about rules: what they say, what they found, what became of them. */

export interface Rule {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly kind: "sigma" | "measure";
  readonly origin: "builtin" | "own";
  readonly level: Level;
  readonly status: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly false_positives: readonly string[];
  readonly runbook_url: string | null;
  readonly on: boolean;
  readonly set_aside: string | null;
  readonly changed_by: string | null;
  readonly changed_at: string | null;
}

/** As the list has it. */
export interface FoundRule extends Rule {
  readonly alerts: {
    readonly open: number;
    readonly raised: number;
    readonly hits: number;
    readonly last_at: string | null;
  };
}

export interface WholeRule extends Rule {
  readonly text: string;
}

export interface CheckedText {
  readonly rule: {
    readonly id: string;
    readonly title: string;
    readonly kind: Rule["kind"];
    readonly level: Level;
    readonly takes: "new" | "own" | "builtin";
  } | null;
  readonly fault: TextFault | null;
}

/** Both places from 1. */
export interface TextFault {
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

export interface Backtest {
  readonly hits: number;
  readonly per_day: number;
  readonly width_ms: number;
  readonly buckets: readonly { readonly from: string; readonly hits: number }[];
  readonly sample: readonly BacktestRecord[];
  /** Of a measure: the latest times at which it would have fired, newest first. */
  readonly fired?: readonly BacktestFired[];
  readonly from: string;
  readonly to: string;
  readonly elapsed_ms: number;
}

export interface BacktestFired {
  readonly labels: Readonly<Record<string, string>>;
  readonly since: string;
  readonly fired_at: string;
  /** Null: its condition still held at the end of the period. */
  readonly over_at: string | null;
  readonly seen: string;
  readonly calls: number;
}

export interface BacktestRecord {
  readonly tree: string;
  readonly leaf_index: number;
  readonly call_id: string;
  readonly timestamp: string;
  readonly caller: string;
  readonly callee: string;
  readonly operation: string;
}

export const RULES = "/api/rules";
export const rulePath = (id: string): string => `${RULES}/${encodeURIComponent(id)}`;
