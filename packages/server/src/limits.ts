/** Bounds that more than one folder needs; a folder's own stand in its own limits.ts. */
export const MAX_REQUEST_BODY_BYTES = 20 * 1024 * 1024;
export const MAX_BATCH_RECORDS = 10_000;
export const MAX_LEAF_BYTES = 65_535;
export const MAX_CANONICAL_RECORD_BYTES = 61_440;
