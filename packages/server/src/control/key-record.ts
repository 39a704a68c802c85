import type { AuditRecord } from "@tallystick/record";

import type { KeyInfo } from "./control.ts";
import { scopeOfText, scopeText } from "./granted-scope.ts";
import type { Quota } from "./quota.ts";
import { isRole } from "./role.ts";

/** A key as the fold holds it: what may be shown, and the hash that its secret is found by. */
export interface StoredKey extends KeyInfo {
  readonly sha256: string;
}

export type KeyChange =
  | { readonly kind: "created"; readonly key: StoredKey }
  | { readonly kind: "quota"; readonly id: string; readonly quota: Quota }
  | { readonly kind: "revoked"; readonly id: string; readonly at: string };

export const CREATE_KEY = "create key";
export const REVOKE_KEY = "revoke key";
export const SET_QUOTA = "set quota of key";

const ID = "tallystick.key_id";
const NAME = "tallystick.key_name";
const ROLE = "tallystick.key_role";
const SERVICE = "tallystick.key_service";
const RELAY = "tallystick.key_relay";
const LOG = "tallystick.key_log";
const SHA256 = "tallystick.key_sha256";
const SCOPE = "tallystick.key_scope";
const RECORDS_PER_SECOND = "tallystick.key_records_per_second";
const BYTES_PER_DAY = "tallystick.key_bytes_per_day";

type KeyFields = Pick<AuditRecord, "event_type" | "operation" | "action" | "resource" | "auth_subject" | "attributes">;

export function createdFields(by: string, key: Omit<StoredKey, "createdAt" | "revokedAt">): KeyFields {
  const scope = scopeText(key.scope);
  return {
    event_type: "CONFIG_CHANGE",
    operation: CREATE_KEY,
    action: "create",
    resource: `key/${key.id}`,
    auth_subject: by,
    attributes: {
      [ID]: key.id,
      [NAME]: key.name,
      [ROLE]: key.role,
      ...(key.service === null ? {} : { [SERVICE]: key.service }),
      ...(key.relay === null ? {} : { [RELAY]: JSON.stringify(key.relay) }),
      [LOG]: key.log,
      [SHA256]: key.sha256,
      ...(scope === null ? {} : { [SCOPE]: scope }),
      ...quotaAttributes(key.quota),
    },
  };
}

export function quotaFields(by: string, key: KeyInfo, quota: Quota): KeyFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: SET_QUOTA,
    action: "update",
    resource: `key/${key.id}`,
    auth_subject: by,
    attributes: { [ID]: key.id, [NAME]: key.name, ...quotaAttributes(quota) },
  };
}

function quotaAttributes({ recordsPerSecond, bytesPerDay }: Quota): Readonly<Record<string, string>> {
  return {
    ...(recordsPerSecond === null ? {} : { [RECORDS_PER_SECOND]: String(recordsPerSecond) }),
    ...(bytesPerDay === null ? {} : { [BYTES_PER_DAY]: String(bytesPerDay) }),
  };
}

function quotaOf(attributes: Readonly<Record<string, string>>): Quota {
  const number = (text: string | undefined) => (text === undefined ? null : Number(text));
  return {
    recordsPerSecond: number(attributes[RECORDS_PER_SECOND]),
    bytesPerDay: number(attributes[BYTES_PER_DAY]),
  };
}

export function revokedFields(by: string, key: KeyInfo): KeyFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: REVOKE_KEY,
    action: "revoke",
    resource: `key/${key.id}`,
    auth_subject: by,
    attributes: { [ID]: key.id, [NAME]: key.name },
  };
}

/** What a record of the control log changes, or null when it is about something else. */
export function keyChangeOf(record: AuditRecord): KeyChange | null {
  if (record.event_type !== "CONFIG_CHANGE") return null;
  const attributes = record.attributes ?? {};
  const id = attributes[ID];
  if (id === undefined) return null;
  if (record.operation === REVOKE_KEY) return { kind: "revoked", id, at: record.timestamp };
  if (record.operation === SET_QUOTA) return { kind: "quota", id, quota: quotaOf(attributes) };
  return record.operation === CREATE_KEY ? createdKey(id, record.timestamp, attributes) : null;
}

function createdKey(id: string, createdAt: string, attributes: Readonly<Record<string, string>>): KeyChange | null {
  const { [NAME]: name, [ROLE]: role, [LOG]: log, [SHA256]: sha256 } = attributes;
  if (name === undefined || log === undefined || sha256 === undefined || !isRole(role)) return null;
  const relay = attributes[RELAY];
  const key: StoredKey = {
    id,
    name,
    role,
    service: attributes[SERVICE] ?? null,
    relay: relay === undefined ? null : (JSON.parse(relay) as readonly string[] | "*"),
    log,
    scope: scopeOfText(attributes[SCOPE]),
    quota: quotaOf(attributes),
    createdAt,
    revokedAt: null,
    sha256,
  };
  return { kind: "created", key };
}
