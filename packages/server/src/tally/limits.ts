/** Bounds and measures of the tally. */
import type { DeriveLimits } from "../index/derived-tables.ts";

/** Halves' first-received times that one step looks at; smaller when many lie in it, larger over quiet times. */
export const STEP_MIN_US = 250_000;
export const STEP_START_US = 2_000_000;
export const STEP_MAX_US = 3_600_000_000;
/** While the tally keeps up, so short a window is taken without counting what lies in it. */
export const STEP_UNCOUNTED_US = 3_000_000;
/** Rows of candidate halves that make a step too large, and so few that the next one may be larger. */
export const STEP_MAX_ROWS = 120_000;
export const STEP_FEW_ROWS = 60_000;

/** Time between two looks for calls that have come due, and the shortest pause after one that took long. */
export const TICK_MS = 2_000;
/** The same while a look takes so long that there is much to settle: a step then takes what two inserts brought. */
export const BUSY_TICK_MS = 1_600;
export const BUSY_TURN_MS = 400;
export const MIN_PAUSE_MS = 50;
/** How long the end of an insert is waited for after that. */
export const MAX_INSERT_WAIT_MS = 2_000;
/** The position is written down so often: what was settled since is settled again after a crash. */
export const KEEP_POSITION_MS = 10_000;
/** So far beyond it, should the clock have been set back, verdicts may have been told before a crash. */
export const UNTOLD_US = 60_000_000;
/** Of the records in memory those of the oldest insert may go while a step reads: that is of less than this time. */
export const NEWEST_MARGIN_US = 3_000_000;
/** After a fault. */
export const RETRY_MS = 1_000;
/** How often the journal's sizes are noted, to know by them how far the index has come. */
export const SAMPLE_MS = 100;
/** Samples of journal sizes kept while the index catches up. */
export const MAX_SAMPLES = 64;

export const STEP_LIMITS: DeriveLimits = { timeoutMs: 120_000, maxMemoryBytes: 600_000_000 };

/** Lone halves of a step that are looked for behind a proxy, and proxies between two halves. */
export const MAX_BRIDGED_CALLS = 5_000;
export const MAX_PROXIES_BETWEEN = 8;

/** Verdicts appended to a log at once. */
export const VERDICT_BATCH = 500;
/** A pair that was received so long after the call began may have been settled before. */
export const OLD_PAIR_US = 120 * 1_000_000;
/** Halves that a call names; more are counted only. */
export const MAX_CALL_HALVES = 16;
/** Records shown of one call, and verdicts on it. */
export const MAX_CALL_RECORDS = 200;
/** Names of each kind that one step tells apart. */
export const MAX_STEP_NAMES = 5_000;
/** Names that the judgement of one call may ask about. */
export const MAX_KNOWN_ROWS = 10_000;
/** Edges in one summary record, so that it fits a leaf. */
export const SUMMARY_EDGES = 100;
/** The same in bytes, where names are long. */
export const SUMMARY_BYTES = 48_000;
/** Summary records appended at once, and minutes summed up in one go. */
export const SUMMARY_BATCH = 20;
export const SUMMARY_MINUTES_AT_ONCE = 30;

/** Names with a known service that are passed to a step. */
export const MAX_ALIASES = 10_000;
/** How long after it was last seen a learned name still says something. */
export const ALIAS_HOURS = 24;
/** A recorder that was last heard of longer ago does not report any more. */
export const REPORTS_DAYS = 7;
/** That a recorder was heard again is written down after so long. */
export const RECORDERS_WRITTEN_US = 60_000_000;

/** An edge has learned how many of its calls are seen from both sides when so many of them ended. */
export const COVERAGE_LEARNED_CALLS = 50;
/** Below it an edge is sampled or half instrumented: a missing half is no break. */
export const COVERAGE_WHOLE = 0.9;
/** An edge of which nothing is learned yet is taken for sampled below this, from so many calls on. */
export const COVERAGE_FIRST_CALLS = 30;
export const COVERAGE_FIRST_SHARE = 0.5;
/** Halves looked at to learn of what is new. */
export const AHEAD_ROWS = 200_000;
export const COVERAGE_HISTORY_HOURS = 24;
/** A finding is an edge that pairs below this share of its learned coverage, over so many minutes and calls. */
export const COVERAGE_DROP_SHARE = 0.5;
export const COVERAGE_DROP_MINUTES = 10;
export const COVERAGE_DROP_CALLS = 30;
/** Findings of one look, and looks in one go. */
export const MAX_FINDINGS = 1_000;
export const FINDING_LOOKS_AT_ONCE = 12;
/** Edges of which coverage is held. */
export const MAX_EDGES = 20_000;

/** Credentials of one caller that a lone half's is held against. */
export const MAX_CREDENTIALS_SHOWN = 1_000;
/** Matched calls from which the skew of two clocks is known. */
export const SKEW_MIN_CALLS = 5;
/** Pairs of recorders whose skew is looked for ahead of a step. */
export const SKEW_AHEAD_PAIRS = 1_000;
/** How long a skew that was seen is used. */
export const SKEW_HOURS = 24;

/** Sub-octave steps of a duration's bucket: bucket b holds durations from 2^(b/8) µs on. */
export const DURATION_STEPS = 8;

/** What took some time to count is counted again after so many times that long … */
export const COUNT_PAUSE = 100;
/** … or after this. */
export const MAX_COUNT_PAUSE_MS = 60_000;
export const MAX_MINUTES_AT_ONCE = 120;
/** How often days of the map are looked for whose hours have changed. */
export const DAYS_PAUSE_MS = 600_000;
/** Steps before a restart whose minutes are counted again. */
export const RECOVERED_STEPS = 1_000;

/** Edges of one map; the least used are left out beyond it, and the answer says that it is partial. */
export const MAX_GRAPH_EDGES = 10_000;
/** Names of recorders that the map's services are looked up in. */
export const MAX_RECORDERS = 100_000;
/** Credentials and operations shown of one edge. */
export const MAX_EDGE_CREDENTIALS = 20;
export const MAX_EDGE_OPERATIONS = 50;

/** Edges with series of their own in /metrics/edges; the others are added up. */
export const MAX_EDGE_SERIES = 1_000;
export const MAX_METRIC_EDGES = 100_000;
/** An answer of /metrics/edges is kept so long, for scrapers that come together. */
export const EDGE_METRICS_AGE_MS = 5_000;
/** Hours that are over are added up again for it no more often. */
export const CLOSED_HOURS_AGE_MS = 600_000;
/** Bounds of its histograms: from 2^10 µs to 2^25 µs, octave by octave. */
export const FIRST_DURATION_OCTAVE = 10;
export const LAST_DURATION_OCTAVE = 25;
