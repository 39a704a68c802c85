import type { AuditRecord } from "@tallystick/record";

import type { NewParty, PartyInfo } from "./control.ts";
import type { OwnFields } from "./own-record.ts";

export type PartyChange =
  | { readonly kind: "set"; readonly party: PartyInfo }
  | { readonly kind: "removed"; readonly name: string };

export const SET_PARTY = "set one-sided party";
export const REMOVE_PARTY = "remove one-sided party";

const NAME = "tallystick.party_name";
const REASON = "tallystick.party_reason";

export function setPartyFields(by: string, { name, reason }: NewParty): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: SET_PARTY,
    action: "update",
    resource: `party/${name}`,
    auth_subject: by,
    attributes: { [NAME]: name, [REASON]: reason },
  };
}

export function removePartyFields(by: string, name: string): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: REMOVE_PARTY,
    action: "delete",
    resource: `party/${name}`,
    auth_subject: by,
    attributes: { [NAME]: name },
  };
}

/** What a record of the control log changes, or null when it is about something else. */
export function partyChangeOf(record: AuditRecord): PartyChange | null {
  const { [NAME]: name, [REASON]: reason } = record.attributes ?? {};
  if (record.event_type !== "CONFIG_CHANGE" || name === undefined) return null;
  if (record.operation === REMOVE_PARTY) return { kind: "removed", name };
  if (record.operation !== SET_PARTY || reason === undefined) return null;
  const { auth_subject: declaredBy = "", timestamp: declaredAt } = record;
  return { kind: "set", party: { name, reason, declaredBy, declaredAt } };
}
