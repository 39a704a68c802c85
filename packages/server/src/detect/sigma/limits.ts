/** Bounds of rules: a text beyond them is refused with its place. */

export const MAX_RULE_FILE_BYTES = 1024 * 1024;
export const MAX_DOCUMENTS = 1_000;
/** Values and conditions of one rule, after modifiers. */
export const MAX_RULE_TESTS = 20_000;
export const MAX_CONDITION_LENGTH = 16_384;
export const MAX_CONDITION_DEPTH = 64;
export const MAX_DETECTION_DEPTH = 16;
export const MAX_REGEX_LENGTH = 4_096;
/** Variants of one value: of placeholders with many values. */
export const MAX_VARIANTS = 5_000;
export const MAX_CORRELATED_RULES = 32;
/** The longest timespan of a correlation, in seconds. */
export const MAX_TIMESPAN_S = 31 * 86_400;
/** The SQL of one rule. */
export const MAX_RULE_SQL_LENGTH = 900_000;
/** The SQL of the rules of one pass. */
export const MAX_PASS_SQL_LENGTH = 900_000;
/** Rules of one pass. */
export const MAX_PASS_RULES = 64;
/** Rules of correlations of which it is asked at once whether they can come true. */
export const MAX_ASKED_PARTS = 40;
