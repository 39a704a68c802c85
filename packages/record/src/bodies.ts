/**
 * Bodies are no fields of a record: they are kept apart, and the record holds what commits to them. Where a body is not
 * taken it is refused by name, so that none is ever stored as an attribute.
 */
import { Refusal } from "./rejection.ts";

/** The fields of what a producer sends that hold bodies. */
export const BODY_FIELDS = { request_body: "request", response_body: "response" } as const;
/** What the server says of a body that it took; from a producer these attributes are left out. */
export const PAYLOAD_ATTRIBUTES: ReadonlySet<string> = new Set([
  "tallystick.request_payload",
  "tallystick.response_payload",
]);

/** Bodies as they were sent, not looked at yet. */
export interface SentBodies {
  request?: unknown;
  response?: unknown;
}

const BODIES: ReadonlySet<string> = new Set(Object.keys(BODY_FIELDS).flatMap((name) => [name, `tallystick.${name}`]));

/** A body's name, as a field or an attribute, also in OpenTelemetry's spelling `tallystick.<field>`. */
export function isBodyName(name: string): boolean {
  return BODIES.has(name);
}

const RESERVED: ReadonlySet<string> = new Set([...BODIES, ...PAYLOAD_ATTRIBUTES]);

/** A name among the attributes that a producer may not use. */
export function isReservedName(name: string): boolean {
  return RESERVED.has(name);
}

export function refuseBody(field: string): Refusal {
  const message = `${field} is not taken here; leave it out, or send it as a field of a record to POST /v1/records`;
  return new Refusal("bodies_not_enabled", field, message);
}
