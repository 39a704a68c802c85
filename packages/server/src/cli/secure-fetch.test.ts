import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";

import { testAuthority } from "../access/certificates.contract.ts";
import { connectTo } from "./client.ts";
import { secureFetch } from "./secure-fetch.ts";

let server: Server;
let url: string;
let shown: string;
beforeAll(async () => {
  const { certificate, key } = await (await testAuthority()).server();
  shown = sha256Of(certificate);
  // Each answer ends its connection, as a server does that has nothing to do for a while.
  server = createServer({ cert: certificate, key }, (_request, response) => {
    response.writeHead(200, { connection: "close", "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const sha256Of = (pem: string) => new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();

async function clientOf(pinned: string) {
  const fetch = (await secureFetch({ environment: {} }, {}, pinned))!;
  return connectTo({ url, token: "token", fetch }, fetch);
}

it("believes the certificate that the folder names on every connection, not on the first alone", async () => {
  const client = await clientOf(shown);
  for (let count = 0; count < 3; count += 1) expect(await client.get("/api/status")).toEqual({});
});

it("sends nothing to a port with another certificate, and says what that means", async () => {
  const client = await clientOf(sha256Of((await (await testAuthority()).server()).certificate));
  await expect(client.get("/api/status")).rejects.toMatchObject({
    code: "unreachable",
    message: "The port shows another certificate than the data folder names.",
    hint: "Another program has the port, or the server of this folder was killed. Nothing was sent to it.",
  });
});
