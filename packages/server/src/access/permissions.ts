import type { Role } from "../control/role.ts";

/** write: send records. read: search, tail, export, entries, proofs, metrics. manage: keys and login links. */
export type Permission = "write" | "read" | "manage";

/** Scopes by log and service come with users; until then a reader reads everything. */
const MAY: Readonly<Record<Role, readonly Permission[]>> = {
  admin: ["write", "read", "manage"],
  investigator: ["read"],
  auditor: ["read"],
  viewer: ["read"],
  producer: ["write"],
};

export function may(role: Role, permission: Permission): boolean {
  return MAY[role].includes(permission);
}
