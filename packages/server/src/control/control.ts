import type { Scope } from "../search/scope.ts";
import type { Approvals } from "./approval.ts";
import type { BatchKeys } from "./batch-key.ts";
import type { Holds } from "./hold.ts";
import type { Kept } from "./kept.ts";
import type { OwnFields } from "./own-record.ts";
import type { Quota } from "./quota.ts";
import type { Revocations } from "./revocation.ts";
import type { Role } from "./role.ts";
import type { RuleChanges } from "./rule-changes.ts";
import type { SavedSearches } from "./saved-searches.ts";
import type { Users } from "./user.ts";

/**
 * Control state: a fold over CONFIG_CHANGE records of the `control` log (DESIGN §14). Every change is a durable
 * record before it takes effect.
 */
export interface Control {
  /** Actions that need a second person. */
  readonly approvals: Approvals;
  /** Keys with which producers sign batches. */
  readonly batchKeys: BatchKeys;
  readonly users: Users;
  /** Legal holds. */
  readonly holds: Holds;
  /** Tokens of other issuers that count no more. */
  readonly revocations: Revocations;
  /** How long records are kept, as it is in force. */
  readonly kept: Kept;
  /** Rules of detection: own texts, and which are switched on. */
  readonly rules: RuleChanges;
  /** Searches that people keep under names. */
  readonly searches: SavedSearches;
  createKey(by: string, request: NewKey): Promise<{ readonly key: KeyInfo; readonly secret: string }>;
  /** Takes effect at once. Null when there is no such key. */
  revokeKey(by: string, id: string): Promise<KeyInfo | null>;
  /** Takes effect at once. Null when there is no such key. */
  setQuota(by: string, id: string, quota: Quota): Promise<KeyInfo | null>;
  keys(): readonly KeyInfo[];
  /** Constant time; null when unknown or revoked. */
  keyBySecret(secret: string): KeyInfo | null;
  /** The revoked key whose secret it was; null when unknown or in force. */
  revokedKeyBySecret(secret: string): KeyInfo | null;
  /** In the order in which they were declared. */
  aliases(): readonly AliasInfo[];
  /** Replaces what was declared of the name before. */
  setAlias(by: string, request: NewAlias): Promise<AliasInfo>;
  /** False when there is none of that name. */
  removeAlias(by: string, name: string): Promise<boolean>;
  parties(): readonly PartyInfo[];
  setParty(by: string, request: NewParty): Promise<PartyInfo>;
  removeParty(by: string, name: string): Promise<boolean>;
  /** Makes sure that some newer tree of the control log holds a snapshot of all that it says; the name of that one. */
  snapshotAfter(tree: string): Promise<string>;
  /** Records what was changed elsewhere, as the folder's keys; durable when it returns. */
  note(fields: OwnFields): Promise<void>;
}

/** Who stands behind a name as it is seen in records, from `from` until before `to`; null: always. RFC 3339. */
export interface NewAlias {
  readonly name: string;
  readonly service: string;
  readonly from: string | null;
  readonly to: string | null;
}

export interface AliasInfo extends NewAlias, Declared {}

/** A party that never records: its missing half is no break. */
export interface NewParty {
  readonly name: string;
  readonly reason: string;
}

export interface PartyInfo extends NewParty, Declared {}

interface Declared {
  readonly declaredBy: string;
  readonly declaredAt: string;
}

export interface NewKey {
  readonly name: string;
  readonly role: Role;
  readonly service: string | null;
  readonly relay: readonly string[] | "*" | null;
  readonly log: string;
  /** What a reader's key sees; absent: everything. */
  readonly scope?: Scope | undefined;
  /** Absent: none. */
  readonly quota?: Quota | undefined;
}

export interface KeyInfo extends NewKey {
  readonly id: string;
  readonly scope: Scope;
  readonly quota: Quota;
  readonly createdAt: string;
  readonly revokedAt: string | null;
}
