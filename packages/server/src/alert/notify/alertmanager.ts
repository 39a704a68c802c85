/** Alertmanager's API v2: alerts are handed on, and what fires is told again before Alertmanager takes it for over. */
import { formatTimestamp } from "@tallystick/record";

import { posted } from "./channel.ts";
import type { Channel, Post, Secret } from "./channel.ts";
import type { Message, ToldAlert } from "./message.ts";

export interface AlertmanagerParts {
  readonly name: string;
  /** Its base, as http://alertmanager:9093. */
  readonly url: Secret;
  readonly perMinute: number;
  readonly post: Post;
  /** How long what was told counts as firing: longer than the longest time until it is told again. */
  readonly firesForUs: number;
}

export function alertmanagerChannel({ name, url, perMinute, post, firesForUs }: AlertmanagerParts): Channel {
  return {
    name,
    kind: "alertmanager",
    perMinute,
    sendsResolved: true,
    keepsFiring: true,
    send: (message) =>
      posted(async () => {
        const body = JSON.stringify(alertmanagerAlerts(message, firesForUs));
        const base = (await url()).replace(/\/+$/, "");
        return { url: `${base}/api/v2/alerts`, headers: { "content-type": "application/json" }, body };
      }, post),
  };
}

export function alertmanagerAlerts(message: Message, firesForUs: number): readonly object[] {
  if (message.purpose !== "alerts") return [testAlert(message)];
  return message.alerts.map((told) => shown(told, message.atUs, firesForUs));
}

function shown({ alert, status, link, firstCall }: ToldAlert, atUs: number, firesForUs: number): object {
  const { finding, resolvedAtUs, fingerprint } = alert;
  const { title, level, labels, summary, expected, seen, check, startsAtUs, runbookUrl, ruleId } = finding;
  const endsAtUs = status === "resolved" ? (resolvedAtUs ?? atUs) : atUs + firesForUs;
  const own = { alertname: title, severity: level, rule_id: ruleId, tallystick_fingerprint: fingerprint };
  const annotations = {
    summary,
    expected,
    seen,
    check,
    ...(firstCall === null ? {} : { first_call: firstCall }),
    ...(runbookUrl === undefined ? {} : { runbook_url: runbookUrl }),
  };
  return {
    labels: { ...named(labels), ...own },
    annotations: Object.fromEntries(Object.entries(annotations).filter(([, value]) => value !== "")),
    startsAt: formatTimestamp(startsAtUs),
    endsAt: formatTimestamp(endsAtUs),
    generatorURL: link,
  };
}

/** Alertmanager's names of labels have letters, digits and underscores. */
function named(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const name = (text: string) => text.replaceAll(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_");
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [name(label), value]));
}

/** Over in the moment it begins, so that it is seen and keeps nobody awake. */
function testAlert({ title, atUs, link, response, purpose }: Message): object {
  const at = formatTimestamp(atUs);
  return {
    labels: { alertname: purpose === "test" ? "TallystickTest" : "TallystickResponse", severity: "informational" },
    annotations: { summary: title, ...response },
    startsAt: at,
    endsAt: formatTimestamp(atUs + 60_000_000),
    generatorURL: link,
  };
}
