/**
 * Control state as a fold over the `control` log.
 *
 * Guarantees: a change is a durable record before it takes effect, so after any crash the fold gives the same state
 * again; start-up and normal work apply records by the same function. Only records that Tallystick wrote itself
 * count: a producer's record in the log, whatever it says, changes nothing. Changes run one after another, so that
 * two requests cannot take the same name.
 */
import { timingSafeEqual } from "node:crypto";

import type { AuditRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import { isLaterTree } from "../journal/epochs.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { aliasChangeOf, assertAlias, removeAliasFields, setAliasFields } from "./alias-record.ts";
import { APPROVABLE_ACTIONS } from "./approval.ts";
import type { Approval, ApprovalRules, Approvals } from "./approval.ts";
import { applyApproval, ApprovalBook } from "./approvals.ts";
import type { BatchKeyInfo, BatchKeys } from "./batch-key.ts";
import { applyBatchKey, BatchKeyBook } from "./batch-keys.ts";
import { Changes } from "./changes.ts";
import type { ControlParts } from "./changes.ts";
import type { AliasInfo, Control, KeyInfo, NewAlias, NewKey, NewParty, PartyInfo } from "./control.ts";
import { assertScope } from "./granted-scope.ts";
import { createdFields, keyChangeOf, quotaFields, revokedFields } from "./key-record.ts";
import type { StoredKey } from "./key-record.ts";
import { MAX_ACTIVE_KEYS, MAX_DECLARED_ALIASES, MAX_DECLARED_PARTIES, MAX_RELAY_SERVICES } from "./limits.ts";
import type { OwnFields } from "./own-record.ts";
import { CONTROL_LOG, isOwnLog } from "./own-logs.ts";
import type { Hold, Holds } from "./hold.ts";
import { applyHold, HoldBook } from "./holds.ts";
import { applyKept, KeptBook } from "./kept.ts";
import type { Kept } from "./kept.ts";
import { ControlPast, snapshotFields, SnapshotReader } from "./snapshot.ts";
import { applyRule, RuleChangeBook } from "./rule-changes.ts";
import { applySavedSearch, SavedSearchBook } from "./saved-searches.ts";
import type { SavedByUser, SavedSearches } from "./saved-searches.ts";
import type { RuleChanges, RuleState } from "./rule-changes.ts";
import { foldOwnLog } from "./read-own-log.ts";
import { partyChangeOf, removePartyFields, setPartyFields } from "./party-record.ts";
import { isQuotaNumber, MAX_BYTES_PER_DAY, MAX_RECORDS_PER_SECOND, NO_QUOTA } from "./quota.ts";
import type { Quota } from "./quota.ts";
import { applyRevocation, RevocationBook } from "./revocation.ts";
import type { Revocation, Revocations } from "./revocation.ts";
import type { Role } from "./role.ts";
import type { Users } from "./user.ts";
import { applyUser, UserBook } from "./users.ts";
import type { UserState } from "./users.ts";
import { KEY_PREFIX, makeSecret, secretDigest } from "./secret.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const LOG_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Reads the control log from its beginning and answers from memory from then on. */
export async function openControl(parts: ControlParts, rules: ApprovalRules = APPROVALS_BY_DEFAULT): Promise<Control> {
  const fold = new ControlFold();
  await foldOwnLog(parts.journal, CONTROL_LOG, (record, tree) => fold.take(record, tree));
  return new ControlLog(parts, fold, rules);
}

const APPROVALS_BY_DEFAULT: ApprovalRules = { mode: "auto", actions: APPROVABLE_ACTIONS };

/** What the records say so far, and those that a snapshot has to hold. */
class ControlFold {
  readonly keys = new Map<string, StoredKey>();
  readonly aliases = new Map<string, AliasInfo>();
  readonly parties = new Map<string, PartyInfo>();
  readonly approvals = new Map<string, Approval>();
  readonly batchKeys = new Map<string, BatchKeyInfo>();
  readonly holds = new Map<string, Hold>();
  readonly revoked = new Map<string, Revocation>();
  readonly rules = new Map<string, RuleState>();
  readonly searches: SavedByUser = new Map();
  readonly kept = { keep: new Map<string, string>(), wanted: new Map<string, string>() };
  readonly users: UserState["users"] = new Map();
  readonly seen: UserState["seen"] = new Set();
  readonly past = new ControlPast();
  /** The tree of the newest record, and of the newest whole snapshot. */
  tree: string | null = null;
  snapshotTree: string | null = null;
  readonly #snapshots = new SnapshotReader();

  take(record: AuditRecord, tree: string): void {
    this.tree = tree;
    const snapshot = this.#snapshots.take(record);
    if (snapshot === null) return this.#apply(record);
    this.snapshotTree = tree;
    this.#begin();
    for (const one of snapshot) this.#apply(one);
  }

  #apply(record: AuditRecord): void {
    this.past.take(record);
    apply(this, record);
  }

  #begin(): void {
    const { keys, aliases, parties, approvals, batchKeys, holds, revoked, rules, searches, kept, users, seen, past } =
      this;
    for (const slice of [
      keys,
      aliases,
      parties,
      approvals,
      batchKeys,
      holds,
      revoked,
      rules,
      searches,
      kept.keep,
      kept.wanted,
      users,
      seen,
      past,
    ])
      slice.clear();
  }
}

