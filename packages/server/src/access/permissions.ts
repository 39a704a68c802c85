/**
 * Who may do what: one table. A route names the permission that it needs, a role has permissions, and a scope says
 * which records a reader's permissions are about. docs/access.md is generated from here.
 */
import { ACCESS_LOG } from "../control/own-logs.ts";
import type { Role } from "../control/role.ts";
import { EMPTY_SCOPE } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";

/** What each permission lets somebody do, as it stands after "may" and "may not". */
export const PERMISSIONS = {
  write: "send records",
  read: "read the log",
  payloads: "open sealed bodies",
  audit: "see who read what",
  alert: "acknowledge, assign, resolve and silence alerts",
  respond: "block, and undo it",
  enforce: "ask what is blocked",
  hold: "place and release holds",
  erase: "erase bodies and leaves",
  retain: "change how long records are kept or start a clean-up",
  approve: "approve what somebody else proposed",
  operate: "rotate keys, rebuild the index or back up",
  manage: "manage keys, users, logins and names",
} as const;
export type Permission = keyof typeof PERMISSIONS;

const EVERY_PERMISSION = Object.keys(PERMISSIONS) as readonly Permission[];

/** Permissions by role. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  admin: EVERY_PERMISSION,
  investigator: ["read", "payloads", "audit", "alert", "respond", "enforce", "hold"],
  auditor: ["read", "audit"],
  viewer: ["read"],
  producer: ["write", "enforce"],
};

export function may(role: Role, permission: Permission): boolean {
  return ROLE_PERMISSIONS[role].includes(permission);
}

/** What somebody of this role sees of what was granted: who read what only when the role may know it. */
export function scopeOf(role: Role, granted: Scope): Scope {
  if (may(role, "audit")) return granted;
  if (!may(role, "read")) return EMPTY_SCOPE;
  return withoutLogs(granted, [ACCESS_LOG]);
}

/** The same, and nothing of these logs. */
export function withoutLogs(scope: Scope, closed: readonly string[]): Scope {
  const { logs } = scope;
  if (logs === "*") return { ...scope, logs: { allBut: closed } };
  return "allBut" in logs
    ? { ...scope, logs: { allBut: [...logs.allBut, ...closed] } }
    : { ...scope, logs: logs.filter((log) => !closed.includes(log)) };
}
