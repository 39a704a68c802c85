/**
 * Attacks on the HTTP interface, each with the test that holds it; docs/threat-model.md points here. What is tried
 * below the routes is tested there: SQL in compile.test.ts, archives in decompress tests, redaction in record.
 */
import { gzipSync } from "node:zlib";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let logged = "";
const SLOW_MS = 5_000;

beforeAll(async () => {
  folder = await temporaryFolder();
  const dashboardFolder = `${folder.path}/dashboard`;
  await mkdir(dashboardFolder, { recursive: true });
  await writeFile(`${dashboardFolder}/index.html`, "<!doctype html><title>Tallystick</title>");
  await writeFile(`${folder.path}/outside.txt`, "outside");
  const openLog = () => pino({ level: "debug" }, { write: (text: string) => void (logged += text) });
  server = await startTestServer(`${folder.path}/data`, "", { ...withEngine(), dashboardFolder, openLog });
  await vi.waitUntil(async () => (await server.fetch("/readyz")).status === 200, { timeout: 30_000 });
  await server.fetch("/v1/records?wait=published", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      timestamp: new Date().toISOString(),
      event_type: "API_CALL",
      service_id: "orders",
      target_id: "payments",
      request_id: "r-1",
      status: "success",
    }),
  });
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

/** Bytes as they are, where fetch would mend them. */
function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk) => void (answer += chunk.toString("latin1")));
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
  });
}

const post = (body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>>) =>
  server.fetch("/v1/records", { method: "POST", body, headers });

describe("SQL", () => {
  it.each([
    "'; DROP TABLE records; --",
    "' OR 1=1 --",
    "\\' UNION SELECT * FROM system.tables --",
    "{p1:String}",
    "%27",
  ])("%j as any parameter finds nothing and breaks nothing", async (text) => {
    const value = encodeURIComponent(text);
    const quoted = encodeURIComponent(`service_id:"${text.replaceAll(/["\\]/g, "\\$&")}"`);
    for (const path of [
      `/api/search?q=${quoted}`,
      `/api/facets?q=*&fields=${value}`,
      `/api/timeline?service=${value}`,
      `/api/graph?service=${value}`,
      `/api/producers?producer_id=${value}`,
      `/api/traces/${value}`,
      `/api/calls/${value}`,
    ]) {
      const response = await server.fetch(path);
      expect([path, response.status < 500 || response.status === 503]).toEqual([path, true]);
      expect(await response.text()).not.toContain("r-1");
    }
    const left = await server.fetch("/api/export?q=*&own=true");
    expect(left.status === 200 || left.status === 503).toBe(true);
  });
});

describe("a path that climbs", () => {
  it.each([
    "/../outside.txt",
    "/..%2foutside.txt",
    "/%2e%2e/outside.txt",
    "/assets/..%5c..%5coutside.txt",
    "/trees/..%2f..%2f..%2f/2026-11/checkpoint",
    "/trees/default/..%2f..%2f..%2fadmin.token/checkpoint",
    "/trees/default/2026-11/tile/0/..%2f..%2f..%2f..%2f..%2fadmin.token",
    "/trees/default/2026-11/tile/entries/../../../../../admin.token",
    "/api/records/..%2f/2026-11/0",
    "/%00",
  ])("%s stays inside", async (path) => {
    const answer = await raw(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.adminToken}\r\nconnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d/);
    expect(answer).not.toContain(server.adminToken);
    expect(answer).not.toContain("outside\r\n");
  });
});

describe("line feeds", () => {
  it("in parameters make no header of an answer and no line of the log", async () => {
    const feed = encodeURIComponent("x\r\nset-cookie: a=b\r\n\r\n<script>");
    for (const path of [
      `/api/search?q=${feed}`,
      `/login?token=${feed}`,
      `/api/calls/${feed}`,
      `/trees/${feed}/x/chain`,
    ]) {
      const response = await server.fetch(path, { authorization: null });
      expect(response.headers.get("set-cookie")).toBeNull();
    }
    const agent = await raw(
      `GET /api/search HTTP/1.1\r\nhost: x\r\nuser-agent: a\u001b[31m\r\nconnection: close\r\n\r\n`,
    );
    expect(agent).toMatch(/^HTTP\/1\.1 4\d\d/);
    for (const line of logged.split("\n").filter((text) => text !== "")) expect(() => JSON.parse(line)).not.toThrow();
    expect(logged).not.toContain("\u001b");
  });

  it("in the name of a key or a user are refused", async () => {
    for (const path of ["/api/keys", "/api/users"]) {
      const body = JSON.stringify({ name: "a\nb", role: "viewer" });
      const response = await server.fetch(path, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
      });
      expect(response.status).toBe(400);
    }
  });
});

