/** What a record says of its bodies, and what is kept of them. */
import type { AuditRecord } from "@tallystick/record";

import type { Part } from "./payload-meta.ts";

const PAYLOAD = /^sha256:([0-9a-f]{64})$/;

/** The commitment of a body that this server kept, hexadecimal; null when it kept none (a producer may have). */
export function keptCommitment(record: Pick<AuditRecord, Payload | "attributes">, part: Part): string | null {
  const name: Payload = `${part}_payload`;
  if (record.attributes?.[`tallystick.${name}`] === undefined) return null;
  return PAYLOAD.exec(record[name] ?? "")?.[1] ?? null;
}

type Payload = `${Part}_payload`;
