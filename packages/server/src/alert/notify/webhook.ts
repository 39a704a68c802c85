/**
 * Standard Webhooks 1.0 (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
 * signed by HMAC-SHA256 (`whsec_`, v1) or Ed25519 (`whsk_`, v1a). A secret's file may hold several lines, each of which
 * signs, so that a receiver can change over.
 */
import { createHmac, createPrivateKey, sign } from "node:crypto";
import { formatTimestamp } from "@tallystick/record";

import { posted } from "./channel.ts";
import type { Channel, Post, Secret } from "./channel.ts";
import type { Message, ToldAlert } from "./message.ts";

const MAX_BODY_BYTES = 20_000;

export interface WebhookParts {
  readonly name: string;
  readonly url: Secret;
  readonly secret: Secret;
  readonly perMinute: number;
  readonly sendsResolved: boolean;
  readonly post: Post;
  /** Seconds since 1970, of the attempt. */
  readonly nowS: () => number;
}

export function webhookChannel(parts: WebhookParts): Channel {
  const { name, perMinute, sendsResolved } = parts;
  return {
    name,
    kind: "webhook",
    perMinute,
    sendsResolved,
    keepsFiring: false,
    send: (message) =>
      posted(async () => {
        const body = webhookBody(message);
        const timestamp = String(parts.nowS());
        const headers = {
          "content-type": "application/json",
          "webhook-id": message.id,
          "webhook-timestamp": timestamp,
          "webhook-signature": webhookSignature(await parts.secret(), message.id, timestamp, body),
        };
        return { url: await parts.url(), headers, body };
      }, parts.post),
  };
}

/** `v1,…` or `v1a,…`, one for each line of the secret. Throws what says nothing of the secret. */
export function webhookSignature(secrets: string, id: string, timestamp: string, body: string): string {
  const lines = secrets.split("\n").map((line) => line.trim());
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = lines.filter((line) => line !== "").map((secret) => signatureBy(secret, signed));
  if (signatures.length === 0) throw new Error("The webhook's secret is empty.");
  return signatures.join(" ");
}

function signatureBy(secret: string, signed: string): string {
  const [, kind, text = ""] = /^(whsec|whsk)_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const key = Buffer.from(text, "base64");
  if (kind === "whsec" && key.length >= 24 && key.length <= 64)
    return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
  if (kind === "whsk" && (key.length === 32 || key.length === 64)) {
    const der = Buffer.concat([ED25519_PKCS8, key.subarray(0, 32)]);
    const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    return `v1a,${sign(null, Buffer.from(signed), privateKey).toString("base64")}`;
  }
  throw new Error("The webhook's secret is neither whsec_ and base64 of 24 to 64 bytes nor whsk_ and an Ed25519 key.");
}

/** PKCS #8 before the 32 bytes of an Ed25519 seed (RFC 8410). */
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** Cut to the first alerts where all would be too large. */
export function webhookBody(message: Message): string {
  for (let count = message.alerts.length; ; count = Math.floor(count / 2)) {
    const body = JSON.stringify(contentOf(message, message.alerts.slice(0, count)));
    if (count === 0 || Buffer.byteLength(body) <= MAX_BODY_BYTES) return body;
  }
}

function contentOf(message: Message, alerts: readonly ToldAlert[]): object {
  const { purpose, status, atUs, groupKey, groupLabels, title, level, link } = message;
  const type = purpose === "alerts" ? `alert.${status}` : purpose === "test" ? "alert.test" : "response.requested";
  const told = {
    title,
    level,
    status,
    group_key: groupKey,
    group_labels: groupLabels,
    alerts: alerts.map(shown),
    truncated_alerts: message.alerts.length + message.more - alerts.length,
    url: link,
  };
  const data = purpose === "response" ? { response: message.response } : told;
  return { type, timestamp: formatTimestamp(atUs), data };
}

function shown({ alert, status, link, firstCall }: ToldAlert): object {
  const { finding, fingerprint, id } = alert;
  const { title, level, labels, summary, expected, seen, check, count, startsAtUs, seenAtUs, runbookUrl } = finding;
  return {
    id,
    fingerprint,
    status,
    rule_id: finding.ruleId,
    title,
    level,
    labels,
    summary,
    expected,
    seen,
    check,
    count,
    starts_at: formatTimestamp(startsAtUs),
    seen_at: formatTimestamp(seenAtUs),
    resolved_at: alert.resolvedAtUs === null ? null : formatTimestamp(alert.resolvedAtUs),
    first_call: firstCall,
    url: link,
    runbook_url: runbookUrl ?? null,
  };
}