describe("a bomb", () => {
  it("of gzip is given up at the limit, not unpacked", async () => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(200 * 1024 * 1024)));
    const response = await post(bomb, { "content-type": "application/json", "content-encoding": "gzip" });
    expect(response.status).toBe(413);
  });

  it("of XML entities, and a file by an entity, come to nothing", async () => {
    const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join("");
    for (const doctype of [
      `<!DOCTYPE r [<!ENTITY l0 "ha">${laughs}]>`,
      `<!DOCTYPE r [<!ENTITY l9 SYSTEM "file://${folder.path}/outside.txt">]>`,
    ]) {
      const response = await post(`${doctype}<record><service_id>&l9;</service_id></record>`, {
        "content-type": "application/xml",
      });
      const text = await response.text();
      expect(response.status).toBe(400);
      expect(text).not.toContain("outside\n");
      expect(text.length).toBeLessThan(10_000);
    }
  });

  it("of nesting in JSON is refused", async () => {
    const response = await post("[".repeat(1_000_000), { "content-type": "application/json" });
    expect(response.status).toBe(400);
  });
});

describe("a text made to keep a regular expression busy", () => {
  it.each([
    ["a query", `/api/search?q=${encodeURIComponent(`${"a*".repeat(200)}b`)}`],
    ["a query of brackets", `/api/search?q=${"(".repeat(2_000)}`],
    ["a time", `/api/search?from=${"now-".repeat(2_000)}1`],
    ["a cursor", `/api/search?cursor=${"A".repeat(30_000)}`],
  ])("as %s is answered at once", async (_, path) => {
    const response = await server.fetch(path, { signal: AbortSignal.timeout(SLOW_MS) });
    expect(response.status).toBeLessThan(505);
  });

  it("as a header is refused at once", async () => {
    const bearer = await server.fetch("/api/search", {
      authorization: `Bearer ${" ".repeat(20_000)}x`,
      signal: AbortSignal.timeout(SLOW_MS),
    });
    expect(bearer.status).toBe(401);
  });
});

describe("a prototype", () => {
  it("is not changed by names in a body or a query", async () => {
    const body =
      '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"name":"p","role":"viewer"}';
    const made = await server.fetch("/api/users", {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    expect(made.status).toBe(400);
    const record =
      '{"timestamp":"2026-11-26T00:00:00Z","event_type":"API_CALL","service_id":"a","target_id":"b","request_id":"p-1","status":"success","attributes":{"__proto__":"x","constructor":"y"}}';
    await post(record, { "content-type": "application/json" });
    await server.fetch("/api/search?__proto__[polluted]=yes");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    const search = await server.fetch("/api/facets?q=*&fields=__proto__,constructor,toString");
    expect(search.status).toBeLessThan(504);
  });
});

describe("a request that the server would make for somebody", () => {
  it("is made for nobody: no route takes an address to ask", async () => {
    const api = (await (await server.fetch("/api/openapi.json")).json()) as {
      readonly paths: Record<string, Record<string, { readonly parameters?: readonly { readonly name: string }[] }>>;
    };
    const names = Object.values(api.paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ parameters = [] }) => parameters.map(({ name }) => name)),
    );
    expect(names.filter((name) => /url|uri|host|webhook|callback|redirect/i.test(name))).toEqual(["error_uri"]);
  });

  it("does not follow a forged Host into links", async () => {
    const answer = await raw(
      `POST /api/login-link HTTP/1.1\r\nhost: evil.example\r\nauthorization: Bearer ${server.adminToken}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 201/);
    expect(answer).not.toContain("evil.example");
  });
});

describe("another site", () => {
  it("cannot frame, sniff or read an answer, nor use a session for a change", async () => {
    const login = new URL(server.loginLink());
    const entered = await server.fetch(login.pathname + login.search, { authorization: null });
    const cookie = entered.headers.get("set-cookie")!.split(";")[0]!;
    for (const path of ["/", "/api/search", "/api/session"]) {
      const response = await server.fetch(path, {
        authorization: null,
        headers: { cookie, origin: "https://evil.example", accept: "text/html" },
      });
      expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      expect(response.headers.get("cross-origin-resource-policy")).toBe("same-origin");
    }
    const foreign = { cookie, origin: "https://evil.example", "content-type": "application/json" };
    for (const [method, path] of [
      ["POST", "/api/keys"],
      ["POST", "/api/users"],
      ["DELETE", "/api/session"],
      ["POST", "/api/device/decision"],
      ["POST", "/api/approvals/approval_0/approve"],
    ] as const) {
      const response = await server.fetch(path, { method, authorization: null, headers: foreign, body: "{}" });
      expect([path, response.status]).toEqual([path, 403]);
    }
  });
});

describe("a cache", () => {
  it("keeps no answer that depends on who asks", async () => {
    for (const path of ["/api/search", "/api/session", "/api/keys", "/api/users", "/api/status", "/api/approvals"]) {
      const response = await server.fetch(path);
      expect([path, response.headers.get("cache-control")]).toEqual([path, "no-store"]);
    }
    const tree = ((await (await server.fetch("/api/trees")).json()) as readonly { readonly tree: string }[])[0]!.tree;
    const entries = await server.fetch(`/trees/${tree}/tile/entries/000.p/1`);
    if (entries.ok) expect(entries.headers.get("cache-control")).toContain("private");
  });
});
