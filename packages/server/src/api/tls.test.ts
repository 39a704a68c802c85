/** The port under TLS: versions, client certificates, files that change, and a proxy before it. */
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connectSecurely, testAuthority, validDays } from "../access/certificates.contract.ts";
import type { Pem, TestAuthority, TlsConnection } from "../access/certificates.contract.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let authority: TestAuthority;
let other: TestAuthority;
let orders: Pem;
const open: TlsConnection[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  [authority, other] = [await testAuthority(), await testAuthority("other authority")];
  orders = await authority.client({ name: "orders", uris: ["spiffe://example.test/orders"] });
  await put(await authority.server());
  await writeFile(join(folder.path, "ca.pem"), authority.pem.certificate);
  server = await startTestServer(
    join(folder.path, "data"),
    [
      "  trusted_proxies: [127.0.0.1]",
      "tls: {cert: ../server.pem, key: ../server.key, client_ca: ../ca.pem, reload_s: 1,",
      "  client_required: {routes: ['POST /api/login-link', '/api/keys/{id}'], logs: [default]}}",
      "",
    ].join("\n"),
  );
});
afterAll(async () => {
  for (const connection of open) await connection.close();
  await server.close();
  await folder.remove();
});

/** As a certificate's renewal does: whole files, one after the other. */
async function put({ certificate, key }: Pem): Promise<void> {
  for (const [name, text] of [
    ["server.key", key],
    ["server.pem", certificate],
  ] as const) {
    await writeFile(join(folder.path, `${name}.new`), text);
    await rename(join(folder.path, `${name}.new`), join(folder.path, name));
  }
}

async function connection(client: Pem | null, ca = authority, more: object = {}): Promise<TlsConnection> {
  const certificate = client === null ? {} : { cert: client.certificate, key: client.key };
  const made = await connectSecurely(server.url, { ca: ca.pem.certificate, ...certificate, ...more });
  open.push(made);
  return made;
}

const admin = () => ({ authorization: `Bearer ${server.adminToken}` });
const json = () => ({ ...admin(), "content-type": "application/json" });
const RECORD = JSON.stringify({
  timestamp: "2023-10-05T08:20:43Z",
  event_type: "API_CALL",
  service_id: "a",
  status: "success",
});

describe("the port under TLS", () => {
  it("says so in its links, and speaks 1.2 and 1.3 and nothing older", async () => {
    expect(server.url).toMatch(/^https:/);
    expect(server.loginLink()).toMatch(/^https:/);
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const made = await connection(null, authority, { minVersion: version, maxVersion: version });
      expect(made.socket.getProtocol()).toBe(version);
      const { status, text } = await made.send("GET", "/healthz");
      expect(status).toBe(200);
      expect(text).toContain("strict-transport-security");
    }
    const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" };
    await expect(connection(null, authority, old)).rejects.toThrow(/protocol|alert|version/i);
  });

  it("goes on after bytes that are no TLS, and after a handshake that is never ended", async () => {
    const port = Number(new URL(server.url).port);
    for (const bytes of [
      "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
      "\u0016\u0003\u0001\u0000",
      "\r\n\r\n\u0000\r\nQUIT",
    ]) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(bytes, "latin1");
      if (bytes.startsWith("GET")) await once(socket, "close");
      socket.destroy();
    }
    expect((await (await connection(null)).send("GET", "/healthz")).status).toBe(200);
  });

  it.each([
    ["", [198, 51, 100, 7], "198.51.100.7"],
    [", whose client's own header it is not,", [198, 51, 100, 8], "198.51.100.8"],
    [", and the proxy's before it,", [127, 0, 0, 1], "203.0.113.9"],
  ])("believes a trusted proxy's PROXY header%s that comes before TLS begins", async (told, source, expected) => {
    const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
    const addresses = Buffer.from([0x21, 0x11, 0, 12, ...source, 127, 0, 0, 1, 0x12, 0x34, 0, 80]);
    const forwarded = told === "" ? {} : { "x-forwarded-for": "203.0.113.9" };
    const tls = { ca: authority.pem.certificate, cert: orders.certificate, key: orders.key };
    const made = await connectSecurely(server.url, tls, Buffer.concat([signature, addresses]));
    open.push(made);
    const stored = await made.send("POST", "/v1/records?wait=published", { ...json(), ...forwarded }, RECORD);
    expect(stored.status).toBe(200);
    const { tree, first_index: index } = JSON.parse(stored.text.split("\r\n\r\n")[1]!) as Record<string, string>;
    expect((await made.send("GET", `/api/records/${tree}/${index}`, admin())).text).toContain(
      `"source_address":"${expected}"`,
    );
  });
});

