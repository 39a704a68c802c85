/** How long records are kept, and the logs that have words of their own about it. */
import { Type } from "typebox";

import { PERIOD } from "../retain/period.ts";
import { section, text, whole } from "./pieces.ts";

export const OPTIONAL_PERIOD = { source: `${PERIOD.source}|^$`, says: PERIOD.says };
const LOG_NAME = { source: "^[a-z0-9][a-z0-9-]{0,62}$", says: "1 to 63 lower-case letters, digits and dashes" };

export const RETENTION = section("How long records are kept, for logs that `logs` does not say it of.", {
  keep: text(
    "A minimum: a tree goes so long after its epoch has ended, so a record lives up to this and one epoch.",
    "13 months",
    PERIOD,
  ),
  maximum: text(
    "The longest that a record may be there; refused when `keep` and one epoch are more. Empty: no limit.",
    "",
    OPTIONAL_PERIOD,
  ),
  check_every: text("How often the clean-up looks for trees whose time is over.", "1 hour", PERIOD),
  bytes_per_second: whole(
    "Bytes a second that a deletion removes, so that it leaves the disk to intake.",
    104_857_600,
    1_024,
    1_000_000_000_000,
  ),
});

const GLOB = Type.Optional(Type.String({ minLength: 1, maxLength: 256 }));
const MATCH = Type.Object(
  { service: GLOB, operation: GLOB, resource: GLOB, data_class: GLOB, data_category: GLOB },
  { additionalProperties: false },
);

const LOG_ENTRY = Type.Object(
  {
    name: Type.String({ pattern: LOG_NAME.source, says: LOG_NAME.says }),
    keep: text("", "", OPTIONAL_PERIOD),
    maximum: text("", "", OPTIONAL_PERIOD),
    index_keep: text("", "", OPTIONAL_PERIOD),
    preset: Type.Enum(["", "pci-dss", "hipaa"], { default: "" }),
    match: Type.Array(MATCH, { default: [], maxItems: 100 }),
  },
  { additionalProperties: false },
);

export const LOGS = Type.Array(LOG_ENTRY, {
  description:
    "Logs beside the others, each with trees, keys, retention and access of its own: items {name, keep, maximum, index_keep, preset: pci-dss|hipaa, match: [{service, operation, resource, data_class, data_category}]}. What an item leaves out is as in `retention` and `index.keep`. Records that fit a `match` (in a pattern `*` stands for any text, all that is given must fit, the first log counts) go to that log, unless their sender's key names a log other than `default`.",
  default: [],
  maxItems: 1_000,
});
