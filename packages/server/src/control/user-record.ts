import type { AuditRecord } from "@tallystick/record";

import { scopeOfText, scopeText } from "./granted-scope.ts";
import type { OwnFields } from "./own-record.ts";
import { isRole } from "./role.ts";
import type { Role } from "./role.ts";
import type { UserInfo } from "./user.ts";

/** A user as the fold holds it. */
export interface StoredUser extends Omit<UserInfo, "hasPassword"> {
  readonly password: string | null;
}

export type UserRecordChange =
  | { readonly kind: "set"; readonly user: StoredUser }
  | { readonly kind: "disabled"; readonly name: string; readonly at: string }
  | { readonly kind: "seen"; readonly name: string; readonly role: Role };

const CREATE = "create user";
const CHANGE = "change user";
const DISABLE = "disable user";
const SEE = "role by identity provider";

const NAME = "tallystick.user_name";
const ROLE = "tallystick.user_role";
const SCOPE = "tallystick.user_scope";
const PASSWORD = "tallystick.user_password";
const CREATED = "tallystick.user_created";

const about = (by: string, operation: string, action: "create" | "update" | "revoke", name: string) => ({
  event_type: "CONFIG_CHANGE" as const,
  operation,
  action,
  resource: `user/${name}`,
  auth_subject: by,
});

/** The whole user, whatever of it changed. */
export function userFields(by: string, user: StoredUser, isNew: boolean): OwnFields {
  const scope = scopeText(user.scope);
  return {
    ...about(by, isNew ? CREATE : CHANGE, isNew ? "create" : "update", user.name),
    attributes: {
      [NAME]: user.name,
      [ROLE]: user.role,
      ...(isNew ? {} : { [CREATED]: user.createdAt }),
      ...(scope === null ? {} : { [SCOPE]: scope }),
      ...(user.password === null ? {} : { [PASSWORD]: user.password }),
    },
  };
}

export function disabledFields(by: string, name: string): OwnFields {
  return { ...about(by, DISABLE, "revoke", name), attributes: { [NAME]: name } };
}

export function seenFields(name: string, role: Role): OwnFields {
  return { ...about(`oidc:${name}`, SEE, "update", name), attributes: { [NAME]: name, [ROLE]: role } };
}

/** What a record of the control log changes, or null when it is about something else. */
export function userChangeOf(record: AuditRecord): UserRecordChange | null {
  const attributes = record.attributes ?? {};
  const { [NAME]: name, [ROLE]: role } = attributes;
  if (record.event_type !== "CONFIG_CHANGE" || name === undefined) return null;
  if (record.operation === DISABLE) return { kind: "disabled", name, at: record.timestamp };
  if (!isRole(role)) return null;
  if (record.operation === SEE) return { kind: "seen", name, role };
  if (record.operation !== CREATE && record.operation !== CHANGE) return null;
  const user: StoredUser = {
    name,
    role,
    scope: scopeOfText(attributes[SCOPE]),
    password: attributes[PASSWORD] ?? null,
    createdAt: attributes[CREATED] ?? record.timestamp,
    disabledAt: null,
  };
  return { kind: "set", user };
}
