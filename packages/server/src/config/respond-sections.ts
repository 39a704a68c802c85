/** What is done about alerts. */
import { Type } from "typebox";

import { ACTION_KINDS } from "../alert/respond/action.ts";
import { oneOf, section, text, whole } from "./pieces.ts";

const LASTING = { source: "^[1-9][0-9]{0,8}[smhd]$", says: "a duration, as 30m, 2h or 7d" };

const RULE = Type.Object(
  {
    name: Type.String({
      pattern: "^[a-z0-9][a-z0-9_-]{0,62}$",
      says: "1 to 63 lower-case letters, digits, dashes and underscores",
    }),
    match: Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), { minItems: 1, maxItems: 32 }),
    action: Type.Enum([...ACTION_KINDS]),
    for: Type.Optional(Type.String({ pattern: LASTING.source, says: LASTING.says })),
    approval: Type.Boolean({ default: false }),
    dry_run: Type.Boolean({ default: true }),
    channel: Type.String({ default: "", maxLength: 64 }),
  },
  { additionalProperties: false },
);

export const RESPOND = section("What is done about alerts, by rule or by a person.", {
  rules: Type.Array(RULE, {
    description:
      "Responses by rule: items {name, match: [matchers], action: block_credential|block_service|block_edge|block_operation|webhook, for, approval, dry_run, channel}. A rule is a dry run, recorded and without effect, until `dry_run: false`.",
    default: [],
    maxItems: 256,
  }),
  block_for: text("How long a block lasts that does not say it.", "1h", LASTING),
  block_at_most: text("The longest that a block may last.", "30d", LASTING),
  max_blocks: whole("Blocks in force or proposed at a time: what a rule that went wrong can stop.", 100, 1, 10_000),
  never: Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), {
    description:
      'What is never blocked, as credential_id=~"key:admin.*" or service=payments; one that matches is enough. It is asked of the names in the block: service=payments spares the service alone, callee=payments and caller=payments its edges and operations.',
    default: [],
    maxItems: 256,
  }),
  fail: oneOf("What enforcers are told to do when they cannot ask: let calls through, or refuse them.", "open", [
    "open",
    "closed",
  ]),
  cache_s: whole("Seconds that an enforcer may keep a decision.", 1, 0, 60),
});
