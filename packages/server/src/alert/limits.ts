/** Bounds of alerting, each with its unit. */
/** Open alerts of one rule; findings beyond it are one alert of the rule. */
export const MAX_OPEN_ALERTS_A_RULE = 1_000;
/** Alerts that are over and still listed; older ones are in the log alone. */
export const MAX_PAST_ALERTS = 5_000;
/** What is known of one alert's past in memory; older steps are in the log alone. */
export const MAX_STEPS = 100;
/** Findings recorded in one batch. */
export const ALERT_BATCH = 200;

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
/** Notifications that are listed, and what is remembered to know when to tell again. */
export const MAX_PAST_NOTICES = 5_000;
export const NOTICE_BATCH = 50;
/** Alerts that one notification names; of further ones it says how many there are. */
export const MAX_NOTICE_ALERTS = 400;
/**
 * Notifications that wait for one channel, of one level and above. What is due beyond them waits as alerts, and is not
 * told at all if it is over before its turn.
 */
export const MAX_QUEUED_A_CHANNEL = 100;
/** Tries of a notification, in seconds after the one before; then it is given up. */
export const NOTICE_RETRY_DELAYS_S: readonly number[] = [
  1, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200,
];
export const MAX_RETRY_AFTER_S = 3_600;
/** From a change to the look at what it means: what comes together is looked at together. */
export const LOOK_DELAY_MS = 20;
export const MAX_LOOK_WAIT_MS = 30_000;
/** A look rests for so many times as long as it took, at most so long: what is grave is told within seconds still. */
export const LOOK_REST_TIMES = 4;
export const MAX_LOOK_REST_MS = 2_000;
export const MIN_LOOK_MS = 100;
export const TROUBLE_DELAY_MS = 2_000;
export const EXPIRE_EVERY_US = 60_000_000;
/** Responses that are over and still listed. */
export const MAX_PAST_ACTIONS = 5_000;
/** An alert that was raised longer ago is not answered by a rule any more. */
export const RESPOND_WITHIN_US = 900_000_000;
export const MAX_ANSWERED = 10_000;
/** How long a test of a channel may be waited for: a first try and two more, so that what fails for a moment arrives. */
export const MAX_TEST_WAIT_S = 30;
/** Comments, assignees, reasons: characters. */
export const MAX_ALERT_TEXT_LENGTH = 2_048;
