import { isBodyName } from "@tallystick/record";

import { rejected, type Rejected } from "./draft.ts";
import { isMap, type Attributes } from "./shape.ts";

/**
 * A body under its name in one of these, whatever its value is: maps are flattened later, and its parts have other
 * names then. What an item or its resource carries under `attributes` counts as well.
 */
export function bodyRefusal(...sources: readonly Attributes[]): Rejected | null {
  for (const source of sources) {
    const nested = source.get("attributes");
    for (const name of [...source.keys(), ...(isMap(nested) ? nested.keys() : [])]) {
      if (isBodyName(name))
        return rejected("bodies_not_enabled", `${name} is not taken from OpenTelemetry; leave it out`);
    }
  }
  return null;
}
