import type { Role } from "./role.ts";

/**
 * Control state: a fold over CONFIG_CHANGE records of the `control` log (DESIGN §14). Every change is a durable
 * record before it takes effect.
 */
export interface Control {
  createKey(by: string, request: NewKey): Promise<{ readonly key: KeyInfo; readonly secret: string }>;
  /** Takes effect at once. Null when there is no such key. */
  revokeKey(by: string, id: string): Promise<KeyInfo | null>;
  keys(): readonly KeyInfo[];
  /** Constant time; null when unknown or revoked. */
  keyBySecret(secret: string): KeyInfo | null;
}

export interface NewKey {
  readonly name: string;
  readonly role: Role;
  readonly service: string | null;
  readonly relay: readonly string[] | "*" | null;
  readonly log: string;
}

export interface KeyInfo extends NewKey {
  readonly id: string;
  readonly createdAt: string;
  readonly revokedAt: string | null;
}
