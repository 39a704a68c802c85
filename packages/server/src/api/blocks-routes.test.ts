/** Alerts, notifications, responses and blocks from the outside: a whole server, a receiver, enforcers. */
import { createServer } from "node:http";
import type { Server } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

const SECRET = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let receiver: Server;
let server: TestServer;
let data: string;
const received: { readonly type: string; readonly data: Record<string, unknown> }[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = request.headers as Record<string, string>;
      received.push(new Webhook(SECRET).verify(Buffer.concat(chunks).toString(), headers) as (typeof received)[number]);
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  const yaml = `alerts:
  allow_private: [127.0.0.0/8]
  channels:
    - {name: ops, kind: webhook, url: "${url}", secret_name: hook}
respond:
  fail: closed
  cache_s: 2
`;
  server = await startTestServer(data, yaml);
});
afterAll(async () => {
  await server.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await folder.remove();
});

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function ask(path: string, headers: Record<string, string> = {}, authorization?: string | null): Promise<Asked> {
  const response = await server.fetch(path, { headers, ...(authorization === undefined ? {} : { authorization }) });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function eventually<Value>(look: () => Promise<Value | null> | Value | null): Promise<Value> {
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const command = (...words: readonly string[]) => runLine([...words, "--data", data]);

it("a channel's secret is stored sealed, told to nobody, recorded as a change, and taken away", async () => {
  const queued = await command("alerts", "test", "ops", "--wait", "0s");
  expect([queued.exitCode, queued.out]).toEqual([0, expect.stringContaining("ops: queued.")]);
  const failed = await eventually(async () => {
    const { out } = await command("alerts", "notifications", "--json");
    return out.includes("secrets set hook") ? out : null;
  });
  expect(failed).toContain("No secret is stored as hook");
  const typed = { data, readStdin: async () => `${SECRET}\n` };
  expect((await command("secrets", "set", "old")).exitCode).not.toBe(0);
  for (const name of ["old", "hook"])
    expect((await runLine(["secrets", "set", name, "--data", data], typed)).out).toContain(`stored ${name}`);
  expect((await command("secrets", "remove", "old")).exitCode).toBe(0);
  const listed = await command("secrets", "list", "--json");
  expect(listed.json<{ secrets: object[] }>().secrets).toMatchObject([{ name: "hook" }]);
  const log = await eventually(async () => {
    const trees = JSON.parse((await ask("/api/trees")).text) as readonly { tree: string; size: number }[];
    const { tree, size } = trees.find((one) => one.tree.startsWith("control/"))!;
    const { text } = await ask(`/trees/${tree}/tile/entries/000.p/${size}`);
    return text.includes("remove secret") ? text : null;
  });
  for (const change of ["set secret", "secret/hook", "remove secret"]) expect(log).toContain(change);
  for (const text of [listed.out, log]) expect(text).not.toContain(SECRET.slice(8, 40));
  expect(await readFile(join(data, "keys/secret.hook.json"), "utf8")).not.toContain(SECRET.slice(8, 40));
  // What could not be sent before is sent now.
  await eventually(() => received[0] ?? null);
});

it("a channel is tested, and its test arrives signed; the command says what became of it", async () => {
  const { id } = (await command("alerts", "test", "ops", "--json")).json<{ readonly id: string }>();
  expect(await eventually(() => received[1] ?? null)).toMatchObject({ type: "alert.test" });
  const delivered = await eventually(async () => {
    const { out } = await command("alerts", "notifications", "--state", "delivered");
    return out.includes(id) ? out : null;
  });
  expect(delivered).toContain("ops");
  const config = await command("alerts", "channels", "--json");
  expect(config.out).not.toContain(SECRET.slice(8));
  expect((await ask("/metrics")).text).toContain('tallystick_notifications_total{channel="ops",outcome="delivered"} 2');
});

it("a blocked credential stops at intake at once, for enforcers by list, events and decisions, until it is undone", async () => {
  const key = (await command("keys", "create", "--name", "orders", "--service", "orders", "--json")).json<{
    secret: string;
  }>();
  const producer = `Bearer ${key.secret}`;
  const send = async () => {
    const body =
      '{"timestamp":"2026-11-26T08:20:43Z","event_type":"API_CALL","service_id":"orders","status":"success"}';
    const headers = { "content-type": "application/json" };
    return (await server.fetch("/v1/records", { method: "POST", body, headers, authorization: producer })).status;
  };
  expect(await send()).toBe(200);
  const before = await ask("/v1/blocks");
  expect(JSON.parse(before.text)).toMatchObject({ list: { version: 1, fail: "closed", blocks: [] } });
  const follow = async (lastId?: string) => {
    const resumed = lastId === undefined ? {} : { "last-event-id": lastId };
    const headers = { accept: "text/event-stream", ...resumed };
    const events = await server.fetch("/v1/blocks", { headers, authorization: producer });
    return events.body!.getReader();
  };
  const next = async (reader: Awaited<ReturnType<typeof follow>>) => {
    const text = new TextDecoder().decode((await reader.read()).value);
    return { text, id: /^id: (\d+)$/m.exec(text)?.[1] };
  };
  const reader = await follow();
  const first = await next(reader);
  expect(first.text).toContain("event: blocks");

  const blocked = ["respond", "block", "--credential", "key:orders", "--reason", "stolen", "--for", "10m", "--json"];
  const { id } = (await command(...blocked)).json<{ readonly id: string }>();
  expect(await send()).toBe(403);
  expect((await command(...blocked)).json<{ readonly id: string }>().id).toBe(id);
  const etag = before.headers.get("etag")!;
  const after = await ask("/v1/blocks", { "if-none-match": etag });
  expect(after.status).toBe(200);
  expect(after.text).toContain('"credential_id":"key:orders"');
  expect((await ask("/v1/blocks", { "if-none-match": after.headers.get("etag")! })).status).toBe(304);
  const second = await next(reader);
  expect(second.text).toContain("key:orders");
  await reader.cancel();
  // Who missed a change is told at once, who knows the list when it changes.
  const behind = await follow(first.id);
  expect(await next(behind)).toEqual(second);
  await behind.cancel();
  const upToDate = await follow(second.id);
  const changed = next(upToDate);

  // A blocked credential is no enforcer's any more for sending, and still may ask what is blocked.
  const denied = await ask("/v1/decide", { "x-tallystick-credential": "key:orders" }, producer);
  expect([denied.status, denied.headers.get("x-tallystick-block")]).toEqual([403, id]);
  expect(denied.headers.get("cache-control")).toBe("max-age=2");
  expect(
    (await ask("/v1/decide/any/path", { "x-tallystick-key": key.secret, authorization: "Bearer abc" }, null)).status,
  ).toBe(200);
  await command("respond", "undo", id, "--reason", "false alarm");
  expect((await changed).text).not.toContain("key:orders");
  expect((await changed).id).not.toBe(second.id);
  await upToDate.cancel();
  expect(await send()).toBe(200);
  expect((await ask("/v1/decide", { "x-tallystick-credential": "key:orders" })).status).toBe(200);
});

it("a decision knows the client's credential by its Authorization header and by its certificate", async () => {
  const token = "sk_live_0123456789abcdef0123456789abcdef";
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ credential: `Bearer ${token}` });
  const found = await server.fetch("/api/credentials/fingerprint", { method: "POST", headers, body });
  const { credential_id: id } = (await found.json()) as { readonly credential_id: string };
  await command("respond", "block", "--credential", id, "--reason", "leaked");
  await command("respond", "block", "--credential", "ab".repeat(32), "--reason", "leaked");
  expect((await ask("/v1/decide", { "x-tallystick-authorization": `Bearer ${token}` })).status).toBe(403);
  expect((await ask("/v1/decide", { "x-tallystick-authorization": "Bearer another0123456789" })).status).toBe(200);
  expect((await ask("/v1/decide", { "x-forwarded-client-cert": `By=x;Hash=${"ab".repeat(32)};URI=y` })).status).toBe(
    403,
  );
  expect((await ask("/v1/decide", { "x-tallystick-certificate": `${"AB:".repeat(31)}AB` })).status).toBe(403);
});

