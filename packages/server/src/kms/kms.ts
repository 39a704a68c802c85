/**
 * Wraps and unwraps data keys. `file` is the default; Vault Transit, AWS KMS and PKCS#11 come later behind the same
 * seam.
 */
export interface Kms {
  /** Names the key that wraps, e.g. `file:3f2a…` (first 16 hex digits of SHA-256 of the key); never secret. */
  readonly keyId: string;
  /** AEAD; `context` is bound as associated data. */
  wrap(plain: Uint8Array, context: string): Promise<Uint8Array>;
  /** Throws TallystickError `key_unavailable` when key or context do not fit. */
  unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array>;
}

/**
 * The data keys of one folder, wrapped in `keys/<name>.json`, made at first use, durable before they are first used.
 * Names: `signing` (Ed25519 seed), `integrity` (HMAC of segment footers), `index` (disk of the index), `redaction`
 * (fingerprints), `epoch.<log>.<epoch>` (segments of one tree).
 */
export interface Keyring {
  /** 32 bytes; made and stored durably when absent. */
  key(name: string): Promise<Uint8Array>;
  /** 32 bytes, or null when there is no such key; never makes one. */
  existing(name: string): Promise<Uint8Array | null>;
  /** Public half and signer of the `signing` key. */
  signer(): Promise<{ readonly publicKey: Uint8Array; sign(message: Uint8Array): Uint8Array }>;
}
