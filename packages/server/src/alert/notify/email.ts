/** E-mail by SMTP. The group is one thread: each message answers the same first one. */
import { createHash } from "node:crypto";

import { adviceOnCode, adviceOnMail, withAdvice } from "./advice.ts";
import { failed } from "./channel.ts";
import type { Channel, SendOutcome } from "./channel.ts";
import { messageText } from "./message.ts";
import type { Message } from "./message.ts";

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
  readonly inReplyTo: string;
}

/** Rejects with the server's code as `responseCode`, and a message that says nothing secret. */
export type SendMail = (mail: Mail) => Promise<void>;

export interface EmailParts {
  readonly name: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly perMinute: number;
  readonly sendsResolved: boolean;
  readonly sendMail: SendMail;
}

export function emailChannel({ name, from, to, perMinute, sendsResolved, sendMail }: EmailParts): Channel {
  return {
    name,
    kind: "email",
    perMinute,
    sendsResolved,
    keepsFiring: false,
    send: async (message) => {
      try {
        await sendMail(mailOf(message, from, to));
        return { kind: "delivered", answer: "The mail server took it." };
      } catch (error) {
        return failure(error);
      }
    },
  };
}

export function mailOf(message: Message, from: string, to: readonly string[]): Mail {
  const domain = /@([A-Za-z0-9.-]+)>?$/.exec(from)?.[1] ?? "tallystick.invalid";
  const thread = createHash("sha256").update(message.groupKey).digest("hex").slice(0, 32);
  return {
    from,
    to,
    // A record must not write headers of its own.
    subject: message.title.replaceAll(/[\r\n]+/g, " ").slice(0, 250),
    text: `${messageText(message)}\n`,
    messageId: `<${message.id}@${domain}>`,
    inReplyTo: `<tallystick-${thread}@${domain}>`,
  };
}

function failure(error: unknown): SendOutcome {
  const { responseCode, message, code } = (error ?? {}) as Readonly<Record<string, unknown>>;
  const isPermanent = typeof responseCode === "number" && responseCode >= 500 && responseCode < 600;
  if (typeof responseCode === "number") {
    const answered = `The mail server answered ${responseCode}.`;
    return failed(withAdvice(answered, adviceOnMail(responseCode)), isPermanent);
  }
  const text = `The mail could not be handed over: ${typeof message === "string" ? message : "unknown"}`;
  const advice = adviceOnCode(reasonOf(code, text));
  return failed(advice === "" ? text : withAdvice(`${text}.`, advice));
}

/** nodemailer says ESOCKET or EDNS of most; what the system said stands in the text. */
function reasonOf(code: unknown, text: string): unknown {
  return /\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/.exec(text)?.[1] ?? code;
}