it("what needs no words takes a request without a body", async () => {
  const post = async (path: string) => (await server.fetch(path, { method: "POST" })).status;
  expect(await post("/api/alerts/none/acknowledge")).toBe(404);
  expect(await post("/api/responses/none/undo")).toBe(404);
  expect(await post("/api/channels/none/test")).toBe(404);
});

it("a silence is placed and ended by its commands, and a webhook is called as a response", async () => {
  const placed = await command("silence", "place", "service=orders", "--for", "2h", "--comment", "a deploy", "--json");
  const { id } = placed.json<{ readonly id: string }>();
  expect((await command("silence", "list")).out).toContain('service="orders"');
  expect((await command("silence", "end", id)).out).toContain("expired");
  await command("respond", "webhook", "ops", "--reason", "page somebody");
  const asked = await eventually(() => received.find(({ type }) => type === "response.requested") ?? null);
  expect(asked.data).toMatchObject({ response: { action: "webhook channel=ops", reason: "page somebody" } });
});

it("who sees some services only knows of, silences and blocks nothing that is about others", async () => {
  const scope = { services: ["orders"] };
  const body = JSON.stringify({ name: "of-orders", role: "investigator", scope });
  const headers = { "content-type": "application/json" };
  const made = await server.fetch("/api/keys", { method: "POST", body, headers });
  const authorization = `Bearer ${((await made.json()) as { readonly secret: string }).secret}`;
  const send = async (method: string, path: string, content?: object) => {
    const response = await server.fetch(path, {
      method,
      authorization,
      ...(content === undefined ? {} : { headers, body: JSON.stringify(content) }),
    });
    return response.status;
  };
  const block = await command("respond", "block", "--service", "payroll-x", "--reason", "stolen", "--json");
  const { id } = block.json<{ readonly id: string }>();
  const placed = await command("silence", "place", "service=payroll-x", "--for", "1h", "--comment", "work", "--json");
  const { id: silence } = placed.json<{ readonly id: string }>();
  for (const path of ["/api/responses", "/api/silences", "/api/notifications", "/api/alerts"]) {
    const { status, text } = await ask(path, {}, authorization);
    expect([path, status, text.includes("payroll-x"), text.includes("key:orders")]).toEqual([path, 200, false, false]);
  }
  const wanted = (kind: string, target: object) => ({ kind, target, reason: "a test", dry_run: true });
  const until = { ends_at: new Date(Date.now() + 3_600_000).toISOString(), comment: "a test" };
  expect(await send("POST", "/api/responses", wanted("block_service", { service: "payroll-x" }))).toBe(403);
  expect(await send("POST", "/api/responses", wanted("block_credential", { credential_id: "key:other" }))).toBe(403);
  expect(await send("POST", `/api/responses/${id}/undo`, {})).toBe(404);
  expect(await send("POST", "/api/silences", { ...until, matchers: ["level=low"] })).toBe(403);
  expect(await send("DELETE", `/api/silences/${silence}`)).toBe(404);
  expect(await send("POST", "/api/responses", wanted("block_edge", { caller: "orders", callee: "payroll-x" }))).toBe(
    201,
  );
  expect(await send("POST", "/api/silences", { ...until, matchers: ["service=orders"] })).toBe(201);
  expect((await command("respond", "list")).out).toContain("payroll-x");
});
