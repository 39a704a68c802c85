export const ROLES = ["admin", "investigator", "auditor", "viewer", "producer"] as const;
export type Role = (typeof ROLES)[number];
