/** Bounds of alerting, each with its unit. */
/** Open alerts of one rule; findings beyond it are one alert of the rule. */
export const MAX_OPEN_ALERTS_A_RULE = 1_000;
/** Alerts that are over and still listed; older ones are in the log alone. */
export const MAX_PAST_ALERTS = 5_000;
/** What is known of one alert's past in memory; older steps are in the log alone. */
export const MAX_STEPS = 100;
/** Findings recorded in one batch. */
export const ALERT_BATCH = 200;
/** Entries read from the log at a time. */
export const FOLD_READ_BYTES = 1_048_576;

export const MAX_LABELS = 16;
export const MAX_LABEL_NAME_BYTES = 64;
export const MAX_LABEL_VALUE_BYTES = 256;
export const MAX_FINDING_TEXT_BYTES = 1_024;
export const MAX_FINDING_TITLE_BYTES = 256;
export const MAX_FINDING_TAGS = 32;
export const MAX_FINDING_RECORDS = 20;
/** A finding as text within a record; beyond it its texts and records are cut further. */
export const MAX_FINDING_BYTES = 40_000;
export const SHORT_TEXT_BYTES = 200;
export const SHORT_RECORDS = 3;

/** An alert that goes on is recorded again at most so often. */
export const AGAIN_EVERY_US = 600_000_000;

export const MAX_MATCHER_LENGTH = 1_024;
export const MAX_MATCHERS = 32;
/** Silences that are not over. */
export const MAX_SILENCES = 1_000;
/** Silences that are over and still listed. */
export const MAX_PAST_SILENCES = 1_000;
export const MAX_SILENCE_US = 366 * 86_400_000_000;
/** Comments, assignees, reasons: characters. */
export const MAX_ALERT_TEXT_LENGTH = 2_048;
