/**
 * Where copies of checkpoints go: an append-only file, a syslog collector (RFC 5424 over UDP or TCP), a webhook. The
 * adapter to the network for copies.ts; each send is bounded in time and rejects with a sentence.
 */
import { createSocket } from "node:dgram";
import { appendFile, mkdir } from "node:fs/promises";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { Clock } from "../clock.ts";
import type { CopySender, CopyTarget } from "./copies.ts";
import { COPY_TIMEOUT_MS } from "./limits.ts";
import type { PublishedCheckpoint } from "./local-ledger.ts";

/** One item of `ledger.copies`. */
export interface CopySetting {
  readonly kind: "file" | "syslog" | "webhook";
  /** A file's path, `udp://host:port` or `tcp://host:port`, or a URL. */
  readonly to: string;
  readonly every: "checkpoint" | "hour";
}

export interface SenderContext {
  readonly clock: Clock;
  readonly host: string;
  readonly pid: number;
}

export function copyTarget({ kind, to, every }: CopySetting, context: SenderContext): CopyTarget {
  const send = kind === "file" ? fileSender(to) : kind === "syslog" ? syslogSender(to, context) : webhookSender(to);
  return { name: `${kind} ${withoutSecrets(to)}`, every, send };
}

/** The notes one after the other, an empty line between: `tallystick verify --since` takes such a file as it is. */
export function fileSender(path: string): CopySender {
  return async ({ note }) => {
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, Buffer.concat([note, Buffer.from("\n")]), { mode: 0o600, flush: true });
  };
}

export function syslogSender(to: string, context: SenderContext): CopySender {
  const { protocol, hostname, port } = new URL(to);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return (checkpoint) => {
    const message = Buffer.from(syslogMessage(checkpoint, context));
    const target = { host, port: Number(port || 514) };
    return protocol === "udp:" ? sendUdp(target, message) : sendTcp(target, message);
  };
}

const PRIORITY = 13 * 8 + 5; // facility 13 (log audit), severity 5 (notice)

/** RFC 5424 with the note as the message, its line feeds escaped so that every collector keeps it in one line. */
export function syslogMessage({ note }: PublishedCheckpoint, { clock, host, pid }: SenderContext): string {
  const at = new Date(Math.floor(clock.nowUs() / 1_000)).toISOString();
  const text = Buffer.from(note).toString("utf8").replaceAll("\n", "\\n");
  return `<${PRIORITY}>1 ${at} ${headerField(host)} tallystick ${pid} checkpoint - \ufeff${text}`;
}

function headerField(text: string): string {
  return text.replaceAll(/[^\u0021-\u007e]/g, "").slice(0, 255) || "-";
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function sendUdp({ host, port }: Target, message: Uint8Array): Promise<void> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  return new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.send(message, port, host, (error) => (error === null ? resolve() : reject(error)));
  }).finally(() => socket.close());
}

/**
 * Octet counting (RFC 6587 §3.4.1); done when the collector's side has taken the bytes and the connection is closed
 * in order.
 */
function sendTcp(target: Target, message: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    socket.setTimeout(COPY_TIMEOUT_MS, () => socket.destroy(new Error("the syslog collector does not answer")));
    socket.once("error", reject);
    socket.once("close", (failed) => (failed ? undefined : resolve()));
    socket.end(Buffer.concat([Buffer.from(`${message.length} `), message]));
    socket.resume();
  });
}

/** POST of the note as text/plain; anything but 2xx is a failure. */
export function webhookSender(to: string): CopySender {
  const request = to.startsWith("https:") ? requestHttps : requestHttp;
  return ({ tree, size, note }) =>
    new Promise((resolve, reject) => {
      const headers = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": note.length,
        "tallystick-tree": tree,
        "tallystick-size": String(size),
      };
      const sent = request(to, { method: "POST", headers, timeout: COPY_TIMEOUT_MS }, (answer) => {
        answer.resume();
        const status = answer.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new Error(`the webhook answered ${status}`));
      });
      sent.once("timeout", () => sent.destroy(new Error("the webhook does not answer")));
      sent.once("error", reject);
      sent.end(note);
    });
}

function withoutSecrets(to: string): string {
  return to.replace(/\/\/[^/@]*@/, "//").replace(/[?#].*$/, "");
}
