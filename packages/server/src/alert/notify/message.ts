/** What a notification says, in no channel's own form. */
import { formatTimestamp } from "@tallystick/record";

import { LEVELS } from "../../detect/finding.ts";
import type { Level } from "../../detect/finding.ts";
import type { Alert } from "../alert.ts";
import type { Labels } from "../matchers.ts";
import type { Notice, NoticePurpose } from "../notice.ts";

export interface Message {
  /** The same at every try. */
  readonly id: string;
  readonly purpose: NoticePurpose;
  readonly atUs: number;
  readonly groupKey: string;
  readonly groupLabels: Labels;
  readonly status: "firing" | "resolved";
  /** The highest of what fires, else of what is over. */
  readonly level: Level;
  readonly title: string;
  readonly alerts: readonly ToldAlert[];
  /** How many fire beside those. */
  readonly more: number;
  /** The list of alerts in the dashboard. */
  readonly link: string;
  /** Of a response: what is asked for. */
  readonly response: Readonly<Record<string, string>> | null;
}

export interface ToldAlert {
  readonly alert: Alert;
  readonly status: "firing" | "resolved";
  /** Where it is seen and handled. */
  readonly link: string;
  /** The first record that shows it. */
  readonly firstCall: string | null;
}

export interface MessageParts {
  readonly publicUrl: string;
  readonly find: (id: string) => Alert | null;
  readonly response: (id: string) => Readonly<Record<string, string>> | null;
}

export function messageOf(notice: Notice, parts: MessageParts): Message {
  const { id, purpose, createdAtUs, groupKey, groupLabels, more } = notice;
  const alerts = [
    ...notice.firing.flatMap((one) => told(parts, one, "firing")),
    ...notice.resolved.flatMap((one) => told(parts, one, "resolved")),
  ];
  const firing = alerts.filter(({ status }) => status === "firing");
  const status = firing.length > 0 || purpose !== "alerts" ? "firing" : "resolved";
  const level = highest(firing.length > 0 ? firing : alerts);
  const response = purpose === "response" ? parts.response(notice.firing[0] ?? "") : null;
  return {
    id,
    purpose,
    atUs: createdAtUs,
    groupKey,
    groupLabels,
    status,
    level,
    title: titleOf(purpose, level, { alerts, more }, response),
    alerts,
    more,
    link: `${parts.publicUrl}/alerts`,
    response,
  };
}

function told({ find, publicUrl }: MessageParts, id: string, asTold: ToldAlert["status"]): readonly ToldAlert[] {
  const alert = find(id);
  if (alert === null) return [];
  const [first] = alert.finding.records;
  const firstCall =
    first === undefined ? null : `${publicUrl}/search?record=${encodeURIComponent(`${first.tree}/${first.leafIndex}`)}`;
  // It may have ended since it was queued.
  const status = alert.state === "resolved" ? "resolved" : asTold;
  return [{ alert, status, link: `${publicUrl}/alerts?id=${encodeURIComponent(id)}`, firstCall }];
}

function highest(alerts: readonly ToldAlert[]): Level {
  const at = alerts.reduce((most, { alert }) => Math.max(most, LEVELS.indexOf(alert.finding.level)), 0);
  return LEVELS[at] ?? "informational";
}

function titleOf(
  purpose: NoticePurpose,
  level: Level,
  { alerts, more }: Pick<Message, "alerts" | "more">,
  response: Message["response"],
): string {
  if (purpose === "test") return "Test of a notification channel: nothing is wrong";
  if (purpose === "response") return `Response requested: ${response?.["action"] ?? "unknown"}`;
  const firing = alerts.filter(({ status }) => status === "firing");
  const shown = firing.length > 0 ? firing : alerts;
  const state = firing.length > 0 ? `FIRING:${firing.length + more}` : `RESOLVED:${alerts.length}`;
  const titles = [...new Set(shown.map(({ alert }) => alert.finding.title))];
  const others = titles.length > 1 ? ` and ${titles.length - 1} more` : "";
  return `[${state}] ${level}: ${titles[0] ?? "alerts"}${others}`;
}

/** One alert for people: what, since when, how much against normal, the first call, where to look. */
export function alertLines({ alert, status, link, firstCall }: ToldAlert): readonly string[] {
  const { finding, resolvedAtUs, assignee } = alert;
  const labels = Object.entries(finding.labels).map(([name, value]) => `${name}=${value}`);
  const said = (name: string, text: string | null | undefined) => (text ? [`${name}: ${text}`] : []);
  return [
    `${finding.title} (${finding.level})${finding.summary === "" ? "" : `: ${finding.summary}`}`,
    ...said("About", labels.join(", ")),
    `Since: ${formatTimestamp(finding.startsAtUs)}`,
    ...(status === "resolved" && resolvedAtUs !== null ? [`Resolved: ${formatTimestamp(resolvedAtUs)}`] : []),
    ...said(
      "Seen",
      finding.seen && (finding.expected === "" ? finding.seen : `${finding.seen}; expected: ${finding.expected}`),
    ),
    ...said("First call", firstCall),
    ...said("Check", finding.check),
    ...said("Assigned to", assignee),
    ...said("Runbook", finding.runbookUrl),
    `Alert: ${link}`,
  ];
}

export const SHOWN_ALERTS = 10;

/** The whole message as plain text. */
export function messageText(message: Message): string {
  if (message.purpose === "response")
    return Object.entries(message.response ?? {})
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n");
  if (message.purpose === "test")
    return `This is what a notification of Tallystick's looks like here.\nAlerts: ${message.link}`;
  const shown = message.alerts.slice(0, SHOWN_ALERTS).map((told) => alertLines(told).join("\n"));
  const more = message.alerts.length + message.more - shown.length;
  return [...shown, ...(more > 0 ? [`… and ${more} more: ${message.link}`] : [])].join("\n\n");
}
