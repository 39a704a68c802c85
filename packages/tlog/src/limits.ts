/** Bounds of everything that is read from outside. */

/** Signature lines in a note; the signed-note specification asks for at least 16. */
export const MAX_SIGNATURE_LINES = 64;
/** Bytes of a note, signatures included. A post-quantum signature can take nearly 5 kB. */
export const MAX_NOTE_BYTES = 1_048_576;
/** Bytes of one log entry: its length is a uint16. */
export const MAX_ENTRY_BYTES = 65_535;
/** Hashes in an inclusion or consistency proof: one a tree level and one more, for sizes up to 2^53 − 1. */
export const MAX_PROOF_HASHES = 64;
/** Bytes of a tlog-proof text: a note, its hashes and the `extra` line. */
export const MAX_PROOF_BYTES = 2_097_152;
/** Verifier keys that a note is opened with. */
export const MAX_VERIFIERS = 1_024;
