/** People who have a login of their own here. */
import type { Scope } from "../search/scope.ts";
import type { Role } from "./role.ts";

export interface NewUser {
  readonly name: string;
  readonly role: Role;
  /** Absent: everything that the role may see. */
  readonly scope?: Scope | undefined;
  /** What a password is checked against, made by `access/passwords.ts`; null: only a one-time link lets in. */
  readonly password: string | null;
}

export interface UserInfo {
  readonly name: string;
  readonly role: Role;
  readonly scope: Scope;
  readonly hasPassword: boolean;
  readonly createdAt: string;
  /** A name that is disabled stays so: records say `user:<name>` for ever. */
  readonly disabledAt: string | null;
}

export interface UserChange {
  readonly role?: Role | undefined;
  readonly scope?: Scope | undefined;
  /** Null takes the password away. */
  readonly password?: string | null | undefined;
}

export interface Users {
  /** TallystickError `bad_request`, `name_taken`. */
  createUser(by: string, user: NewUser): Promise<UserInfo>;
  /** Null when there is no such user, or he is disabled. */
  changeUser(by: string, name: string, change: UserChange): Promise<UserInfo | null>;
  /** Takes effect at once. Null when there is no such user. */
  disableUser(by: string, name: string): Promise<UserInfo | null>;
  users(): readonly UserInfo[];
  /** Null when there is none, or he is disabled. */
  user(name: string): UserInfo | null;
  /** What the password is checked against; null when there is none. */
  passwordOf(name: string): string | null;
  /** The identity provider says that somebody is an administrator, or is one no more; recorded when that changes. */
  seen(name: string, role: Role): Promise<void>;
  /** Administrators with a login of their own: `user:<name>`, `oidc:<name>`. */
  administrators(): readonly string[];
}