class ControlLog implements Control {
  readonly approvals: Approvals;
  readonly batchKeys: BatchKeys;
  readonly users: Users;
  readonly holds: Holds;
  readonly revocations: Revocations;
  readonly kept: Kept;
  readonly rules: RuleChanges;
  readonly searches: SavedSearches;
  readonly #parts: ControlParts;
  readonly #state: ControlFold;
  readonly #changes: Changes;
  readonly #active = new Map<string, StoredKey>();
  readonly #revoked = new Map<string, StoredKey>();

  constructor(parts: ControlParts, state: ControlFold, rules: ApprovalRules) {
    this.#parts = parts;
    this.#state = state;
    this.#changes = new Changes(parts, CONTROL_LOG, (record, tree) => this.#apply(record, tree));
    this.approvals = new ApprovalBook(state.approvals, this.#changes, rules, () => this.#administrators());
    this.batchKeys = new BatchKeyBook(state.batchKeys, this.#changes);
    this.users = new UserBook(state, this.#changes);
    this.holds = new HoldBook(state.holds, this.#changes);
    this.revocations = new RevocationBook(state.revoked, this.#changes);
    this.kept = new KeptBook(state.kept, this.#changes);
    this.rules = new RuleChangeBook(state.rules, this.#changes);
    this.searches = new SavedSearchBook(state.searches, this.#changes);
    this.#findActive();
  }

  createKey(by: string, request: NewKey): Promise<{ readonly key: KeyInfo; readonly secret: string }> {
    return this.#changes.inTurn(async () => {
      this.#assertAcceptable(request);
      const secret = makeSecret(KEY_PREFIX, this.#parts.random);
      const id = this.#changes.newId("key");
      const { name, role, service, relay, log, scope = WHOLE_SCOPE, quota = NO_QUOTA } = request;
      const sha256 = secretDigest(secret);
      const key = { id, name, role, service, relay, log, scope, quota, sha256 };
      await this.#changes.record(createdFields(by, key));
      return { key: shown(this.#state.keys.get(id)!), secret };
    });
  }

  revokeKey(by: string, id: string): Promise<KeyInfo | null> {
    return this.#changes.inTurn(async () => {
      const key = this.#state.keys.get(id);
      if (key === undefined) return null;
      if (key.revokedAt === null) await this.#changes.record(revokedFields(by, key));
      return shown(this.#state.keys.get(id)!);
    });
  }

  setQuota(by: string, id: string, quota: Quota): Promise<KeyInfo | null> {
    return this.#changes.inTurn(async () => {
      const key = this.#state.keys.get(id);
      if (key === undefined) return null;
      if (key.revokedAt !== null) throw new TallystickError("bad_request", `The key ${key.name} is revoked.`);
      assertQuota(key.role, quota);
      await this.#changes.record(quotaFields(by, key, quota));
      return shown(this.#state.keys.get(id)!);
    });
  }

  keys(): readonly KeyInfo[] {
    return [...this.#state.keys.values()].map(shown);
  }

  keyBySecret(secret: string): KeyInfo | null {
    const digest = secretDigest(secret);
    const key = this.#active.get(digest);
    // The map is asked by a hash, so its timing tells nothing about a secret; the comparison is for the reader who
    // doubts it.
    if (key === undefined || !timingSafeEqual(Buffer.from(key.sha256), Buffer.from(digest))) return null;
    return shown(key);
  }

  revokedKeyBySecret(secret: string): KeyInfo | null {
    const key = this.#revoked.get(secretDigest(secret));
    return key === undefined ? null : shown(key);
  }

  aliases(): readonly AliasInfo[] {
    return [...this.#state.aliases.values()];
  }

  setAlias(by: string, request: NewAlias): Promise<AliasInfo> {
    return this.#changes.inTurn(async () => {
      const { aliases } = this.#state;
      assertAlias(request);
      assertRoom(aliases, request.name, MAX_DECLARED_ALIASES);
      await this.#changes.record(setAliasFields(by, request));
      return aliases.get(request.name)!;
    });
  }

  removeAlias(by: string, name: string): Promise<boolean> {
    return this.#changes.inTurn(async () => {
      if (!this.#state.aliases.has(name)) return false;
      await this.#changes.record(removeAliasFields(by, name));
      return true;
    });
  }

  parties(): readonly PartyInfo[] {
    return [...this.#state.parties.values()];
  }

  setParty(by: string, request: NewParty): Promise<PartyInfo> {
    return this.#changes.inTurn(async () => {
      const { parties } = this.#state;
      assertRoom(parties, request.name, MAX_DECLARED_PARTIES);
      await this.#changes.record(setPartyFields(by, request));
      return parties.get(request.name)!;
    });
  }

  removeParty(by: string, name: string): Promise<boolean> {
    return this.#changes.inTurn(async () => {
      if (!this.#state.parties.has(name)) return false;
      await this.#changes.record(removePartyFields(by, name));
      return true;
    });
  }

  note(fields: OwnFields): Promise<void> {
    return this.#changes.inTurn(async () => void (await this.#changes.record(fields)));
  }

  snapshotAfter(tree: string): Promise<string> {
    return this.#changes.inTurn(async () => {
      const { snapshotTree } = this.#state;
      return snapshotTree !== null && isLaterTree(snapshotTree, tree) ? snapshotTree : this.#writeSnapshot();
    });
  }

  #writeSnapshot(): Promise<string> {
    return this.#changes.record(...snapshotFields(this.#changes.newId("snapshot"), this.#state.past.records()));
  }

  #assertAcceptable(request: NewKey): void {
    const refuse = (message: string) => new TallystickError("bad_request", message);
    if (!NAME.test(request.name))
      throw refuse(
        "A key's name is 1 to 63 letters, digits, dots, dashes and underscores, and begins with a letter or digit.",
      );
    if (!LOG_NAME.test(request.log)) throw refuse("A log's name is 1 to 63 lower-case letters, digits and dashes.");
    if (isOwnLog(request.log)) throw refuse(`The log ${request.log} takes Tallystick's own records only.`);
    if (request.role === "producer" && request.service === null && request.relay === null) {
      throw refuse("A producer's key needs its service, or the services it relays for.");
    }
    if (request.role !== "producer" && (request.service !== null || request.relay !== null)) {
      throw refuse("Only a producer's key speaks for services.");
    }
    if (request.service !== null && request.relay !== null)
      throw refuse("A key speaks for its own service or relays for others, not both.");
    if (Array.isArray(request.relay) && (request.relay.length === 0 || request.relay.length > MAX_RELAY_SERVICES)) {
      throw refuse(`A relay names 1 to ${MAX_RELAY_SERVICES} services, or * for all.`);
    }
    if (request.scope !== undefined) assertScope(request.scope);
    if (request.quota !== undefined) assertQuota(request.role, request.quota);
    if (this.#active.size >= MAX_ACTIVE_KEYS)
      throw refuse(`There are ${MAX_ACTIVE_KEYS} keys already; revoke one first.`);
    const taken = [...this.#state.keys.values()].find((key) => key.name === request.name);
    if (taken !== undefined) throw nameTaken(taken);
  }

  /**
   * Those who can be a second person: administrators with a login of their own; while there are none, whoever holds
   * the administrator's token or a key of that role.
   */
  #administrators(): readonly string[] {
    const people = this.users.administrators();
    if (people.length > 0) return people;
    const keys = [...this.#active.values()].filter(({ role }) => role === "admin");
    return ["admin", ...keys.map(({ name }) => `key:${name}`)];
  }

  #apply(record: AuditRecord, tree: string): void {
    const before = this.#state.tree;
    this.#state.take(record, tree);
    this.#findActive();
    // A new tree has begun, and opens with all that there is. Where that fails now, retention asks for it again.
    if (before !== null && before !== tree) this.snapshotAfter(before).catch(() => undefined);
  }

  #findActive(): void {
    this.#active.clear();
    this.#revoked.clear();
    for (const key of this.#state.keys.values())
      (key.revokedAt === null ? this.#active : this.#revoked).set(key.sha256, key);
  }
}

/** Records say `key:<name>` for ever, so a name never means a second key. */
function nameTaken({ name, revokedAt }: StoredKey): TallystickError {
  const was = revokedAt === null ? "There is a key" : "There was a key, now revoked,";
  return new TallystickError("name_taken", `${was} called ${name}.`, {
    hint: "Choose another name: records name the key they came by, so none is used twice.",
  });
}

function shown({ id, name, role, service, relay, log, scope, quota, createdAt, revokedAt }: StoredKey): KeyInfo {
  return { id, name, role, service, relay, log, scope, quota, createdAt, revokedAt };
}

function assertQuota(role: Role, { recordsPerSecond, bytesPerDay }: Quota): void {
  const refuse = (message: string) => new TallystickError("bad_request", message);
  if (role !== "producer" && (recordsPerSecond ?? bytesPerDay) !== null)
    throw refuse("Only a producer's key has a quota.");
  if (recordsPerSecond !== null && !isQuotaNumber(recordsPerSecond, MAX_RECORDS_PER_SECOND))
    throw refuse(`records_per_second is a whole number from 1 to ${MAX_RECORDS_PER_SECOND}, or null.`);
  if (bytesPerDay !== null && !isQuotaNumber(bytesPerDay, MAX_BYTES_PER_DAY))
    throw refuse("bytes_per_day is a whole number from 1 on, or null.");
}

function assertRoom(declared: ReadonlyMap<string, unknown>, name: string, most: number): void {
  if (declared.has(name) || declared.size < most) return;
  throw new TallystickError("bad_request", `${most} are declared already; remove one first.`);
}

function apply(state: ControlFold, record: AuditRecord): void {
  const { keys, aliases, parties, approvals, batchKeys } = state;
  applyUser(state, record);
  applyHold(state.holds, record);
  applyRevocation(state.revoked, record);
  applyKept(state.kept, record);
  applyRule(state.rules, record);
  applySavedSearch(state.searches, record);
  applyBatchKey(batchKeys, record);
  applyApproval(approvals, record);
  const alias = aliasChangeOf(record);
  if (alias?.kind === "set") aliases.set(alias.alias.name, alias.alias);
  if (alias?.kind === "removed") aliases.delete(alias.name);
  const party = partyChangeOf(record);
  if (party?.kind === "set") parties.set(party.party.name, party.party);
  if (party?.kind === "removed") parties.delete(party.name);
  const change = keyChangeOf(record);
  if (change?.kind === "created") keys.set(change.key.id, change.key);
  if (change === null || change.kind === "created") return;
  const key = keys.get(change.id);
  if (key !== undefined && change.kind === "quota") keys.set(key.id, { ...key, quota: change.quota });
  if (key !== undefined && change.kind === "revoked" && key.revokedAt === null)
    keys.set(key.id, { ...key, revokedAt: change.at });
}
