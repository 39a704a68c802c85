export const KEY_BYTES = 32;
/** A random 32-byte key has about 30 different byte values; fewer than this was typed or filled, not drawn. */
export const MIN_DISTINCT_KEY_BYTES = 12;
export const MAX_KEY_FILE_BYTES = 4_096;

/** Of UTF-8; its key file, in which it stands in base64, has room for no more. */
export const MAX_SECRET_BYTES = 2_048;
export const MAX_SECRETS = 256;

/** A wrapped key: version ‖ nonce ‖ AES-256-GCM ciphertext ‖ tag (docs/formats/keys.md). */
export const WRAP_VERSION = 1;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** An HSM that has not answered by then is unreachable. */
export const HSM_ANSWER_MS = 10_000;
/** The same with the calls before it, which may be tried twice, for whoever asks its thread. */
export const HSM_THREAD_ANSWER_MS = 30_000;
/** A sealed server asks its KMS again after so long. */
export const KMS_RETRY_MS = 2_000;
