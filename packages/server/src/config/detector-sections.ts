/** What the built-in detectors are told. */
import { Type } from "typebox";

import { section, text } from "./pieces.ts";

const DURATION = { source: "^[1-9][0-9]{0,8}(ms|[smhd])$", says: "a duration, as 500ms, 5s, 2m, 12h or 7d" };

export const DETECTORS = section("The built-in detectors.", {
  enabled: Type.Boolean({ description: "Whether they look at what comes in.", default: true }),
  learn: text(
    "A log's first days: what is first seen is learned and listed in them, and nobody is told.",
    "7d",
    DURATION,
  ),
  baselines: Type.Boolean({
    description: "Whether what is usual of each edge and operation is learned, and what is not is told.",
    default: true,
  }),
  dormant_after: text("A credential that was not used for so long and is used again is a finding.", "30d", DURATION),
  sensitive_operations: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
    description:
      "Operations whose first call by another service is a finding, as `payments DELETE *`: the callee, a space, the operation; * stands for any letters. Those on confidential or restricted data, with data categories, and that delete or revoke are anyway.",
    default: [],
    maxItems: 1_000,
  }),
});
