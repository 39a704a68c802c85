import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";

import { realClock } from "../real-clock.ts";
import { trustedProxies } from "./client-address.ts";
import { acceptProxyHeaders, parseProxyHeader } from "./proxy-protocol.ts";
import type { RefusedHeader } from "./proxy-protocol.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const ipv4 = (source: readonly number[]): Buffer =>
  Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0, 12, ...source, 127, 0, 0, 1, 0x12, 0x34, 0, 80])]);
const ipv6 = (source: readonly number[]): Buffer =>
  Buffer.concat([
    SIGNATURE,
    Buffer.from([0x21, 0x21, 0, 36, ...source, ...Array.from({ length: 16 }, () => 0), 1, 1, 2, 2]),
  ]);
const local = Buffer.concat([SIGNATURE, Buffer.from([0x20, 0, 0, 0])]);

describe("a PROXY header", () => {
  it("gives the source that it names", () => {
    expect(parseProxyHeader(ipv4([198, 51, 100, 7]))).toEqual({ kind: "header", length: 28, source: "198.51.100.7" });
    const address = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    expect(parseProxyHeader(ipv6(address))).toEqual({ kind: "header", length: 52, source: "2001:db8::1" });
    const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3];
    expect(parseProxyHeader(ipv6(mapped))).toMatchObject({ source: "10.1.2.3" });
    expect(parseProxyHeader(local)).toEqual({ kind: "header", length: 16, source: null });
  });

  it("is incomplete at every cut, and nothing else", () => {
    const header = ipv4([198, 51, 100, 7]);
    for (let length = 1; length < header.length; length++) {
      expect(parseProxyHeader(header.subarray(0, length)).kind).toBe("incomplete");
    }
  });

  it("is never seen in bytes that do not begin with its signature, and never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const found = parseProxyHeader(Buffer.concat([SIGNATURE, bytes]));
        expect(["header", "incomplete", "malformed"]).toContain(found.kind);
        if (bytes[0] !== 13 && bytes.length > 0) expect(parseProxyHeader(Buffer.from(bytes)).kind).toBe("none");
      }),
    );
  });
});

describe("a server behind PROXY protocol", () => {
  let server: Server | null = null;
  afterEach(() => void server?.close());

  async function answer(
    trusted: readonly string[],
    chunks: readonly Buffer[],
    onRefused: (refused: RefusedHeader) => void = () => undefined,
  ): Promise<string> {
    const http = createServer();
    const connections = acceptProxyHeaders(http, trustedProxies(trusted), realClock(), onRefused);
    http.on("request", (request, response) => {
      const { remoteAddress = "", remotePort = 0 } = request.socket;
      response.end(`seen ${connections.sourceOf(remoteAddress, remotePort) ?? "nobody"}`);
    });
    server = http;
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const socket = connect((http.address() as AddressInfo).port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk: Buffer) => void (text += chunk.toString()));
    for (const chunk of chunks) await new Promise<void>((resolve) => socket.write(chunk, () => setImmediate(resolve)));
    await once(socket, "close");
    return text;
  }

  const request = Buffer.from("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");

  it("believes a trusted peer's header, in one piece or many", async () => {
    const header = ipv4([198, 51, 100, 7]);
    expect(await answer(["127.0.0.1"], [Buffer.concat([header, request])])).toContain("seen 198.51.100.7");
    expect(await answer(["127.0.0.1"], [header.subarray(0, 5), header.subarray(5), request])).toContain(
      "seen 198.51.100.7",
    );
  });

  it("serves a trusted peer that sends none", async () => {
    expect(await answer(["127.0.0.1"], [request])).toContain("seen nobody");
    expect(await answer(["127.0.0.1"], [local, request])).toContain("seen nobody");
  });

  it("closes a trusted peer's connection whose header is malformed, and says so", async () => {
    const told: RefusedHeader[] = [];
    const wrong = Buffer.from(ipv4([198, 51, 100, 7]));
    wrong[12] = 0x31;
    expect(await answer(["127.0.0.1"], [wrong, request], (refused) => told.push(refused))).toBe("");
    expect(told).toEqual([{ proxy: "127.0.0.1", why: "malformed", connections: 1 }]);
  });

  it("reads none from a stranger, who gets 400", async () => {
    const text = await answer([], [Buffer.concat([ipv4([198, 51, 100, 7]), request])]);
    expect(text).toContain("400");
    expect(text).not.toContain("seen");
  });
});
