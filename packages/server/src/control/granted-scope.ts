/** Scopes as they are granted to keys and users, and as their records keep them. */
import { TallystickError } from "../errors.ts";
import { UNCLASSIFIED, WHOLE_SCOPE } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { MAX_SCOPE_NAMES } from "./limits.ts";

/** The values of data_class that a scope may name. */
export const SCOPE_CLASSES = ["public", "internal", "confidential", "restricted", UNCLASSIFIED] as const;

/** Null when it is the whole, which needs no words. */
export function scopeText({ logs, services, dataClasses }: Scope): string | null {
  if (logs === "*" && services === "*" && dataClasses === "*") return null;
  return JSON.stringify({ logs, services, data_classes: dataClasses });
}

/** What `scopeText` wrote; a text that it cannot have written sees nothing, since it stands in no record of ours. */
export function scopeOfText(text: string | undefined): Scope {
  if (text === undefined) return WHOLE_SCOPE;
  const { logs, services, data_classes: dataClasses } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return { logs: namesOf(logs), services: namesOf(services), dataClasses: namesOf(dataClasses) };
}

function namesOf(value: unknown): readonly string[] | "*" {
  if (value === "*") return value;
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}

/** TallystickError `bad_request` for a scope that means nothing. */
export function assertScope({ logs, services, dataClasses }: Scope): void {
  const refuse = (message: string) => new TallystickError("bad_request", message, { at: { parameter: "scope" } });
  if (logs !== "*" && "allBut" in logs) throw refuse("A granted scope names the logs that it sees, or * for all.");
  for (const [kind, names] of Object.entries({ logs, services, data_classes: dataClasses })) {
    if (names === "*") continue;
    if (names.length === 0) throw refuse(`scope.${kind} names nothing, so nothing would be seen: name some, or *.`);
    if (names.length > MAX_SCOPE_NAMES) throw refuse(`scope.${kind} names more than ${MAX_SCOPE_NAMES}.`);
  }
  const unknown = dataClasses === "*" ? undefined : dataClasses.find((name) => !isClass(name));
  if (unknown !== undefined)
    throw refuse(`scope.data_classes has a class that there is not; there are ${SCOPE_CLASSES.join(", ")}.`);
}

function isClass(name: string): boolean {
  return (SCOPE_CLASSES as readonly string[]).includes(name);
}
