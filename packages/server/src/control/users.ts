/**
 * Users of this server, as a part of control state.
 *
 * Guarantees: a change is a durable record before it takes effect; a disabled user stays one and his name is never
 * given again. What a password is checked against stands in the record, made so that it is of no use without the
 * folder's keys (`access/passwords.ts`).
 */
import type { AuditRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import type { Changes } from "./changes.ts";
import { assertScope } from "./granted-scope.ts";
import { MAX_SEEN_ADMINISTRATORS, MAX_USERS } from "./limits.ts";
import type { Role } from "./role.ts";
import type { NewUser, UserChange, UserInfo, Users } from "./user.ts";
import { disabledFields, seenFields, userChangeOf, userFields } from "./user-record.ts";
import type { StoredUser } from "./user-record.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$/;

export interface UserState {
  readonly users: Map<string, StoredUser>;
  /** Administrators by the identity provider's word. */
  readonly seen: Set<string>;
}

export class UserBook implements Users {
  readonly #state: UserState;
  readonly #changes: Changes;

  constructor(state: UserState, changes: Changes) {
    this.#state = state;
    this.#changes = changes;
  }

  createUser(by: string, user: NewUser): Promise<UserInfo> {
    return this.#changes.inTurn(async () => {
      this.#assertAcceptable(user);
      const { name, role, scope = WHOLE_SCOPE, password } = user;
      const stored = { name, role, scope, password, createdAt: "", disabledAt: null };
      await this.#changes.record(userFields(by, stored, true));
      return shown(this.#state.users.get(name)!);
    });
  }

  changeUser(by: string, name: string, { role, scope, password }: UserChange): Promise<UserInfo | null> {
    return this.#changes.inTurn(async () => {
      const user = this.#active(name);
      if (user === null) return null;
      if (role === "producer") throw noProducer();
      if (scope !== undefined) assertScope(scope);
      const changed = {
        ...user,
        role: role ?? user.role,
        scope: scope ?? user.scope,
        password: password === undefined ? user.password : password,
      };
      await this.#changes.record(userFields(by, changed, false));
      return shown(this.#state.users.get(name)!);
    });
  }

  disableUser(by: string, name: string): Promise<UserInfo | null> {
    return this.#changes.inTurn(async () => {
      const user = this.#state.users.get(name);
      if (user === undefined) return null;
      if (user.disabledAt === null) await this.#changes.record(disabledFields(by, name));
      return shown(this.#state.users.get(name)!);
    });
  }

  users(): readonly UserInfo[] {
    return [...this.#state.users.values()].map(shown);
  }

  user(name: string): UserInfo | null {
    const user = this.#active(name);
    return user === null ? null : shown(user);
  }

  passwordOf(name: string): string | null {
    return this.#active(name)?.password ?? null;
  }

  async seen(name: string, role: Role): Promise<void> {
    const isAdministrator = role === "admin";
    if (this.#state.seen.has(name) === isAdministrator) return;
    await this.#changes.inTurn(() => this.#changes.record(seenFields(name, role)));
  }

  administrators(): readonly string[] {
    const users = [...this.#state.users.values()].filter(({ role, disabledAt }) => role === "admin" && !disabledAt);
    return [...users.map(({ name }) => `user:${name}`), ...[...this.#state.seen].map((name) => `oidc:${name}`)];
  }

  #active(name: string): StoredUser | null {
    const user = this.#state.users.get(name);
    return user === undefined || user.disabledAt !== null ? null : user;
  }

  #assertAcceptable({ name, role, scope }: NewUser): void {
    const { users } = this.#state;
    if (!NAME.test(name))
      throw new TallystickError(
        "bad_request",
        "A user's name is 1 to 63 letters, digits and . _ @ + -, and begins with a letter or digit.",
      );
    if (role === "producer") throw noProducer();
    if (scope !== undefined) assertScope(scope);
    if (users.size >= MAX_USERS) throw new TallystickError("bad_request", `There are ${MAX_USERS} users already.`);
    const taken = users.get(name);
    if (taken === undefined) return;
    const was = taken.disabledAt === null ? "There is a user" : "There was a user, now disabled,";
    throw new TallystickError("name_taken", `${was} called ${name}.`, {
      hint: "Choose another name: records name who did something, so none is used twice.",
    });
  }
}

/** What a record of the control log does to the users. */
export function applyUser({ users, seen }: UserState, record: AuditRecord): void {
  const change = userChangeOf(record);
  if (change === null) return;
  if (change.kind === "set") users.set(change.user.name, change.user);
  if (change.kind === "seen" && change.role === "admin" && seen.size < MAX_SEEN_ADMINISTRATORS) seen.add(change.name);
  if (change.kind === "seen" && change.role !== "admin") seen.delete(change.name);
  if (change.kind !== "disabled") return;
  const user = users.get(change.name);
  if (user !== undefined && user.disabledAt === null)
    users.set(user.name, { ...user, password: null, disabledAt: change.at });
}

function noProducer(): TallystickError {
  return new TallystickError("bad_request", "A user reads; a producer sends records by a key.", {
    hint: "`tallystick keys create` makes one.",
  });
}

function shown({ name, role, scope, password, createdAt, disabledAt }: StoredUser): UserInfo {
  return { name, role, scope, hasPassword: password !== null, createdAt, disabledAt };
}
