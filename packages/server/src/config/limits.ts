export const MAX_CONFIG_BYTES = 1_048_576;
/** A file with more faults than this is better read from the top again. */
export const MAX_REPORTED_FAULTS = 20;
export const MAX_ALIASES = 16;
