/** Who hears of alerts, and how often. */
import { Type } from "typebox";

import { LEVELS } from "../detect/finding.ts";
import { oneOf, section, text } from "./pieces.ts";

export const CHANNEL_KINDS = ["webhook", "slack", "pagerduty", "alertmanager", "email"] as const;

const DURATION = { source: "^(0|[1-9][0-9]{0,8}(ms|[smhd]))$", says: "a duration, as 500ms, 5s, 2m, 12h or 7d" };
const OPTIONAL_DURATION = { pattern: "^([1-9][0-9]{0,8}(ms|[smhd]))?$", says: DURATION.says };
const NAME = {
  pattern: "^[a-z0-9][a-z0-9_-]{0,62}$",
  says: "1 to 63 lower-case letters, digits, dashes and underscores",
};
const file = () => Type.String({ default: "", maxLength: 4_096 });
/** Of a secret that `tallystick secrets set` stored. */
const secretName = () => Type.String({ default: "", pattern: `^(${NAME.pattern.slice(1, -1)})?$`, says: NAME.says });
const MATCHERS = Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), { default: [], maxItems: 32 });
const LABELS = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 16 });

const CHANNEL = Type.Object(
  {
    name: Type.String(NAME),
    kind: Type.Enum([...CHANNEL_KINDS]),
    url: Type.String({
      default: "",
      maxLength: 4_096,
      pattern: "^(https?://\\S+)?$",
      says: "an http:// or https:// URL",
    }),
    url_file: file(),
    url_name: secretName(),
    secret_file: file(),
    secret_name: secretName(),
    send_resolved: Type.Boolean({ default: true }),
    per_minute: Type.Integer({ default: 60, minimum: 1, maximum: 6_000 }),
    smtp: Type.String({
      default: "",
      maxLength: 512,
      pattern: "^(smtps?://[A-Za-z0-9.:\\[\\]-]+)?$",
      says: "smtps://host:465 or smtp://host:587 (STARTTLS); no user or password stands here",
    }),
    starttls: Type.Enum(["required", "optional"], { default: "required" }),
    ca_file: file(),
    user: Type.String({ default: "", maxLength: 256 }),
    from: Type.String({ default: "", maxLength: 320 }),
    to: Type.Array(
      Type.String({ minLength: 3, maxLength: 320, pattern: "^[^\\s@,;]+@[^\\s@,;]+$", says: "an address" }),
      {
        default: [],
        maxItems: 50,
      },
    ),
  },
  { additionalProperties: false },
);

const ROUTE = Type.Object(
  {
    match: MATCHERS,
    channels: Type.Array(Type.String(NAME), { maxItems: 16 }),
    group_by: Type.Optional(LABELS),
    group_wait: Type.String({ default: "", ...OPTIONAL_DURATION }),
    group_interval: Type.String({ default: "", ...OPTIONAL_DURATION }),
    repeat_interval: Type.String({ default: "", ...OPTIONAL_DURATION }),
    continue: Type.Boolean({ default: false }),
  },
  { additionalProperties: false },
);

const INHIBIT = Type.Object(
  {
    source: MATCHERS,
    target: MATCHERS,
    equal: Type.Array(Type.String({ maxLength: 64 }), { default: [], maxItems: 16 }),
  },
  { additionalProperties: false },
);

export const ALERTS = section("Who hears of what detection finds.", {
  notify_from: oneOf("The lowest level of which anybody is told; what is below it is listed.", "medium", [...LEVELS]),
  group_by: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
    description: "Labels: alerts with the same values are one notification. `...` alone: each is one.",
    default: ["rule_id"],
    maxItems: 16,
  }),
  group_wait: text("How long a new alert waits for others of its group.", "1s", DURATION),
  group_interval: text("How long a group that was told of waits before it tells of more.", "1m", DURATION),
  repeat_interval: text("After how long what nobody has acknowledged is told again.", "4h", DURATION),
  resolve_after: text(
    "An event that was not seen again for so long is over. 0: never. A condition (measure, baseline) ends by itself.",
    "24h",
    DURATION,
  ),
  runbook_url: text(
    "The runbook of what names none itself (a rule does by its key `runbook_url`), as https://runbooks.example.com/{rule}: `{rule}` becomes the id of the rule or detector (`rule_id`). Empty: none.",
    "",
    { source: '^(https?://[^\\s"<>\\\\]{1,900})?$', says: "an http:// or https:// URL of at most 900 characters" },
  ),
  channels: Type.Array(CHANNEL, {
    description:
      "Where notifications go: items {name, kind: webhook|slack|pagerduty|alertmanager|email, url, url_file or url_name, secret_file or secret_name, send_resolved, per_minute; for e-mail smtp, starttls: required|optional, ca_file, user, from, to: []}.",
    default: [],
    maxItems: 64,
  }),
  routes: Type.Array(ROUTE, {
    description:
      "Which alerts go where, the first that matches: items {match: [matchers], channels: [], group_by, group_wait, group_interval, repeat_interval, continue}. Without any, all go to every channel.",
    default: [],
    maxItems: 256,
  }),
  inhibit: Type.Array(INHIBIT, {
    description:
      "While an alert that matches `source` fires, those that match `target` and have the same labels `equal` notify nobody: items {source: [matchers], target: [matchers], equal: []}.",
    default: [],
    maxItems: 256,
  }),
  allow_private: Type.Array(
    Type.String({ pattern: "^[0-9a-fA-F:.]+(/\\d{1,3})?$", says: "an address or CIDR, as 10.0.0.0/8" }),
    {
      description: "Private, loopback and link-local addresses (CIDRs) that notifications may go to all the same.",
      default: [],
      maxItems: 64,
    },
  ),
  heartbeat: section("A dead man's switch: who listens raises it when the word stays out.", {
    url: text("Is asked (POST) every so often while detection and alerting work. Empty: nobody is.", "", {
      source: "^(https?://\\S+)?$",
      says: "http:// or https:// URL",
    }),
    url_file: text("File of the URL instead, where the URL is a secret.", ""),
    url_name: text("The URL as `tallystick secrets set NAME` stored it, instead.", "", {
      source: `^(${NAME.pattern.slice(1, -1)})?$`,
      says: NAME.says,
    }),
    every: text("How often.", "1m", { source: "^[1-9][0-9]{0,5}[smh]$", says: "a duration, as 30s or 5m" }),
  }),
});
