import { timestampUs } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { AliasInfo, NewAlias } from "./control.ts";
import type { OwnFields } from "./own-record.ts";

export type AliasChange =
  | { readonly kind: "set"; readonly alias: AliasInfo }
  | { readonly kind: "removed"; readonly name: string };

export const SET_ALIAS = "set alias";
export const REMOVE_ALIAS = "remove alias";

const NAME = "tallystick.alias_name";
const SERVICE = "tallystick.alias_service";
const FROM = "tallystick.alias_from";
const TO = "tallystick.alias_to";

export function setAliasFields(by: string, { name, service, from, to }: NewAlias): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: SET_ALIAS,
    action: "update",
    resource: `alias/${name}`,
    auth_subject: by,
    attributes: {
      [NAME]: name,
      [SERVICE]: service,
      ...(from === null ? {} : { [FROM]: from }),
      ...(to === null ? {} : { [TO]: to }),
    },
  };
}

export function removeAliasFields(by: string, name: string): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: REMOVE_ALIAS,
    action: "delete",
    resource: `alias/${name}`,
    auth_subject: by,
    attributes: { [NAME]: name },
  };
}

/** What a record of the control log changes, or null when it is about something else. */
export function aliasChangeOf(record: AuditRecord): AliasChange | null {
  const { [NAME]: name, [SERVICE]: service, [FROM]: from = null, [TO]: to = null } = record.attributes ?? {};
  if (record.event_type !== "CONFIG_CHANGE" || name === undefined) return null;
  if (record.operation === REMOVE_ALIAS) return { kind: "removed", name };
  if (record.operation !== SET_ALIAS || service === undefined) return null;
  const { auth_subject: declaredBy = "", timestamp: declaredAt } = record;
  return { kind: "set", alias: { name, service, from, to, declaredBy, declaredAt } };
}

export function assertAlias({ name, service, from, to }: NewAlias): void {
  if (name === service) throw new TallystickError("bad_request", "An alias names another name than the service's own.");
  if (from !== null && to !== null && timestampUs(from) >= timestampUs(to))
    throw new TallystickError("bad_request", "The alias ends before it begins.", { at: { parameter: "to" } });
}
