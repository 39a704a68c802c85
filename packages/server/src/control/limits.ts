/** Keys that may be used at a time; the fold holds them in memory. */
export const MAX_ACTIVE_KEYS = 10_000;
/** Tokens of other issuers, and subjects, that are revoked. */
export const MAX_REVOCATIONS = 10_000;
/** Entries read from an own log at a time. */
export const FOLD_READ_BYTES = 1_048_576;
export const MAX_RELAY_SERVICES = 1_000;
export const MAX_DECLARED_ALIASES = 10_000;
export const MAX_DECLARED_PARTIES = 10_000;
/** Names in each part of a scope; a statement carries them all. */
export const MAX_SCOPE_NAMES = 100;
/** Proposals that wait for a second person. */
export const MAX_PENDING_APPROVALS = 1_000;
/** Approvals that are over and still listed; older ones are in the log alone. */
export const MAX_PAST_APPROVALS = 1_000;
/** A proposal that nobody decided is void after this time. */
export const APPROVAL_LIFETIME_US = 7 * 86_400_000_000;
/** What a proposal says of itself: of what it is about, why, and how. */
export const MAX_APPROVAL_TEXT_LENGTH = 1_024;
export const MAX_APPROVAL_DETAILS_LENGTH = 16_384;
/** Batch keys, revoked ones too: their signatures stay checkable. */
export const MAX_BATCH_KEYS = 10_000;
/** Users there ever were, disabled ones too. */
export const MAX_USERS = 10_000;
export const MAX_SEEN_ADMINISTRATORS = 1_000;
/** Legal holds in force; each that is due costs a question to the index. */
export const MAX_ACTIVE_HOLDS = 1_000;
export const MAX_HOLD_QUERY_LENGTH = 4_096;
export const MAX_HOLD_TEXT_LENGTH = 1_024;
/** Characters of one part of a snapshot: it lies in a record as JSON in JSON, which at worst doubles them. */
export const SNAPSHOT_PART_LENGTH = 20_000;
/** Searches that one user keeps, and how long a search's address may be. */
export const MAX_SAVED_SEARCHES = 100;
/** Of all users: the fold holds them in memory, and so does each snapshot. */
export const MAX_SAVED_SEARCHES_OF_ALL = 10_000;
export const MAX_SEARCH_VIEW_LENGTH = 8_192;
