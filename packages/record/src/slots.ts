/**
 * Slots: a record under way, one place a field in canonical order, and the object that is made of it.
 *
 * The object is made by named stores, field after field, on purpose: an engine gives objects that are filled by
 * computed keys a hash table each, and a batch of those costs more than all checks together. A test holds the list to
 * the table of fields.
 */
import { RECORD_KEYS } from "./canonical-record.ts";
import type { AuditRecord } from "./types.ts";

export type SlotValue = string | number | readonly string[] | Readonly<Record<string, string>> | undefined;
export type Slots = SlotValue[];

/** Where a field's slot is. */
export function slotOf(name: keyof AuditRecord): number {
  return RECORD_KEYS.indexOf(name);
}

const EMPTY: Slots = RECORD_KEYS.map(() => undefined);

export function emptySlots(): Slots {
  return EMPTY.slice();
}

type Growing = { -readonly [Name in keyof AuditRecord]?: SlotValue };

/** The record, its keys in canonical order; whoever calls has filled every required slot. */
export function recordOf(slots: Slots): AuditRecord {
  const record: Growing = {};
  if (slots[0] !== undefined) record.action = slots[0];
  if (slots[1] !== undefined) record.attempt = slots[1];
  if (slots[2] !== undefined) record.attributes = slots[2];
  if (slots[3] !== undefined) record.auth_decision = slots[3];
  if (slots[4] !== undefined) record.auth_expires_at = slots[4];
  if (slots[5] !== undefined) record.auth_issuer = slots[5];
  if (slots[6] !== undefined) record.auth_key_thumbprint = slots[6];
  if (slots[7] !== undefined) record.auth_method = slots[7];
  if (slots[8] !== undefined) record.auth_nonce_digest = slots[8];
  if (slots[9] !== undefined) record.auth_scopes = slots[9];
  if (slots[10] !== undefined) record.auth_signature_digest = slots[10];
  if (slots[11] !== undefined) record.auth_subject = slots[11];
  if (slots[12] !== undefined) record.auth_token_id = slots[12];
  if (slots[13] !== undefined) record.call_nonce_digest = slots[13];
  if (slots[14] !== undefined) record.client_address = slots[14];
  if (slots[15] !== undefined) record.credential_id = slots[15];
  if (slots[16] !== undefined) record.data_categories = slots[16];
  if (slots[17] !== undefined) record.data_class = slots[17];
  if (slots[18] !== undefined) record.duration_us = slots[18];
  if (slots[19] !== undefined) record.environment = slots[19];
  if (slots[20] !== undefined) record.error_message = slots[20];
  if (slots[21] !== undefined) record.error_type = slots[21];
  if (slots[22] !== undefined) record.event_type = slots[22];
  if (slots[23] !== undefined) record.host = slots[23];
  if (slots[24] !== undefined) record.id = slots[24];
  if (slots[25] !== undefined) record.operation = slots[25];
  if (slots[26] !== undefined) record.parent_span_id = slots[26];
  if (slots[27] !== undefined) record.peer_address = slots[27];
  if (slots[28] !== undefined) record.peer_identity = slots[28];
  if (slots[29] !== undefined) record.peer_port = slots[29];
  if (slots[30] !== undefined) record.phase = slots[30];
  if (slots[31] !== undefined) record.producer_epoch = slots[31];
  if (slots[32] !== undefined) record.producer_id = slots[32];
  if (slots[33] !== undefined) record.producer_seq = slots[33];
  if (slots[34] !== undefined) record.protocol = slots[34];
  if (slots[35] !== undefined) record.recorder_id = slots[35];
  if (slots[36] !== undefined) record.region = slots[36];
  if (slots[37] !== undefined) record.request_digest = slots[37];
  if (slots[38] !== undefined) record.request_id = slots[38];
  if (slots[39] !== undefined) record.request_payload = slots[39];
  if (slots[40] !== undefined) record.request_size = slots[40];
  if (slots[41] !== undefined) record.resource = slots[41];
  if (slots[42] !== undefined) record.response_digest = slots[42];
  if (slots[43] !== undefined) record.response_payload = slots[43];
  if (slots[44] !== undefined) record.response_size = slots[44];
  if (slots[45] !== undefined) record.service_id = slots[45];
  if (slots[46] !== undefined) record.service_version = slots[46];
  if (slots[47] !== undefined) record.side = slots[47];
  if (slots[48] !== undefined) record.span_id = slots[48];
  if (slots[49] !== undefined) record.status = slots[49];
  if (slots[50] !== undefined) record.status_code = slots[50];
  if (slots[51] !== undefined) record.subject_refs = slots[51];
  if (slots[52] !== undefined) record.target_id = slots[52];
  if (slots[53] !== undefined) record.timestamp = slots[53];
  if (slots[54] !== undefined) record.tls_version = slots[54];
  if (slots[55] !== undefined) record.trace_id = slots[55];
  return record as AuditRecord;
}
