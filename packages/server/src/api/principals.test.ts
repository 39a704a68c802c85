/** Producers that prove who they are by certificate or JWT, what they are bound to, and names that are taken. */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeLeaf } from "@tallystick/record";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connectSecurely, testAuthority } from "../access/certificates.contract.ts";
import type { Answer, Pem, TestAuthority, TlsConnection } from "../access/certificates.contract.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let authority: TestAuthority;
let orders: Pem;
let stranger: Pem;
let issuer: Server;
let pair: Awaited<ReturnType<typeof generateKeyPair>>;
const open: TlsConnection[] = [];
const MONTH = new Date().toISOString().slice(0, 7);

beforeAll(async () => {
  folder = await temporaryFolder();
  authority = await testAuthority();
  orders = await authority.client({ uris: ["spiffe://prod.test/ns/shop/sa/orders"] });
  stranger = await authority.client({ dns: ["stranger.internal"] });
  const served = await authority.server();
  pair = await generateKeyPair("ES256");
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256" }] });
  issuer = createServer((_, response) => response.end(jwks));
  await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
  for (const [name, text] of Object.entries({
    "server.pem": served.certificate,
    "server.key": served.key,
    "ca.pem": authority.pem.certificate,
    "jwks.json": jwks,
  }))
    await writeFile(join(folder.path, name), text);
  server = await startTestServer(join(folder.path, "data"), configuration("accept"));
});
afterAll(async () => {
  for (const connection of open) await connection.close();
  await server.close();
  issuer.close();
  await folder.remove();
});

const configuration = (impersonation: string) => `tls: {cert: ../server.pem, key: ../server.key, client_ca: ../ca.pem}
access:
  impersonation: ${impersonation}
  jwt:
    - {name: idp, issuer: "https://idp.test/", audience: [tallystick], jwks: ../jwks.json, algorithms: [ES256]}
    - name: far
      issuer: "https://far.test/"
      audience: [tallystick]
      jwks: "http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks"
      algorithms: [ES256]
      bound: true
  principals:
    - {match: "spiffe://prod.test/ns/*/sa/{service}", services: ["{service}"]}
    - {match: "jwt:idp:reader", role: viewer}
    - {match: "jwt:*:{service}", services: ["{service}", "{service}-*"], log: tokens}
`;

const half = (service: string, more: object = {}) => ({
  timestamp: "2023-10-05T08:20:43Z",
  event_type: "API_CALL",
  side: "caller",
  service_id: service,
  target_id: "billing",
  status: "success",
  ...more,
});

async function connection(client: Pem | null, to = server): Promise<TlsConnection> {
  const shown = client === null ? {} : { cert: client.certificate, key: client.key };
  const made = await connectSecurely(to.url, { ca: authority.pem.certificate, ...shown });
  open.push(made);
  return made;
}

async function post(made: TlsConnection, record: object, token?: string): Promise<Answer> {
  const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return made.send("POST", "/v1/records", { "content-type": "application/json", ...bearer }, JSON.stringify(record));
}

function jwt(claims: object): Promise<string> {
  const whole = { iss: "https://idp.test/", aud: "tallystick", sub: "orders", ...claims };
  const unsigned = new SignJWT(whole).setProtectedHeader({ alg: "ES256", kid: "one" });
  return unsigned.setExpirationTime("5m").sign(pair.privateKey);
}

async function stored(answer: Answer): Promise<Record<string, unknown>> {
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  const { tree, first_index: index } = JSON.parse(answer.text.split("\r\n\r\n")[1]!) as Record<string, string>;
  const { observed } = decodeLeaf(Buffer.from((await leafAt(server, tree!, Number(index)))!));
  return { ...observed, tree };
}

async function leafAt(from: TestServer, tree: string, index: number): Promise<string | null> {
  const made = await connection(null, from);
  const headers = { authorization: `Bearer ${from.adminToken}` };
  const { status, text } = await made.send("GET", `/api/records/${tree}/${index}`, headers);
  if (status !== 200) return null;
  return (JSON.parse(text.slice(text.indexOf("\r\n\r\n"))) as { readonly leaf: string }).leaf;
}

/** What was raised, as [who, whose name, answer, count]. */
async function raised(from: TestServer): Promise<readonly (readonly unknown[])[]> {
  const found = [];
  for (let index = 0; ; index++) {
    const leaf = await leafAt(from, `control/${MONTH}`, index);
    if (leaf === null) return found;
    const { record } = decodeLeaf(Buffer.from(leaf));
    if (record.operation !== "impersonation") continue;
    const { "tallystick.answer": answer, "tallystick.count": count } = record.attributes ?? {};
    found.push([record.auth_subject, record.resource, answer, count]);
  }
}

