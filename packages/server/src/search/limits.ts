/**
 * Bounds of everything a reader may ask for. A query runs behind intake, so none of them may be lifted by a
 * request.
 */

/** Bytes of UTF-8 in one query text. */
export const MAX_QUERY_BYTES = 8_192;
/** Parentheses, field groups and negations inside each other. */
export const MAX_QUERY_DEPTH = 32;
/** Words, phrases, ranges and existence tests in one query. */
export const MAX_QUERY_TERMS = 256;
/** `*` and `?` in one value: each makes the pattern costlier to match. */
export const MAX_VALUE_WILDCARDS = 32;
/** Notes (did you mean …) given back with one query. */
export const MAX_QUERY_NOTES = 8;

export const DEFAULT_PAGE_RECORDS = 100;
export const MAX_PAGE_RECORDS = 1_000;
/** Pages of at most so many records are read by one statement where few records match. */
export const WHOLE_PAGE_RECORDS = 1_000;
/** Characters of a cursor as a reader may send it, and of what it unpacks to: 2,000 trees of 40 bytes. */
export const MAX_CURSOR_LENGTH = 131_072;
/** Trees one cursor or one event id may name. */
export const MAX_CURSOR_TREES = 2_000;

export const SEARCH_TIMEOUT_MS = 30_000;
export const SEARCH_MEMORY_BYTES = 1024 * 1024 * 1024;

export const DEFAULT_BUCKETS = 90;
export const MAX_BUCKETS = 2_000;
export const MAX_FACET_FIELDS = 32;
export const DEFAULT_FACET_VALUES = 10;
export const MAX_FACET_VALUES = 1_000;
/** Matching records over which ids, text and attributes are counted; an answer over a sample says so. */
export const FACET_SAMPLE_RECORDS = 1_000_000;
/** Matching records whose attribute names are listed. */
export const ATTRIBUTE_SAMPLE_RECORDS = 50_000;
export const MAX_ATTRIBUTE_NAMES = 500;

/** Credentials that one report of accesses names. */
export const MAX_REPORT_LINES = 1_000;

/** A live tail that is more leaves behind than this is ended; it may come back with its last event id. */
export const TAIL_MAX_BEHIND_LEAVES = 1_000_000;
/** Leaves a tail looks through in one query. */
export const TAIL_RANGE_LEAVES = 50_000;
/** Records a tail takes out of the index at a time. */
export const TAIL_PAGE_RECORDS = 1_000;

/** Records of an export's first piece. */
export const EXPORT_FIRST_RECORDS = 1_000;
/** Characters that the pieces after it are sized for, by the length of the records before them. */
export const EXPORT_PIECE_LENGTH = 8 * 1024 * 1024;
export const EXPORT_MIN_RECORDS = 100;
export const EXPORT_MAX_RECORDS = 10_000;
export const EXPORT_PROOFS_AT_ONCE = 64;
/** When to ask again for what needs a whole index. */
export const RETRY_AFTER_FILLING_S = 5;

/** Records of one trace; beyond it the answer is partial and holds the earliest. */
export const TRACE_RECORDS = 10_000;
/** Of a trace that comes with its records whole. */
export const TRACE_WHOLE_RECORDS = 1_000;
/** How many times a trace's records are asked what else belongs to them. */
export const TRACE_FOLLOW_ROUNDS = 8;
/** Ids of one kind that are followed in one round. */
export const TRACE_FOLLOW_IDS = 256;
/** Ids within texts that one condition looks for: as many as the text index takes. */
export const TRACE_WORDS_AT_ONCE = 64;
/** Other traces, requests and effects are looked for within so long of what was found. */
export const TRACE_FOLLOW_US = 86_400_000_000;
/** Characters of an error's message in a trace; the record has the whole. */
export const TRACE_MESSAGE_LENGTH = 500;

export const DEFAULT_NEIGHBOURS = 10;
export const MAX_NEIGHBOURS = 500;

/** Newest traces over which bottlenecks are counted; the answer says how many they were. */
export const DEFAULT_SAMPLE_TRACES = 1_000;
export const MAX_SAMPLE_TRACES = 5_000;
/** Records of these traces; beyond it the answer is partial. */
export const SAMPLE_RECORDS = 1_000_000;
/** How far from the records that put a trace into the sample its other records may lie. */
export const SAMPLE_MARGIN_US = 600_000_000;
export const DEFAULT_BOTTLENECKS = 20;
export const MAX_BOTTLENECKS = 200;
