import type { BatchAlgorithm } from "@tallystick/record";

/** A key with which a service signs its batches. It signs, and opens nothing. */
export interface NewBatchKey {
  readonly name: string;
  readonly alg: BatchAlgorithm;
  /** The service whose records it signs. */
  readonly service: string;
  /** Ed25519: the 32 bytes, base64. Null for HMAC, whose secret lies in the keyring. */
  readonly publicKey: string | null;
}

export interface BatchKeyInfo extends NewBatchKey {
  readonly kid: string;
  readonly createdAt: string;
  readonly revokedAt: string | null;
}

export interface BatchKeys {
  /** `kid` was drawn by `newKid`; for HMAC the secret is durable already. */
  create(by: string, kid: string, request: NewBatchKey): Promise<BatchKeyInfo>;
  newKid(): string;
  /** Takes effect at once; null when there is no such key. What it signed before stays checkable. */
  revoke(by: string, kid: string): Promise<BatchKeyInfo | null>;
  /** Revoked ones too. */
  find(kid: string): BatchKeyInfo | null;
  list(): readonly BatchKeyInfo[];
}