/** A record that is routed to a log that wants a certificate, and one beside it that is not. */
async function refusesRouted(strict: TestServer, headers: { readonly authorization: string }): Promise<void> {
  const without = await connectSecurely(strict.url, { ca: authority.pem.certificate });
  open.push(without);
  const asJson = { ...headers, "content-type": "application/json" };
  const card = { ...(JSON.parse(RECORD) as object), operation: "POST /cards" };
  const refused = await without.send("POST", "/v1/records", asJson, `[${RECORD},${JSON.stringify(card)}]`);
  expect(refused.status).toBe(401);
  expect(refused.text).toMatch(/certificate_required.*Record 2 goes to the log cards/);
  const alone = await without.send("POST", "/v1/records", asJson, RECORD);
  expect(alone.text).toMatch(/"first_index":1,"count":1/);
  const shown = await connectSecurely(strict.url, {
    ca: authority.pem.certificate,
    cert: orders.certificate,
    key: orders.key,
  });
  open.push(shown);
  expect((await shown.send("POST", "/v1/records", asJson, JSON.stringify(card))).text).toMatch(/"tree":"cards\//);
}

describe("a client certificate", () => {
  it("may be left out, but for the paths and logs that are named", async () => {
    const made = await connection(null);
    expect((await made.send("GET", "/api/keys", admin())).status).toBe(200);
    for (const [method, path] of [
      ["POST", "/api/login-link"],
      ["DELETE", "/api/keys/key_0"],
      ["POST", "/v1/records"],
      ["GET", "/trees/default/2026-11/checkpoint"],
      ["GET", "/api/records/default/2026-11/0"],
    ] as const) {
      const { status, text } = await made.send(
        method,
        path,
        path === "/v1/records" ? json() : admin(),
        path === "/v1/records" ? RECORD : "",
      );
      expect([path, status]).toEqual([path, 401]);
      expect(text).toContain("certificate_required");
    }
    const shown = await connection(orders);
    expect((await shown.send("POST", "/api/login-link", admin())).status).toBe(201);
    expect((await shown.send("POST", "/v1/records", json(), RECORD)).status).toBe(200);
  });

  it("that does not check is refused with the reason, whatever else is shown, and never where nobody is asked", async () => {
    const expired = await authority.client({ ...validDays(-3, -2) });
    const forServers = await authority.server();
    const ambiguous = await authority.client({ uris: ["spiffe://a.test/one", "spiffe://a.test/two"] });
    for (const [client, why] of [
      [expired, "expired"],
      [await other.client({}), "None of the authorities"],
      [forServers, "not issued for clients"],
      [ambiguous, "more than one SPIFFE id"],
    ] as const) {
      const made = await connection(client);
      const { status, text } = await made.send("GET", "/api/keys", admin());
      expect(status).toBe(401);
      expect(text).toContain("certificate_refused");
      expect(text).toContain(why);
      expect((await made.send("GET", "/healthz")).status).toBe(200);
    }
  });

  it("that is revoked is refused, also over a connection that is open; a list that is out of date lets in nobody", async () => {
    const list = join(folder.path, "crl.pem");
    const gone = await authority.client({ uris: ["spiffe://example.test/gone"] });
    await writeFile(list, await authority.revoked([]));
    const yaml = `tls: {cert: ../server.pem, key: ../server.key, client_ca: ../ca.pem, client_crl: ../crl.pem, reload_s: 1,
  client_required: {logs: [cards]}}
logs: [{name: cards, match: [{operation: 'POST /cards'}]}]
`;
    const strict = await startTestServer(join(folder.path, "revoking"), yaml);
    try {
      const headers = { authorization: `Bearer ${strict.adminToken}` };
      await refusesRouted(strict, headers);
      const ask = async (client: Pem) => {
        const made = await connectSecurely(strict.url, {
          ca: authority.pem.certificate,
          cert: client.certificate,
          key: client.key,
        });
        open.push(made);
        return (await made.send("GET", "/api/keys", headers)).text;
      };
      const before = await connectSecurely(strict.url, {
        ca: authority.pem.certificate,
        cert: gone.certificate,
        key: gone.key,
      });
      open.push(before);
      expect((await before.send("GET", "/api/keys", headers)).status).toBe(200);
      await writeFile(list, await authority.revoked([gone]));
      await expect.poll(() => ask(gone), { timeout: 15_000, interval: 200 }).toContain("It is revoked.");
      expect((await before.send("GET", "/api/keys", headers)).status).toBe(503);
      expect(await ask(orders)).toContain("200 OK");
      await writeFile(list, await authority.revoked([gone], -1));
      await expect.poll(() => ask(orders), { timeout: 15_000, interval: 200 }).toContain("out of date");
    } finally {
      await strict.close();
    }
  }, 40_000);

  it("is kept by a session that is resumed", async () => {
    const tls = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" };
    const first = await connection(orders, authority, tls);
    expect((await first.send("POST", "/api/login-link", admin())).status).toBe(201);
    const again = await connection(orders, authority, { ...tls, session: first.session() });
    expect(again.socket.isSessionReused()).toBe(true);
    expect((await again.send("POST", "/api/login-link", admin())).status).toBe(201);
    const without = await connection(null, authority, tls);
    expect((await without.send("GET", "/healthz")).status).toBe(200);
    const resumed = await connection(null, authority, { ...tls, session: without.session() });
    expect(resumed.socket.isSessionReused()).toBe(true);
    expect((await resumed.send("POST", "/api/login-link", admin())).status).toBe(401);
  });
});

describe("files that change", () => {
  it("are served to new connections while open ones go on; what cannot be used changes nothing", async () => {
    const before = await connection(orders);
    const serial = () => connection(null).then((made) => made.socket.getPeerCertificate().serialNumber);
    const first = before.socket.getPeerCertificate().serialNumber;
    await writeFile(join(folder.path, "server.pem"), "-----BEGIN CERTIFICATE-----\nhalf");
    const renewed = await authority.server();
    expect(await serial()).toBe(first);
    await put(renewed);
    await expect.poll(serial, { timeout: 15_000, interval: 200 }).not.toBe(first);
    expect((await before.send("POST", "/api/login-link", admin())).status).toBe(201);
  }, 20_000);

  it("of authorities end what they no longer vouch for, also over open and resumed connections", async () => {
    const before = await connection(orders);
    const anonymous = await connection(null);
    expect((await before.send("GET", "/api/keys", admin())).status).toBe(200);
    await writeFile(join(folder.path, "ca.pem"), other.pem.certificate);
    const status = async () => (await (await connection(orders)).send("GET", "/api/keys", admin())).status;
    await expect.poll(status, { timeout: 15_000, interval: 200 }).toBe(401);
    const stale = await before.send("GET", "/api/keys", admin());
    expect(stale.status).toBe(503);
    expect(stale.text).toContain("connection_stale");
    expect((await anonymous.send("GET", "/api/keys", admin())).status).toBe(200);
    const resumed = await connection(orders, authority, { session: before.session() });
    expect((await resumed.send("GET", "/api/keys", admin())).status).toBe(401);
    const fromOther = await connection(await other.client({}));
    expect((await fromOther.send("POST", "/api/login-link", admin())).status).toBe(201);
  }, 20_000);
});
