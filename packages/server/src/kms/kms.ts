/**
 * Wraps and unwraps data keys. `file` is the default, `pkcs11` an HSM; Vault Transit and AWS KMS fit behind the same
 * seam, and kms.contract.ts is what each must pass.
 *
 * Errors of every method: TallystickError `kms_unreachable` (not fatal) when the KMS does not answer and may do so
 * later, `key_unavailable` when it answers and has not the key, or key and context do not fit.
 */
export interface Kms {
  /**
   * Names the key that wraps now, e.g. `file:3f2a…` (first 16 hex digits of SHA-256 of the key); printable ASCII, never
   * secret. Another one after `rotate`.
   */
  readonly keyId: string;
  /** AEAD under the key that `keyId` names; `context` is bound as associated data. */
  wrap(plain: Uint8Array, context: string): Promise<Uint8Array>;
  /** `keyId` is what the KMS was called by when it wrapped. */
  unwrap(wrapped: Uint8Array, context: string, keyId: string): Promise<Uint8Array>;
  /** Makes a new key, durable when it returns, and wraps with it from then on. Older ones go on unwrapping. */
  rotate(): Promise<void>;
  /** Nothing in the folder is wrapped under older keys any more. Takes them out of daily use; destroys none. */
  retire(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The data keys of one folder, wrapped in `keys/<name>.json`, made at first use, durable before they are first used.
 * Names: `signing` (Ed25519 seed), `integrity` (HMAC of segment footers), `index` (disk of the index), `passwords`, `redaction`
 * (fingerprints), `epoch.<log>.<epoch>` (segments of one tree).
 */
export interface Keyring {
  /** 32 bytes; made and stored durably when absent. */
  key(name: string): Promise<Uint8Array>;
  /** 32 bytes, or null when there is no such key; never makes one. */
  existing(name: string): Promise<Uint8Array | null>;
  /** Public half and signer of the `signing` key. */
  signer(): Promise<{ readonly publicKey: Uint8Array; sign(message: Uint8Array): Uint8Array }>;
  /** A new KMS key, and every data key under it. What a crash left of it the next `rewrap` finishes. */
  rotate(): Promise<Rewrapped>;
  /** Every key that is wrapped under another KMS key than the present one; each file durable on its own. */
  rewrap(): Promise<Rewrapped>;
}

export interface Rewrapped {
  /** What the KMS wrapped with when it was asked. */
  readonly before: string;
  /** The KMS key that everything is wrapped under now. */
  readonly kms: string;
  /** Files written again. */
  readonly keys: number;
}
