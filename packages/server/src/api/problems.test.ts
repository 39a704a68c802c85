/** Whatever is wrong with a request, the answer is a problem that says what, with a code that is documented. */
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ERROR_CODES } from "../errors.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { errorPages } from "./error-pages.ts";
import type { Problem } from "./errors.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`, "  request_timeout_s: 1\nintake:\n  max_body_bytes: 4096\n");
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const json = { "content-type": "application/json" };
const gzip = { ...json, "content-encoding": "gzip" };
const large = JSON.stringify({ note: "x".repeat(5_000) });

const CASES: readonly (readonly [
  says: string,
  method: string,
  path: string,
  init: RequestInit,
  status: number,
  code: string,
])[] = [
  ["an unknown path", "GET", "/api/nowhere", {}, 404, "not_found"],
  ["an unknown path of another kind", "POST", "/nowhere", {}, 404, "not_found"],
  ["a method that the path does not take", "PUT", "/v1/records", {}, 405, "method_not_allowed"],
  ["another one", "DELETE", "/api/search", {}, 405, "method_not_allowed"],
  ["a method with parameters in the path", "POST", "/api/records/default/2026-11/0", {}, 405, "method_not_allowed"],
  ["a tree that is not there", "GET", "/api/records/default/1999-01/0", {}, 404, "not_found"],
  ["an index that is no number", "GET", "/api/records/default/2026-11/abc", {}, 400, "bad_request"],
  ["an unknown parameter", "GET", "/api/search?form=now-1h", {}, 400, "bad_request"],
  ["a parameter out of bounds", "GET", "/api/search?limit=1001", {}, 400, "bad_request"],
  ["a query that cannot be read", "GET", "/api/search?q=status%3A(", {}, 400, "query_syntax"],
  ["a time that is none", "GET", "/api/search?from=yesterday", {}, 400, "bad_request"],
  ["a cursor that is none", "GET", "/api/search?cursor=abc", {}, 400, "cursor_invalid"],
  ["an index that is down", "GET", "/api/search", {}, 503, "index_unavailable"],
  ["a query with broken encoding", "GET", "/api/search?q=%zz", {}, 400, "bad_request"],
  ["a URL with broken encoding", "GET", "/api/%zz", {}, 400, "bad_request"],
  [
    "a body of no known type",
    "POST",
    "/v1/records",
    { body: "x", headers: { "content-type": "text/csv" } },
    415,
    "unsupported_media_type",
  ],
  [
    "another charset",
    "POST",
    "/v1/records",
    { body: "[]", headers: { "content-type": "application/json; charset=latin1" } },
    415,
    "unsupported_media_type",
  ],
  [
    "an unknown encoding",
    "POST",
    "/v1/records",
    { body: "x", headers: { ...json, "content-encoding": "br" } },
    415,
    "unsupported_encoding",
  ],
  ["a body that is not what it says", "POST", "/v1/records", { body: "{", headers: json }, 400, "malformed_body"],
  ["a body that is no gzip", "POST", "/v1/records", { body: "{}", headers: gzip }, 400, "malformed_body"],
  ["a body above the limit", "POST", "/v1/records", { body: large, headers: json }, 413, "body_too_large"],
  ["a key without a name", "POST", "/api/keys", { body: "{}", headers: json }, 400, "bad_request"],
  [
    "a key with an unknown field",
    "POST",
    "/api/keys",
    { body: '{"name":"a","service":"a","admin":true}', headers: json },
    400,
    "bad_request",
  ],
  ["a key whose body is broken", "POST", "/api/keys", { body: "{", headers: json }, 400, "malformed_body"],
  ["a key that is not there", "DELETE", "/api/keys/key_0", {}, 404, "not_found"],
  [
    "a long idempotency key",
    "POST",
    "/v1/records",
    { body: "[]", headers: { ...json, "idempotency-key": "k".repeat(256) } },
    400,
    "bad_request",
  ],
  ["a used login link", "GET", "/login?token=abc", {}, 401, "unauthenticated"],
  [
    "a key of no known type",
    "POST",
    "/api/keys",
    { body: "x", headers: { "content-type": "text/plain" } },
    415,
    "unsupported_media_type",
  ],
  [
    "an OTLP body of no known type",
    "POST",
    "/v1/traces",
    { body: "x", headers: { "content-type": "text/plain" } },
    415,
    "unsupported_media_type",
  ],
];

