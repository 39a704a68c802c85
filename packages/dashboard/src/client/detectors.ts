import type { Level } from "./alerts.ts";

/** Answers about the built-in detectors, and about where notifications go. */

export interface Detector {
  readonly name: string;
  readonly title: string;
  readonly level: Level;
  readonly tags: readonly string[];
  readonly learns: boolean;
  readonly facts: readonly string[];
  readonly check: string;
  readonly silence: string;
}

export interface Detectors {
  readonly detectors: readonly Detector[];
  readonly baselines: {
    readonly min_hours: number;
    readonly detectors: readonly Pick<Detector, "name" | "title" | "level" | "check" | "silence">[];
  };
  readonly learning: readonly { readonly log: string; readonly until: string; readonly is_over: boolean }[];
  readonly ready: boolean;
  readonly lag_records: number;
}

export interface Fact {
  readonly kind: string;
  readonly log: string;
  readonly subject: string;
  readonly value: string;
  readonly first_seen: string;
  readonly last_seen: string;
}

export interface Channel {
  readonly name: string;
  readonly kind: string;
  readonly sends_resolved: boolean;
  readonly per_minute: number;
  readonly queued: number;
  readonly dead: number;
}

export interface Notification {
  readonly id: string;
  readonly channel: string;
  readonly purpose: "alerts" | "test" | "response";
  readonly state: "queued" | "delivered" | "dead";
  readonly group_labels: Readonly<Record<string, string>>;
  readonly firing: readonly string[];
  readonly resolved: readonly string[];
  readonly created_at: string;
  readonly attempts: number;
  readonly next_at: string | null;
  readonly ended_at: string | null;
  readonly error: string | null;
  readonly answer: string | null;
}
