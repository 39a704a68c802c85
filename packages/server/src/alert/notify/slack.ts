/** Slack's incoming webhooks (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks). */
import { posted } from "./channel.ts";
import type { Channel, Post, Secret } from "./channel.ts";
import { alertLines, messageText, SHOWN_ALERTS } from "./message.ts";
import type { Message } from "./message.ts";

/** What Slack takes of one section. */
const MAX_SECTION_LENGTH = 2_900;

export interface SlackParts {
  readonly name: string;
  /** The hook's address is the secret. */
  readonly url: Secret;
  readonly perMinute: number;
  readonly sendsResolved: boolean;
  readonly post: Post;
}

export function slackChannel({ name, url, perMinute, sendsResolved, post }: SlackParts): Channel {
  return {
    name,
    kind: "slack",
    perMinute,
    sendsResolved,
    keepsFiring: false,
    send: (message) =>
      posted(async () => {
        const headers = { "content-type": "application/json" };
        return { url: await url(), headers, body: JSON.stringify(slackBody(message)) };
      }, post),
  };
}

export function slackBody(message: Message): object {
  const { title, alerts, link } = message;
  const texts =
    message.purpose === "alerts"
      ? alerts.slice(0, SHOWN_ALERTS).map((told) => alertLines(told).join("\n"))
      : [messageText(message)];
  const more = message.purpose === "alerts" ? alerts.length + message.more - texts.length : 0;
  const rest = more > 0 ? [section(`… and ${more} more: ${link}`)] : [];
  return { text: escaped(title), blocks: [section(`*${title}*`), ...texts.map(section), ...rest] };
}

function section(text: string): object {
  return { type: "section", text: { type: "mrkdwn", text: escaped(text).slice(0, MAX_SECTION_LENGTH) } };
}

/** Slack's three control characters; what a record says must not become a link or a mention. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
