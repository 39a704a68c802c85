/** Bodies are not kept yet. They are refused by name, so that none is ever stored as an attribute. */
import { Refusal } from "./rejection.ts";

const BODIES: ReadonlySet<string> = new Set(
  ["request_body", "response_body"].flatMap((name) => [name, `tallystick.${name}`]),
);

/** A body's name, as a field or an attribute, also in OpenTelemetry's spelling `tallystick.<field>`. */
export function isBodyName(name: string): boolean {
  return BODIES.has(name);
}

export function refuseBody(field: string): Refusal {
  return new Refusal("bodies_not_enabled", field, `${field} is not kept yet; leave it out`);
}
