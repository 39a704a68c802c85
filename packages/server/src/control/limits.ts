/** Keys that may be used at a time; the fold holds them in memory. */
export const MAX_ACTIVE_KEYS = 10_000;
/** Entries read from the control log at a time. */
export const FOLD_READ_BYTES = 1_048_576;
export const MAX_RELAY_SERVICES = 1_000;
export const MAX_DECLARED_ALIASES = 10_000;
export const MAX_DECLARED_PARTIES = 10_000;
