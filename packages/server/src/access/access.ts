import type { Standing } from "@tallystick/record";

import type { Role } from "../control/role.ts";
import type { Scope } from "../search/scope.ts";
export type { Role };

/** Who is asking, after authentication. */
export interface Principal {
  /** `admin`, `user:<name>` or `key:<name>`; what `observed.principal` and ACCESS records say. */
  readonly name: string;
  readonly role: Role;
  /** A producer key's own service; null for people and relays. */
  readonly service: string | null;
  /** Services a relay may carry; "*" for all; null when not a relay. */
  readonly relay: readonly string[] | "*" | null;
  /** The log its records go to. */
  readonly log: string;
  /** What it sees of the log; `scopeOf` of its role and of what was granted to it. */
  readonly scope: Scope;
}

/**
 * authenticated: the principal may speak for the recorder; relayed: a relay that may carry it; claimed: neither
 * (DESIGN §6).
 */
export function standingOf(principal: Pick<Principal, "service" | "relay">, recorderId: string): Standing {
  if (principal.service !== null && principal.service === recorderId) return "authenticated";
  if (principal.relay === "*" || principal.relay?.includes(recorderId) === true) return "relayed";
  return "claimed";
}