describe("a producer is known", () => {
  it("by the SPIFFE id of its certificate, and speaks for the service that a rule finds in it", async () => {
    expect(await stored(await post(await connection(orders), half("orders")))).toMatchObject({
      principal: "spiffe://prod.test/ns/shop/sa/orders",
      standing: "authenticated",
      tree: `default/${MONTH}`,
    });
  });

  it("by a JWT of an issuer whose keys lie in a file, and its records go to the rule's log", async () => {
    const observed = await stored(await post(await connection(null), half("orders-eu"), await jwt({})));
    expect(observed).toMatchObject({ principal: "jwt:idp:orders", standing: "authenticated", tree: `tokens/${MONTH}` });
  });

  it("by a JWT whose keys come from a URL and which is bound to the certificate that is shown", async () => {
    const { X509Certificate } = await import("node:crypto");
    const thumbprint = Buffer.from(new X509Certificate(orders.certificate).fingerprint256.replaceAll(":", ""), "hex");
    const claims = { iss: "https://far.test/", sub: "stock", cnf: { "x5t#S256": thumbprint.toString("base64url") } };
    const token = await jwt(claims);
    expect(await stored(await post(await connection(orders), half("stock"), token))).toMatchObject({
      principal: "jwt:far:stock",
      standing: "authenticated",
    });
    for (const other of [null, stranger]) {
      const { status, text } = await post(await connection(other), half("stock"), token);
      expect(status).toBe(401);
      expect(text).toContain("bound to");
    }
    const unbound = await post(await connection(orders), half("stock"), await jwt({ iss: "https://far.test/" }));
    expect(unbound.text).toContain("not bound");
  });

  it("and may do nothing when no rule fits, and only what its role may", async () => {
    const { status, text } = await post(await connection(stranger), half("stranger"));
    expect(status).toBe(403);
    expect(text).toContain("dns:stranger.internal is proven");
    const reader = await connection(null);
    const headers = { authorization: `Bearer ${await jwt({ sub: "reader" })}` };
    expect((await reader.send("GET", "/api/status", headers)).status).toBe(200);
    expect((await reader.send("GET", "/api/keys", headers)).status).toBe(403);
    expect((await post(reader, half("x"), await jwt({ sub: "reader" }))).status).toBe(403);
  });

  it("by the token that it sends when it shows a certificate too, and a wrong token is not saved by one", async () => {
    const made = await connection(orders);
    expect(await stored(await post(made, half("orders"), await jwt({})))).toMatchObject({
      principal: "jwt:idp:orders",
    });
    const wrong = await post(made, half("orders"), await jwt({ aud: "elsewhere" }));
    expect(wrong.status).toBe(401);
    expect(wrong.text).toContain("aud");
  });

  it("not by a token that was revoked, by its id or by when it was issued, and each use of one is recorded", async () => {
    const made = await connection(null);
    const admin = { authorization: `Bearer ${server.adminToken}`, "content-type": "application/json" };
    const revoke = (body: object) =>
      made.send("POST", "/api/credentials/revoke", admin, JSON.stringify({ issuer: "idp", reason: "leaked", ...body }));
    const leaked = await jwt({ jti: "leaked-1" });
    const old = await jwt({ sub: "stock", iat: 1_700_000_000 });
    for (const [token, service] of [
      [leaked, "orders"],
      [old, "stock"],
    ] as const)
      expect((await post(made, half(service), token)).status).toBe(200);
    expect((await revoke({ jti: "leaked-1" })).status).toBe(201);
    expect((await revoke({ subject: "stock", issued_before: "2024-01-01T00:00:00Z" })).status).toBe(201);
    for (const token of [leaked, old]) {
      const { status, text } = await post(made, half("orders"), token);
      expect([status, text]).toEqual([401, expect.stringContaining("The token was revoked.")]);
    }
    expect((await post(made, half("orders"), await jwt({ jti: "another" }))).status).toBe(200);
    const fresh = Math.floor(Date.now() / 1_000);
    expect((await post(made, half("stock"), await jwt({ sub: "stock", iat: fresh }))).status).toBe(200);
    const denied: unknown[] = [];
    for (let index = 1; ; index++) {
      const leaf = await leafAt(server, `access/${MONTH}`, index);
      if (leaf === null || denied.length === 2) break;
      const { record } = decodeLeaf(Buffer.from(leaf));
      if (record.attributes?.["access.state"] !== "denied" || record.auth_subject === "jwt:idp:reader") continue;
      denied.push([record.auth_subject, record.auth_decision]);
    }
    expect(denied).toEqual([
      ["jwt:idp:orders", "deny"],
      ["jwt:idp:stock", "deny"],
    ]);
    const lost = JSON.stringify({ name: "lost", service: "orders" });
    const { text: answer } = await made.send("POST", "/api/keys", admin, lost);
    const { secret, id } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))) as {
      readonly secret: string;
      readonly id: string;
    };
    await made.send("DELETE", `/api/keys/${id}`, { authorization: `Bearer ${server.adminToken}` });
    expect((await post(made, half("orders"), secret)).text).toContain("The key was revoked.");
    const uses: unknown[] = [];
    for (let index = 1; ; index++) {
      const leaf = await leafAt(server, `control/${MONTH}`, index);
      if (leaf === null || uses.length === 3) break;
      const { record } = decodeLeaf(Buffer.from(leaf));
      if (record.operation === "revoked_use") uses.push([record.auth_subject, record.resource]);
    }
    expect(uses).toEqual([
      ["jwt:idp:orders", "credential/leaked-1"],
      ["jwt:idp:stock", "credential/jwt:idp:stock"],
      ["key:lost", `credential/${id}`],
    ]);
    for (const body of [{ issuer: "nobody", jti: "x" }, {}, { jti: "x", subject: "y" }])
      expect((await revoke(body)).status, JSON.stringify(body)).toBe(400);
    expect((await made.send("GET", "/api/credentials/revoked", admin)).text).toContain('"jti":"leaked-1"');
  });

  it("not by a certificate that a browser sends along for a page of others", async () => {
    const headers = { "content-type": "application/json", "sec-fetch-site": "cross-site" };
    const made = await connection(orders);
    expect((await made.send("POST", "/v1/records", headers, JSON.stringify(half("orders")))).status).toBe(403);
  });
});

