/** Bounds of detection. */

/** A rule's text is in one record of the control log. */
export const MAX_RULE_TEXT_BYTES = 40_000;
export const MAX_OWN_RULES = 1_000;

/** Leaves that rules look at in one pass. */
export const PASS_LEAVES = 100_000;
/** The same of correlations, whose cost is what they look back on: many at once, or they would never catch up. */
export const CORRELATION_LEAVES = 400_000;
/** From so many on a pass is as cheap by the record as it gets, and rests for nothing. */
export const MUCH_LEAVES = 75_000;
/** So few rules are run without asking first which of them can find something. */
export const FEW_RULES = 3;
/** Different values of a field that are looked at to tell which rules can find something, and how much of each. */
export const MAX_HELD_VALUES = 500;
export const MAX_HELD_TEXT = 256;
/** Of so many comparisons with a field the engine is asked whether any value meets one. */
export const MAX_HELD_TESTS = 200;
/** More keywords than that are looked for in all texts put together. */
export const FEW_KEYWORDS = 20;
/** A field that had more is not looked at over so many ranges. */
export const FULL_RANGES = 20;
/** Logs of which it is remembered what to ask, of each kind of rules. */
export const MAX_HELD_LOGS = 200;
/** Attributes of which the values are looked at. */
export const MAX_HELD_ATTRIBUTES = 40;
/**
 * Rules rest between passes, so that intake keeps the machine: few records are looked at soon, many at once, which is
 * cheaper by the record. At least so long, else so many times as long as a pass took, but no longer than the last.
 */
export const PASS_REST = { leastMs: 500, times: 6, mostMs: 2_000 };
/** A correlation reads its whole timespan, so that what it costs is bounded by its rest alone. */
export const CORRELATION_REST = { leastMs: 1_000, times: 16, mostMs: 60_000 };
export const DETECT_RETRY_MS = 2_000;
export const PASS_TIMEOUT_MS = 60_000;
export const PASS_MEMORY_BYTES = 600_000_000;
/** Findings of one rule in one pass, by their labels; the ones with most records. */
export const MAX_FINDINGS_PER_RULE = 50;
export const MAX_FINDING_RECORDS = 20;
/** Records of which the calls are asked for at once: fewer than a pass may answer. */
export const MAX_ASKED_CALLS = 2_000;
/** Records may come so much later than they were made, and count in a correlation still. */
export const LATE_S = 300;

export const BACKTEST_TIMEOUT_MS = 60_000;
export const MAX_BACKTEST_SAMPLE = 20;
/** The longest time of the past that a rule is tried on, in days. */
export const MAX_BACKTEST_DAYS = 400;
