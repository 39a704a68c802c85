import { Type } from "typebox";
import type { Static } from "typebox";

import { SCOPE_CLASSES } from "../control/granted-scope.ts";
import { MAX_SCOPE_NAMES } from "../control/limits.ts";
import type { Scope } from "../search/scope.ts";

const names = (description: string) =>
  Type.Optional(
    Type.Union(
      [
        Type.Literal("*"),
        Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: MAX_SCOPE_NAMES }),
      ],
      { description },
    ),
  );

/** What somebody may see; each part that is absent is everything. */
export const ScopeBody = Type.Object(
  {
    logs: names("Names of logs, or *."),
    services: names("Services of which a record must name one, as caller, callee or recorder; or *."),
    data_classes: names(`Of ${SCOPE_CLASSES.join(", ")}; or *.`),
  },
  { additionalProperties: false },
);
export type ScopeFields = Static<typeof ScopeBody>;

export function scopeOfBody({ logs = "*", services = "*", data_classes: dataClasses = "*" }: ScopeFields): Scope {
  return { logs, services, dataClasses };
}

export function scopeShown({ logs, services, dataClasses }: Scope): ScopeFields {
  const shown = (list: readonly string[] | "*") => (list === "*" ? list : [...list]);
  return {
    // What is granted names logs; what leaves some out is made of it for a role.
    logs: logs === "*" || !("allBut" in logs) ? shown(logs) : "*",
    services: shown(services),
    data_classes: shown(dataClasses),
  };
}
