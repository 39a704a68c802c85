/**
 * A whole server and its peers on loopback: a webhook, syslog collectors over TCP and UDP and a file that get every
 * checkpoint, and proxies that speak PROXY protocol before HTTP.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createHttp } from "node:http";
import type { Server as HttpServer } from "node:http";
import { connect, createServer as createTcp } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "./machine.contract.ts";
import type { TestServer } from "./machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const RECORD = { timestamp: "2023-10-05T08:20:43Z", event_type: "API_CALL", service_id: "a", status: "success" };

interface Place {
  readonly tree: string;
  readonly first_index: number;
}

async function published(server: TestServer): Promise<Place> {
  const answer = await server.fetch("/v1/records?wait=published", {
    method: "POST",
    body: JSON.stringify(RECORD),
    headers: { "content-type": "application/json" },
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Place;
}

const portOf = (server: Server | HttpServer) => (server.address() as AddressInfo).port;

describe("copies of checkpoints", () => {
  const posted: { readonly tree: string; readonly text: string }[] = [];
  /** What the collectors took, whole connections and datagrams. */
  const streamed: string[] = [];
  const datagrams: string[] = [];
  let answerWith = 503;
  const webhook = createHttp((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => void (text += chunk.toString()));
    request.on("end", () => {
      if (answerWith === 200) posted.push({ tree: String(request.headers["tallystick-tree"]), text });
      response.writeHead(answerWith).end();
    });
  });
  const collector = createTcp((socket) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => void (text += chunk.toString()));
    socket.on("end", () => void streamed.push(text));
  });
  const receiver = createSocket("udp4", (message) => void datagrams.push(message.toString()));
  let server: TestServer;

  beforeAll(async () => {
    webhook.listen(0, "127.0.0.1");
    collector.listen(0, "127.0.0.1");
    receiver.bind(0, "127.0.0.1");
    await Promise.all([once(webhook, "listening"), once(collector, "listening"), once(receiver, "listening")]);
    const targets = [
      `{kind: webhook, to: "http://user:secret@127.0.0.1:${portOf(webhook)}/checkpoints?token=t", every: checkpoint}`,
      `{kind: syslog, to: "tcp://127.0.0.1:${portOf(collector)}", every: checkpoint}`,
      `{kind: syslog, to: "udp://127.0.0.1:${receiver.address().port}", every: checkpoint}`,
      "{kind: file, to: ../checkpoints, every: checkpoint}",
    ];
    const yaml = `ledger:\n  publish_interval_ms: 10\n  copies:\n${targets.map((target) => `    - ${target}\n`).join("")}`;
    server = await startTestServer(join(folder.path, "copies"), yaml);
  });
  afterAll(async () => {
    await server.close();
    webhook.close();
    collector.close();
    receiver.close();
  });

  it("reach every peer, the same note that the server serves, also one that was away", async () => {
    const { tree } = await published(server);
    await expect.poll(() => streamed.length * datagrams.length).toBeGreaterThan(0);
    const metrics = async () => (await server.fetch("/metrics")).text();
    await expect.poll(metrics).toMatch(/^tallystick_checkpoint_trouble_seconds\{step="[^"]*webhook[^"]*"\} [\d.]+$/m);
    answerWith = 200;
    await published(server);
    const note = await (await server.fetch(`/trees/${tree}/checkpoint`)).text();
    const escaped = note.replaceAll("\n", "\\n");
    await expect.poll(() => posted.map(({ text }) => text), { timeout: 30_000 }).toContain(note);
    await expect.poll(metrics).not.toContain("tallystick_checkpoint_trouble_seconds{");
    expect(posted.every((one) => one.tree === tree || one.tree.startsWith("control/"))).toBe(true);
    await expect.poll(() => datagrams.some((message) => message.endsWith(escaped))).toBe(true);
    await expect.poll(() => streamed.some((message) => message.endsWith(escaped))).toBe(true);
    for (const message of streamed) {
      const [, length, body = ""] = /^(\d+) (.*)$/s.exec(message)!;
      expect(Buffer.byteLength(body)).toBe(Number(length));
      expect(body).toMatch(/^<109>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ tallystick \d+ checkpoint - /);
    }
    const path = join(folder.path, "copies", "..", "checkpoints");
    await expect.poll(async () => (await readFile(path, "utf8")).includes(`${note}\n`)).toBe(true);
  });

  it("are counted without what is secret in a target", async () => {
    const metrics = await (await server.fetch("/metrics")).text();
    const status = await (await server.fetch("/api/status")).text();
    expect(metrics + status).not.toMatch(/secret|token=t/);
  });
});

