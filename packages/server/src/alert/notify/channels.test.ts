/** Channels against real peers: a receiver that checks by the standardwebhooks library, and an SMTP server. */
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";

import { sampleFinding } from "../sample-finding.contract.ts";
import type { Alert } from "../alert.ts";
import { addressGuard } from "./address-guard.ts";
import { alertmanagerChannel } from "./alertmanager.ts";
import { emailChannel } from "./email.ts";
import type { Message } from "./message.ts";
import { messageOf, messageText } from "./message.ts";
import { guardedLookup, guardedPost } from "./node-guarded-post.ts";
import { mailSender } from "./node-mail.ts";
import { pagerDutyChannel } from "./pagerduty.ts";
import { slackChannel } from "./slack.ts";
import { webhookBody, webhookChannel, webhookSignature } from "./webhook.ts";

interface Got {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let server: Server;
let base = "";
let got: Got[] = [];
let answer: { status: number; headers?: Record<string, string> } = { status: 200 };
const local = guardedPost(addressGuard(["127.0.0.0/8"]));

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      got.push({ url: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(answer.status, answer.headers).end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await local.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const finding = sampleFinding({ startsAtUs: 1.79e15, runbookUrl: "https://runbooks.example.com/shared" });
const alert: Alert = {
  id: "a1",
  fingerprint: "f1",
  state: "firing",
  finding,
  raisedAtUs: 1.79e15,
  acknowledgedAtUs: null,
  acknowledgedBy: null,
  assignee: null,
  resolvedAtUs: null,
  resolvedBy: null,
  suppressedBy: null,
  steps: [],
};

function message(fields: Partial<Message> = {}, found: Alert = alert): Message {
  const notice = {
    id: "notification_1",
    channel: "ops",
    purpose: "alerts",
    groupKey: '["default"]',
    groupLabels: {},
    firing: [found.id],
    resolved: [],
    more: 0,
    state: "queued",
    createdAtUs: 1.79e15,
    attempts: 0,
    nextAtUs: 0,
    endedAtUs: null,
    error: null,
    answer: null,
  } as const;
  const parts = { publicUrl: "https://audit.example.com", find: () => found, response: () => null };
  return { ...messageOf(notice, parts), ...fields };
}

const secretOf = (text: string) => () => Promise.resolve(text);
const hook = (secret: string, url: string = base) =>
  webhookChannel({
    name: "hook",
    url: secretOf(url),
    secret: secretOf(secret),
    perMinute: 60,
    sendsResolved: true,
    post: local.post,
    nowS: () => Math.floor(Date.now() / 1_000),
  });

it("a message says what, since when, how much against normal, the first call, and where to look", () => {
  const text = messageText(message());
  for (const said of [
    "Credential used by two services (high)",
    "Since: 2026-",
    "Seen: 2 services: orders, billing; expected: one service",
    "First call: https://audit.example.com/search?record=default%2F2026-11%2F7",
    "Runbook: https://runbooks.example.com/shared",
    "Alert: https://audit.example.com/alerts?id=a1",
  ])
    expect(text).toContain(said);
});

it("a webhook is signed so that the standardwebhooks library takes it, by each of several secrets, and by nothing else", async () => {
  got = [];
  const secrets = [1, 2].map((seed) => `whsec_${Buffer.alloc(32, seed).toString("base64")}`);
  expect(await hook(secrets.join("\n")).send(message())).toEqual({ kind: "delivered", answer: "It answered 200." });
  const [{ headers, body }] = got as [Got];
  const plain = headers as Record<string, string>;
  for (const secret of secrets) {
    const verified = new Webhook(secret).verify(body, plain) as { type: string; data: { alerts: unknown[] } };
    expect(verified).toMatchObject({ type: "alert.firing", data: { alerts: [{ id: "a1", level: "high" }] } });
  }
  expect(headers["webhook-id"]).toBe("notification_1");
  const other = new Webhook(`whsec_${Buffer.alloc(32, 3).toString("base64")}`);
  expect(() => other.verify(body, plain)).toThrow();
  expect(() => new Webhook(secrets[0]!).verify(body.replace("high", "low"), plain)).toThrow();
});

it("an Ed25519 key signs as v1a, and a secret that is none is a failure that does not say it", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
  const signature = webhookSignature(`whsk_${seed.toString("base64")}`, "id", "1", "{}");
  const { verify } = await import("node:crypto");
  expect(verify(null, Buffer.from("id.1.{}"), publicKey, Buffer.from(signature.slice(4), "base64"))).toBe(true);
  const outcome = await hook("whsec_short-secret-value").send(message());
  expect(outcome).toMatchObject({ kind: "failed" });
  expect(JSON.stringify(outcome)).not.toContain("short-secret-value");
});

it("a webhook of many alerts is cut to 20 kB and says how many it leaves out", () => {
  const { alerts, ...rest } = message();
  const body = webhookBody({ ...rest, alerts: Array.from({ length: 400 }, () => alerts[0]!) });
  expect(Buffer.byteLength(body)).toBeLessThanOrEqual(20_000);
  expect((JSON.parse(body) as { data: { truncated_alerts: number } }).data.truncated_alerts).toBeGreaterThan(300);
});

it.each([
  [200, {}, { kind: "delivered", answer: "It answered 200." }],
  [
    302,
    { location: "http://169.254.169.254/" },
    { isPermanent: false, message: "It answered 302. Redirects are not followed: give the address that it leads to." },
  ],
  [401, {}, { message: "It answered 401. It does not accept the channel's secret: look at that." }],
  [410, {}, { kind: "failed", isPermanent: true }],
  [404, {}, { kind: "failed", isPermanent: true }],
  [429, { "retry-after": "17" }, { kind: "failed", isPermanent: false, retryAfterS: 17 }],
  [503, {}, { kind: "failed", isPermanent: false, retryAfterS: null }],
  [503, { "retry-after": "120" }, { isPermanent: false, retryAfterS: 120 }],
  // By the receiver's own clock, which is not ours.
  [429, { date: "Wed, 21 Oct 2015 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2015 07:29:30 GMT" }, { retryAfterS: 90 }],
  [429, { date: "Wed, 21 Oct 2015 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2015 07:00:00 GMT" }, { retryAfterS: 0 }],
  [503, { "retry-after": "soon" }, { retryAfterS: null }],
] as const)("an answer of %s is what it is", async (status, headers, expected) => {
  answer = { status, headers: { ...headers } };
  got = [];
  expect(await hook(`whsec_${Buffer.alloc(32, 1).toString("base64")}`).send(message())).toMatchObject(expected);
  expect(got).toHaveLength(1);
  answer = { status: 200 };
});

it("Slack, PagerDuty and Alertmanager get what their APIs take, and nothing a record says becomes markup", async () => {
  got = [];
  const hostile = { ...alert, finding: { ...finding, title: "<!channel> & <https://evil.example|x>" } };
  const slack = slackChannel({ name: "s", url: secretOf(base), perMinute: 60, sendsResolved: true, post: local.post });
  await slack.send(message({}, hostile));
  expect(got[0]!.body).toContain("&lt;!channel&gt; &amp; &lt;https");
  const pager = pagerDutyChannel({
    name: "p",
    url: secretOf(base),
    routingKey: secretOf("R1"),
    perMinute: 60,
    post: local.post,
  });
  await pager.send(message());
  await pager.send(message({ status: "resolved" }));
  const [trigger, resolve] = got.slice(1).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  expect(trigger).toMatchObject({ routing_key: "R1", event_action: "trigger", payload: { severity: "error" } });
  expect(resolve).toMatchObject({ event_action: "resolve", dedup_key: trigger!["dedup_key"] });
  const am = alertmanagerChannel({
    name: "a",
    url: secretOf(`${base}/`),
    perMinute: 60,
    post: local.post,
    firesForUs: 1e9,
  });
  await am.send(message());
  const last = got.at(-1)!;
  expect(last.url).toBe("/api/v2/alerts");
  expect(JSON.parse(last.body)).toMatchObject([
    {
      labels: { alertname: finding.title, severity: "high", service: "orders" },
      generatorURL: expect.stringContaining("/alerts?id=a1"),
    },
  ]);
});

it("nothing is sent to loopback, private, link-local or metadata addresses, whatever they are written as", async () => {
  const closed = guardedPost(addressGuard([]));
  const port = new URL(base).port;
  got = [];
  for (const host of [
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "169.254.169.254",
    "10.0.0.1",
  ])
    await expect(closed.post({ url: `http://${host}:${port}/`, headers: {}, body: "" }), host).rejects.toThrow(
      /private/,
    );
  for (const url of ["file:///etc/passwd", "ftp://example.com/", "none"])
    await expect(closed.post({ url, headers: {}, body: "" })).rejects.toThrow();
  expect(got).toEqual([]);
  await closed.close();
  for (const open of ["8.8.8.8", "2606:4700::1111"]) expect(addressGuard([]).admits(open)).toBe(true);
  expect(addressGuard(["10.1.0.0/16"]).admits("10.1.2.3")).toBe(true);
  expect(addressGuard(["10.1.0.0/16"]).admits("10.2.2.3")).toBe(false);
});

it("a name is looked at once, and one address of it that is closed closes it", async () => {
  const asked: string[] = [];
  const resolve = ((host: string, _: unknown, done: (error: null, found: unknown) => void) => {
    asked.push(host);
    done(null, [{ address: "8.8.8.8", family: 4 }, ...(host === "mixed" ? [{ address: "10.0.0.1", family: 4 }] : [])]);
  }) as never;
  const lookup = guardedLookup(addressGuard([]), resolve);
  const found = (host: string) =>
    new Promise((done) => lookup(host, {}, (error, address) => done(error === null ? address : error.message)));
  expect(await found("public")).toBe("8.8.8.8");
  expect(await found("mixed")).toMatch(/private/);
  expect(asked).toEqual(["public", "mixed"]);
});

it("mail arrives at an SMTP server, in one thread a group; TLS that is required and not there is a failure", async () => {
  const mails: string[] = [];
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData: (stream, _, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        mails.push(Buffer.concat(chunks).toString());
        done();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
  const { port } = smtp.server.address() as AddressInfo;
  const settings = { host: "127.0.0.1", port, secure: false, requireTls: false, user: "", password: null, ca: null };
  const mail = (requireTls: boolean, allowed: readonly string[]) =>
    emailChannel({
      name: "mail",
      from: "Tallystick <audit@example.com>",
      to: ["oncall@example.com"],
      perMinute: 60,
      sendsResolved: true,
      sendMail: mailSender({ ...settings, requireTls }, addressGuard(allowed)),
    });
  const hostile = message({ title: "one\r\nBcc: evil@example.com" });
  expect(await mail(false, ["127.0.0.0/8"]).send(hostile)).toMatchObject({ kind: "delivered" });
  expect(await mail(false, ["127.0.0.0/8"]).send(message({ id: "notification_2" }))).toMatchObject({
    kind: "delivered",
  });
  const headers = mails.map((text) => text.split("\r\n\r\n")[0]!);
  expect(headers[0]).not.toMatch(/^Bcc:/m);
  expect(headers[0]).toContain("Message-ID: <notification_1@example.com>");
  const thread = (text: string) => /In-Reply-To: (\S+)/.exec(text)?.[1];
  expect(thread(headers[0]!)).toBe(thread(headers[1]!));
  expect(await mail(true, ["127.0.0.0/8"]).send(message())).toMatchObject({ kind: "failed" });
  expect(await mail(false, []).send(message())).toMatchObject({ message: expect.stringContaining("private") });
  expect(mails).toHaveLength(2);
  await new Promise<void>((resolve) => smtp.close(() => resolve()));
});
