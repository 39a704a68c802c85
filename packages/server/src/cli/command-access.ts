import type { Permission } from "../access/permissions.ts";

/**
 * What a command needs. A permission: it asks a server, which looks at who is asking. public: it asks a server that
 * answers everybody. folder: it works on a data folder, whose owner the operating system knows. nothing: it touches
 * neither.
 */
export type CommandNeed = Permission | "public" | "folder" | "nothing";

/** By the command's words. A command that is not here fails a test. */
export const COMMAND_ACCESS: Readonly<Record<string, CommandNeed>> = {
  serve: "folder",
  demo: "folder",
  search: "read",
  tail: "read",
  tally: "read",
  trace: "read",
  timeline: "read",
  bottlenecks: "read",
  export: "read",
  producers: "read",
  graph: "read",
  prove: "read",
  verify: "folder",
  fsck: "folder",
  reindex: "manage",
  coverage: "read",
  "aliases list": "read",
  "aliases set": "manage",
  "aliases remove": "manage",
  "parties list": "read",
  "parties set": "manage",
  "parties remove": "manage",
  "keys create": "manage",
  "keys list": "manage",
  "keys revoke": "manage",
  "keys quota": "manage",
  "keys quotas": "manage",
  "keys batch create": "manage",
  "keys batch list": "manage",
  "keys batch revoke": "manage",
  "keys rotate": "operate",
  "keys rewrap": "folder",
  "keys export-integrity": "folder",
  "users add": "manage",
  "users list": "manage",
  "users set": "manage",
  "users password": "manage",
  "users link": "manage",
  "users disable": "manage",
  "approvals list": "audit",
  "approvals approve": "approve",
  "approvals reject": "audit",
  erase: "erase",
  "retain plan": "read",
  "retain run": "retain",
  login: "public",
  logout: "public",
  "certs dev": "nothing",
  "login-link": "manage",
  doctor: "folder",
  config: "nothing",
  version: "nothing",
};
