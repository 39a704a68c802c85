/** PagerDuty's Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview). */
import { createHash } from "node:crypto";
import { formatTimestamp } from "@tallystick/record";

import type { Level } from "../../detect/finding.ts";
import { posted } from "./channel.ts";
import type { Channel, Post, Secret } from "./channel.ts";
import { messageText } from "./message.ts";
import type { Message } from "./message.ts";

const MAX_SUMMARY_LENGTH = 1_024;
const MAX_DETAIL_LENGTH = 20_000;

const SEVERITY: Readonly<Record<Level, string>> = {
  critical: "critical",
  high: "error",
  medium: "warning",
  low: "info",
  informational: "info",
};

export interface PagerDutyParts {
  readonly name: string;
  readonly url: Secret;
  readonly routingKey: Secret;
  readonly perMinute: number;
  readonly post: Post;
}

export function pagerDutyChannel({ name, url, routingKey, perMinute, post }: PagerDutyParts): Channel {
  return {
    name,
    kind: "pagerduty",
    perMinute,
    // An incident that nobody resolves would stay open.
    sendsResolved: true,
    keepsFiring: false,
    send: (message) =>
      posted(async () => {
        const body = JSON.stringify(pagerDutyEvent(message, await routingKey()));
        return { url: await url(), headers: { "content-type": "application/json" }, body };
      }, post),
  };
}

export function pagerDutyEvent(message: Message, routingKey: string): object {
  const { status, title, level, alerts, link, atUs, groupKey } = message;
  // A test must not stay open as an incident of its own.
  const action = message.purpose === "test" || status === "firing" ? "trigger" : "resolve";
  const first = alerts[0];
  const labels = first?.alert.finding.labels ?? {};
  const runbook = first?.alert.finding.runbookUrl;
  const links = [
    { href: first?.link ?? link, text: "Alert" },
    ...(first?.firstCall ? [{ href: first.firstCall, text: "First call" }] : []),
    ...(runbook === undefined ? [] : [{ href: runbook, text: "Runbook" }]),
  ];
  return {
    routing_key: routingKey,
    event_action: action,
    // The same for all that is told of a group, so that it becomes one incident.
    dedup_key: `tallystick-${createHash("sha256").update(groupKey).digest("hex").slice(0, 40)}`,
    client: "Tallystick",
    client_url: link,
    links,
    payload: {
      summary: title.slice(0, MAX_SUMMARY_LENGTH),
      source: labels["service"] ?? labels["caller"] ?? labels["callee"] ?? "tallystick",
      severity: message.purpose === "test" ? "info" : SEVERITY[level],
      timestamp: formatTimestamp(first?.alert.finding.startsAtUs ?? atUs),
      group: groupKey.slice(0, 255),
      class: first?.alert.finding.ruleId ?? message.purpose,
      custom_details: { text: messageText(message).slice(0, MAX_DETAIL_LENGTH), labels },
    },
  };
}
