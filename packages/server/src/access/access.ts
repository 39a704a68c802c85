import type { Standing } from "@tallystick/record";

import type { Quota } from "../control/quota.ts";
import type { Role } from "../control/role.ts";
import type { Scope } from "../search/scope.ts";
export type { Role };

/** Who is asking, after authentication. */
export interface Principal extends Binding {
  /**
   * `admin`, `user:<name>`, `key:<name>`, `spiffe://…`, `dns:…`, `certificate:<sha256>` or `jwt:<issuer>:<subject>`;
   * what `observed.principal` and ACCESS records say.
   */
  readonly name: string;
  readonly role: Role;
  /** The log its records go to. */
  readonly log: string;
  /** How much it may send. */
  readonly quota: Quota;
  /** What it sees of the log; `scopeOf` of its role and of what was granted to it. */
  readonly scope: Scope;
}

/** For whom a sender's word counts. */
export interface Binding {
  /** Its one service; null for people, relays, and senders of several services. */
  readonly service: string | null;
  /** More services that it speaks for, where * stands for any letters. */
  readonly services: readonly string[];
  /** Services a relay may carry, where * stands for any letters; "*" for all; null when not a relay. */
  readonly relay: readonly string[] | "*" | null;
}

/** What of a record says whose word it is. */
export interface Spoken {
  readonly recorder_id: string;
  readonly side: string;
  readonly service_id: string;
  readonly target_id: string;
}

export interface Claimed extends Spoken {
  /** Whether the sender said the side, or it was filled in. */
  readonly isSideSent: boolean;
}

/**
 * authenticated: the principal may speak for the recorder; relayed: a relay that may carry it; claimed: neither
 * (DESIGN §6). Who records as caller speaks for the initiator too, and as callee for the target, whatever recorder the
 * record names.
 */
export function standingOf(binding: Binding, spoken: Spoken): Standing {
  const party = partyOf(spoken);
  if (speaksFor(binding, spoken.recorder_id) && speaksFor(binding, party)) return "authenticated";
  return carries(binding, spoken.recorder_id) && carries(binding, party) ? "relayed" : "claimed";
}

/**
 * Of a claimed record the service whose name was taken; null when the sender speaks as itself about others, which is
 * no impersonation. Who names an initiator and no side says that this is who speaks: unless it is an end of the call
 * itself, the initiator's name was taken.
 */
export function claimedName(binding: Binding, principal: string, spoken: Claimed): string | null {
  const isOwn = (name: string) => name === principal || speaksFor(binding, name) || carries(binding, name);
  const party = partyOf(spoken);
  if (spoken.side !== "observer" && party !== "none" && !isOwn(party)) return party;
  if (!isOwn(spoken.recorder_id)) return spoken.recorder_id;
  const takesPart = spoken.isSideSent || isOwn(spoken.service_id) || isOwn(spoken.target_id);
  return takesPart ? null : spoken.service_id;
}

/** Whose half it is. */
function partyOf({ side, service_id, target_id, recorder_id }: Spoken): string {
  if (side === "caller") return service_id;
  return side === "callee" ? target_id : recorder_id;
}

export function speaksFor({ service, services }: Pick<Binding, "service" | "services">, name: string): boolean {
  return service === name || services.some((pattern) => fits(pattern, name));
}

function carries({ relay }: Binding, name: string): boolean {
  return relay === "*" || relay?.some((pattern) => fits(pattern, name)) === true;
}

/** Letter by letter, but for `*`. */
function fits(pattern: string, name: string): boolean {
  if (!pattern.includes("*")) return pattern === name;
  const parts = pattern.split("*");
  const [first = "", last = ""] = [parts[0], parts.at(-1)];
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
