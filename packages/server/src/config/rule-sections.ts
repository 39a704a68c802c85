import { Type } from "typebox";

import { section } from "./pieces.ts";

/** Rules of detection. */
export const RULES = section("Rules that watch the log.", {
  enabled: Type.Boolean({
    description: "Whether rules run over what comes in. They can be tried on the past also while they do not.",
    default: true,
  }),
  pipelines: Type.Array(Type.String({ minLength: 1, maxLength: 4_096, says: "the path of a file" }), {
    description:
      "Processing pipelines in Sigma's format, which map other products' names of fields to ours: `webserver` or `ecs` of ours, or paths of files. Relative paths start at the configuration file's folder.",
    default: [],
    maxItems: 100,
  }),
  placeholders: Type.Record(Type.String(), Type.Array(Type.String({ maxLength: 4_096 }), { maxItems: 5_000 }), {
    description: "Values that the modifier `expand` puts in the place of a name, as {internal_domains: [example.com]}.",
    default: {},
    propertyNames: { type: "string", pattern: "^[A-Za-z0-9_.-]{1,128}$" },
    maxProperties: 1_000,
  }),
});
