/** The port under TLS, also behind a proxy that speaks PROXY protocol before it. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

/** Of this test alone: opens nothing. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguFNM2wK6tAl0UQJM
+MDVBnBm2QwHv2eM8tw1mN/T2mGhRANCAATu0V3I4woRgBQkYq5PjRUd6GeX3QO6
xId5m1C4t3jtC5ru9Umw2IqLnLm+FQVd0q6tlOODCuUs+pT2QKa6FNZL
-----END PRIVATE KEY-----
`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUVJhIkDgNx812aALKW/q/phTlot8wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTAyMDQ1M1oYDzIxMjYxMTAx
MDIwNDUzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATu0V3I4woRgBQkYq5PjRUd6GeX3QO6xId5m1C4t3jtC5ru9Umw2IqL
nLm+FQVd0q6tlOODCuUs+pT2QKa6FNZLo28wbTAdBgNVHQ4EFgQUDBt7ar4rBaQY
8cc1lOktGfAnx4cwHwYDVR0jBBgwFoAUDBt7ar4rBaQY8cc1lOktGfAnx4cwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhALaoYhO/7wQjFL81amPlTVGgVp2X+p/vieTpnttr3jk+AiBm
C35ZbAnstQhRj5HT8mC1dgZEnYg1z54Bit3ICjsURQ==
-----END CERTIFICATE-----
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder.path, "key.pem"), KEY);
  await writeFile(join(folder.path, "certificate.pem"), CERTIFICATE);
  const files = ["tls_cert_file: ../certificate.pem", "tls_key_file: ../key.pem", "trusted_proxies: [127.0.0.1]"];
  server = await startTestServer(join(folder.path, "data"), files.map((line) => `  ${line}\n`).join(""));
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

async function ask(preamble: Buffer): Promise<string> {
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  if (preamble.length > 0) socket.write(preamble);
  const secure = connectTls({ socket, ca: CERTIFICATE, servername: "localhost" });
  await once(secure, "secureConnect");
  let answer = "";
  secure.on("data", (chunk: Buffer) => void (answer += chunk.toString()));
  const body = JSON.stringify({
    timestamp: "2023-10-05T08:20:43Z",
    event_type: "API_CALL",
    service_id: "a",
    status: "success",
  });
  const head = [
    "POST /v1/records?wait=published HTTP/1.1",
    "host: localhost",
    `authorization: Bearer ${server.adminToken}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
    "connection: close",
  ];
  secure.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  await once(secure, "close");
  return answer;
}

async function sourceOf(answer: string): Promise<string> {
  const { tree, first_index: index } = JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1)) as {
    readonly tree: string;
    readonly first_index: number;
  };
  const { port } = new URL(server.url);
  const secure = connectTls({ port: Number(port), host: "127.0.0.1", ca: CERTIFICATE, servername: "localhost" });
  let text = "";
  secure.on("data", (chunk: Buffer) => void (text += chunk.toString()));
  const head = [
    `GET /api/records/${tree}/${index} HTTP/1.1`,
    "host: localhost",
    `authorization: Bearer ${server.adminToken}`,
    "connection: close",
  ];
  secure.write(`${head.join("\r\n")}\r\n\r\n`);
  await once(secure, "close");
  return /"source_address":"([^"]+)"/.exec(text)?.[1] ?? text;
}

it("speaks TLS and says so in its links", async () => {
  expect(server.url).toMatch(/^https:/);
  expect(server.loginLink()).toMatch(/^https:/);
  const answer = await ask(Buffer.alloc(0));
  expect(answer).toContain("HTTP/1.1 200");
  expect(answer).toContain("strict-transport-security");
  expect(await sourceOf(answer)).toBe("127.0.0.1");
});

it("believes a trusted proxy's PROXY header that comes before TLS begins", async () => {
  const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
  const addresses = Buffer.from([0x21, 0x11, 0, 12, 198, 51, 100, 7, 127, 0, 0, 1, 0x12, 0x34, 0, 80]);
  const answer = await ask(Buffer.concat([signature, addresses]));
  expect(answer).toContain("HTTP/1.1 200");
  expect(await sourceOf(answer)).toBe("198.51.100.7");
});