describe("the answer is a problem", () => {
  it.each(CASES)("to %s", async (_, method, path, init, status, code) => {
    const response = await server.fetch(path, { method, ...init });
    expect(response.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    const problem = (await response.json()) as Problem;
    expect(problem).toMatchObject({ status, code, type: `urn:tallystick:error:${code}` });
    expect(response.status).toBe(status);
    expect(problem.detail).not.toBe("");
    expect(problem.hint).not.toBe("");
    expect(response.headers.get("retry-after") !== null).toBe(status === 503 || status === 429);
  });

  it.each([
    ["/api/search?form=now-1h", "The query string is not valid: form is not known here."],
    ["/api/search?order=up", "The query string is not valid: order must be one of newest, oldest, desc, asc."],
    ["/api/search?limit=1001", "The query string is not valid: limit must be <= 1000."],
    ["/api/facets", "The query string is not valid: fields is missing."],
    ["/v1/records?wait=forever", "The query string is not valid: wait must be published."],
  ])("and names what is wrong with %s, and what may be", async (path, detail) => {
    const method = path.startsWith("/v1") ? "POST" : "GET";
    const response = await server.fetch(path, { method, ...(method === "POST" ? { body: "[]", headers: json } : {}) });
    expect(await response.json()).toMatchObject({ code: "bad_request", detail });
  });

  it("and names the methods that a path takes", async () => {
    expect((await server.fetch("/v1/records")).headers.get("allow")).toBe("POST");
  });

  it("to a request that does not arrive whole in time", async () => {
    const head = `POST /v1/records HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.adminToken}\r\ncontent-type: application/json\r\n`;
    const answer = await raw(`${head}content-length: 100\r\n\r\n[`);
    expect(answer).toContain("HTTP/1.1 408");
    expect(answer).toContain('"code":"request_timeout"');
  });

  it("to what is no HTTP", async () => {
    const answer = await raw("what is this\r\n\r\n");
    expect(answer).toContain("HTTP/1.1 400");
    expect(answer).toContain("application/problem+json");
  });

  it("to headers that are too long", async () => {
    const answer = await raw(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: ${"a".repeat(70_000)}\r\n\r\n`);
    expect(answer).toContain("HTTP/1.1 431 Request Header Fields Too Large");
    expect(answer).toContain('"code":"headers_too_large"');
  });

  it("to HTTP/1.1 without a Host, and to an expectation of another kind", async () => {
    const noHost = await raw("GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n");
    expect(noHost).toContain("HTTP/1.1 400");
    expect(noHost).toContain('"code":"bad_request"');
    const expecting = await raw("GET /healthz HTTP/1.1\r\nhost: x\r\nexpect: foo\r\n\r\n");
    expect(expecting).toContain("HTTP/1.1 417");
    expect(expecting).toContain('"code":"expectation_failed"');
  });

  it("to an endless body, before it ends", async () => {
    const head = `POST /v1/records HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.adminToken}\r\ncontent-type: application/json\r\n`;
    const chunk = `${(4_000).toString(16)}\r\n${" ".repeat(4_000)}\r\n`;
    const answer = await raw(`${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(3)}`);
    expect(answer).toMatch(/HTTP\/1.1 (413|408)/);
  });
});

async function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.on("data", (chunk: Buffer) => void (answer += chunk.toString()));
  socket.write(text);
  await once(socket, "close");
  return answer;
}

describe("docs/errors", () => {
  const folderOfPages = new URL("../../../../docs/errors/", import.meta.url);

  it("has a page for every code and for nothing else, as the table says it", async () => {
    const pages = errorPages();
    expect([...pages.keys()].sort()).toEqual(["README.md", ...ERROR_CODES.map((code) => `${code}.md`)].sort());
    expect((await readdir(folderOfPages)).sort()).toEqual([...pages.keys()].sort());
    for (const [name, text] of pages) expect(await readFile(new URL(name, folderOfPages), "utf8")).toBe(text);
  });
});