describe("a proxy that speaks PROXY protocol", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer(join(folder.path, "proxied"), "  trusted_proxies: [127.0.0.1]\n");
  });
  afterAll(() => server.close());

  const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
  const V4 = Buffer.from([0x21, 0x11, 0, 12, 198, 51, 100, 7, 127, 0, 0, 1, 0x12, 0x34, 0, 80]);
  const V6_SOURCE = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
  const V6 = Buffer.from([0x21, 0x21, 0, 36, ...V6_SOURCE, ...V6_SOURCE, 0x12, 0x34, 0, 80]);

  /** Sends the pieces one after the other, two requests on the connection; gives both answers. */
  async function sources(pieces: readonly Buffer[], forwarded = ""): Promise<readonly (string | null)[]> {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.setNoDelay(true);
    let text = "";
    socket.on("data", (chunk: Buffer) => void (text += chunk.toString()));
    socket.on("error", () => {});
    for (const piece of pieces) await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    for (const connection of ["keep-alive", "close"]) socket.write(request(connection, forwarded));
    await once(socket, "close");
    const places = [...text.matchAll(/"tree":"([^"]+)","first_index":(\d+)/g)];
    return Promise.all(places.map(([, tree, index]) => sourceOf(`${tree}/${index}`)));
  }

  function request(connection: string, forwarded: string): string {
    const body = JSON.stringify(RECORD);
    const head = [
      "POST /v1/records?wait=published HTTP/1.1",
      "host: localhost",
      `authorization: Bearer ${server.adminToken}`,
      "content-type: application/json",
      `content-length: ${body.length}`,
      `connection: ${connection}`,
      ...(forwarded === "" ? [] : [forwarded]),
    ];
    return `${head.join("\r\n")}\r\n\r\n${body}`;
  }

  async function sourceOf(place: string): Promise<string | null> {
    const text = await (await server.fetch(`/api/records/${place}`)).text();
    return /"source_address":"([^"]+)"/.exec(text)?.[1] ?? null;
  }

  it("names the source of every request on its connection, in IPv4 and IPv6, also byte by byte", async () => {
    expect(await sources([SIGNATURE, V4])).toEqual(["198.51.100.7", "198.51.100.7"]);
    expect(await sources([SIGNATURE, V6])).toEqual(["2001:db8::7", "2001:db8::7"]);
    const bytes = Array.from(Buffer.concat([SIGNATURE, V4]), (byte) => Buffer.from([byte]));
    expect(await sources(bytes)).toEqual(["198.51.100.7", "198.51.100.7"]);
  });

  it("may send none, or say that it speaks for itself", async () => {
    expect(await sources([])).toEqual(["127.0.0.1", "127.0.0.1"]);
    expect(await sources([SIGNATURE, Buffer.from([0x20, 0, 0, 0])])).toEqual(["127.0.0.1", "127.0.0.1"]);
  });

  it("of another version is cut off, and the server goes on", async () => {
    expect(await sources([SIGNATURE, Buffer.from([0x31, 0x11, 0, 0])])).toEqual([]);
    expect(await sources([SIGNATURE, V4])).toHaveLength(2);
  });

  it("is not believed when it is not trusted: its bytes are no HTTP", async () => {
    const other = await startTestServer(join(folder.path, "untrusting"));
    try {
      const socket = connect(Number(new URL(other.url).port), "127.0.0.1");
      let text = "";
      socket.on("data", (chunk: Buffer) => void (text += chunk.toString()));
      socket.on("error", () => {});
      socket.write(Buffer.concat([SIGNATURE, V4, Buffer.from(request("close", ""))]));
      await once(socket, "close");
      expect(text).toMatch(/^HTTP\/1\.1 400 /);
      expect(text).not.toContain("first_index");
      const answer = await other.fetch("/v1/records", {
        method: "POST",
        body: JSON.stringify(RECORD),
        headers: { "content-type": "application/json", forwarded: "for=203.0.113.9", "x-forwarded-for": "203.0.113.9" },
      });
      const { tree, first_index: index } = (await answer.json()) as Place;
      const stored = await (await other.fetch(`/api/records/${tree}/${index}`)).text();
      expect(stored).toContain('"source_address":"127.0.0.1"');
    } finally {
      await other.close();
    }
  });

  it("that forwards for a client is believed behind its own header", async () => {
    expect(await sources([], "forwarded: for=203.0.113.9")).toEqual(["203.0.113.9", "203.0.113.9"]);
    expect(await sources([], "x-forwarded-for: 203.0.113.9, 203.0.113.10")).toEqual(["203.0.113.10", "203.0.113.10"]);
    // The PROXY header names a client that is not trusted, so what that client says of others is not believed.
    expect(await sources([SIGNATURE, V4], "x-forwarded-for: 203.0.113.9")).toEqual(["198.51.100.7", "198.51.100.7"]);
  });
});
