import type { Ed25519Key } from "./ed25519.ts";

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
 * Names: `signing`, `signing.2` … (Ed25519 seeds), `integrity` (HMAC of segment footers), `index` (disk of the index),
 * `batch.<kid>` (HMAC secrets of producers), `passwords`, `redaction`
 * (fingerprints), `epoch.<log>.<epoch>` (segments of one tree), `secret.<name>` (seals one secret of somebody else's).
 */
export interface Keyring {
  /** 32 bytes; made and stored durably when absent. */
  key(name: string): Promise<Uint8Array>;
  /** 32 bytes, or null when there is no such key; never makes one. */
  existing(name: string): Promise<Uint8Array | null>;
  /** The keys that sign checkpoints; the first one is made when there is none. */
  signer(): Promise<Signer>;
  /** A new signing key beside the present one, which goes on signing for `overlapMs`; durable when it returns. */
  succeedSigner(serverOrigin: string, overlapMs: number): Promise<Signer>;
  /** A new KMS key, and every data key under it. What a crash left of it the next `rewrap` finishes. */
  rotate(): Promise<Rewrapped>;
  /** Every key that is wrapped under another KMS key than the present one; each file durable on its own. */
  rewrap(): Promise<Rewrapped>;
  /**
   * Runs `removal`, which takes the files of these keys away for good, while no key is being made or rewrapped: else a
   * rewrap that has read one would write it back. Forgets the keys before. That they may go is the caller's to know.
   */
  forget(names: readonly string[], removal: () => Promise<void>): Promise<void>;
  /** Sealed under a key of its own and durable when it returns, in the place of the one before; null takes it away. */
  setSecret(name: string, secret: string | null): Promise<void>;
  /** Null when there is none of the name. */
  secret(name: string): Promise<string | null>;
  /** By name; readable without the KMS. */
  secrets(): Promise<readonly SecretInfo[]>;
}

/** A secret that is kept, without it. */
export interface SecretInfo {
  readonly name: string;
  /** RFC 3339. */
  readonly setAt: string;
}

/** The newest signing key, and the ones before it. */
export interface Signer extends Ed25519Key {
  /** Newest first. What they signed still opens; each signs new heads too until its time is over. */
  readonly older: readonly OlderKey[];
  /** The statements by which each key but the first came after the one before it, oldest first. */
  readonly successions: readonly string[];
}

export interface OlderKey extends Ed25519Key {
  /** Milliseconds since 1970. */
  readonly untilMs: number;
}

export interface Rewrapped {
  /** What the KMS wrapped with when it was asked. */
  readonly before: string;
  /** The KMS key that everything is wrapped under now. */
  readonly kms: string;
  /** Files written again. */
  readonly keys: number;
}