describe("a name that is taken", () => {
  it("is stored as claimed and raised; speaking as itself about others is not", async () => {
    const made = await connection(orders);
    const taken = await post(made, half("billing", { recorder_id: "orders" }));
    expect(await stored(taken)).toMatchObject({ standing: "claimed" });
    expect(await stored(await post(made, { ...half("a"), side: "observer" }))).toMatchObject({ standing: "claimed" });
    expect(await stored(await post(made, { ...half("stock"), side: "" }))).toMatchObject({ standing: "claimed" });
    await expect
      .poll(() => raised(server))
      .toEqual([
        ["spiffe://prod.test/ns/shop/sa/orders", "service/billing", "accepted", "1"],
        ["spiffe://prod.test/ns/shop/sa/orders", "service/stock", "accepted", "1"],
      ]);
  });

  it("is refused where the configuration says so, whole, and the attempt is recorded before the answer", async () => {
    const strict = await startTestServer(join(folder.path, "strict"), configuration("refuse"));
    try {
      const made = await connection(orders, strict);
      const { status, text } = await post(made, [half("orders"), half("billing")] as never);
      expect(status).toBe(403);
      expect(text).toContain('"code":"impersonation"');
      expect(text).toContain("Record 2 speaks for billing");
      expect(await raised(strict)).toEqual([
        ["spiffe://prod.test/ns/shop/sa/orders", "service/billing", "refused", "1"],
      ]);
      expect(await leafAt(strict, `default/${MONTH}`, 1)).toBeNull();
      expect((await post(made, half("orders"))).status).toBe(200);
      const otlp = { resourceSpans: [spanOf("orders"), spanOf("billing")] };
      const headers = { "content-type": "application/json" };
      expect((await made.send("POST", "/v1/traces", headers, JSON.stringify(otlp))).status).toBe(403);
    } finally {
      await strict.close();
    }
  });
});

const spanOf = (service: string) => ({
  resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
  scopeSpans: [
    {
      spans: [
        {
          traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
          spanId: "00f067aa0ba902b7",
          name: "GET",
          kind: 3,
          startTimeUnixNano: "1696494043000000000",
          endTimeUnixNano: "1696494043100000000",
        },
      ],
    },
  ],
});
