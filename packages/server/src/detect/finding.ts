/**
 * The seam between detection and alerts. Rules and detectors decide what is said; alerts decide who hears of it and
 * how often.
 */
export const LEVELS = ["informational", "low", "medium", "high", "critical"] as const;
export type Level = (typeof LEVELS)[number];
/** A link that is cut leads nowhere, so it is kept whole. */
export const MAX_RUNBOOK_URL_BYTES = 1_024;
export const FINDING_KINDS = ["sigma", "measure", "detector", "baseline"] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** What a rule or a detector found: the one thing that detection hands on. */
export interface Finding {
  /** Of the rule or detector, stable over versions: a UUID, or `builtin/<name>`. */
  readonly ruleId: string;
  readonly ruleVersion: number;
  readonly title: string;
  readonly kind: FindingKind;
  readonly level: Level;
  /** As `attack.t1078`. */
  readonly tags: readonly string[];
  /**
   * What the finding is about, and what it is grouped and deduplicated by: `service`, `caller`, `callee`, `operation`,
   * `credential_id` …, names as in search. The same labels of the same rule are the same alert.
   */
  readonly labels: Readonly<Record<string, string>>;
  /** `firing` raises or keeps; `resolved` says that a lasting condition (measure, baseline, silence) ended. */
  readonly state: "firing" | "resolved";
  /** Since when, in microseconds since 1970. */
  readonly startsAtUs: number;
  /** When it was seen last, in microseconds since 1970; does not go back for the same labels. */
  readonly seenAtUs: number;
  readonly summary: string;
  /** What was expected, and what was seen instead. */
  readonly expected: string;
  readonly seen: string;
  /** How to check it, and how to silence it rightly. */
  readonly check: string;
  readonly silence: string;
  /** Where it is written what to do; of a rule that names none, what `alerts.runbook_url` says. */
  readonly runbookUrl?: string;
  /** At most 20 records that show it, the first one first. */
  readonly records: readonly FindingRecord[];
  /** How many there were in all. */
  readonly count: number;
  /** Learning, not yet confirmed or explained by a deploy: listed, notifies nobody. */
  readonly quiet: boolean;
}

export interface FindingRecord {
  readonly tree: string;
  readonly leafIndex: number;
  readonly callId: string;
}

/**
 * Idempotent: after a crash the same findings come again. Resolves when they are durable.
 * TallystickError `journal_unavailable`: none or some were taken; hand them over again later.
 */
export type FindingSink = (findings: readonly Finding[]) => Promise<void>;
