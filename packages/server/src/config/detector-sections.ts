/** What the built-in detectors are told. */
import { Type } from "typebox";

import { section, text } from "./pieces.ts";

const DURATION = { source: "^[1-9][0-9]{0,8}(ms|[smhd])$", says: "a duration, as 500ms, 5s, 2m, 12h or 7d" };
const DURATION_OR_NONE = { source: "^[0-9]{1,9}(ms|[smhd])$", says: `${DURATION.says}, or 0s` };

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
  deploy_window: text(
    "For so long after a service's own records first show a new `service_version`, a service that it calls for the first time is listed and notifies nobody, where others call the same operations; 0s: it always notifies.",
    "8h",
    DURATION_OR_NONE,
  ),
  sensitive_operations: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
    description:
      "Operations whose first call by another service is a finding, as `payments DELETE *`: the callee, a space, the operation; * stands for any letters. Those on confidential or restricted data, with data categories, and that delete or revoke are anyway.",
    default: [],
    maxItems: 1_000,
  }),
});
