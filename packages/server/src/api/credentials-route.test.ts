import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { decodeLeaf } from "@tallystick/record";

import { runLine } from "../cli/command-line.contract.ts";
import { inlineCompute } from "../compute/inline.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let logged = "";

beforeAll(async () => {
  folder = await temporaryFolder();
  const lines = new Writable({
    write(chunk: Buffer, _, done) {
      logged += chunk.toString();
      done();
    },
  });
  server = await startTestServer(folder.path, "", {
    openLog: () => pino({ level: "trace" }, lines),
    openCompute: inlineCompute,
  });
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const asJson = { "content-type": "application/json" };
const SECRET = "s3cr3t-Of-The-Payments-Service-9931";
const TREE = () => `default/${new Date().toISOString().slice(0, 7)}`;
let next = 1;

async function stored(fields: object): Promise<string | undefined> {
  const record = {
    timestamp: "2026-11-26T08:00:00Z",
    event_type: "API_CALL",
    service_id: "a",
    status: "success",
    ...fields,
  };
  const body = JSON.stringify(record);
  expect((await server.fetch("/v1/records?wait=published", { method: "POST", body, headers: asJson })).status).toBe(
    200,
  );
  const { leaf } = (await (await server.fetch(`/api/records/${TREE()}/${next}`)).json()) as { leaf: string };
  next += 1;
  return decodeLeaf(Buffer.from(leaf)).record.credential_id;
}

async function idOf(credential: string) {
  const body = JSON.stringify({ credential });
  const response = await server.fetch("/api/credentials/fingerprint", { method: "POST", body, headers: asJson });
  return { status: response.status, answer: (await response.json()) as Record<string, string | null> };
}

const header = (name: string, value: string) => ({ attributes: { [`http.request.header.${name}`]: value } });

describe("a credential that one holds", () => {
  test.each([
    ["a bearer token", header("authorization", `Bearer ${SECRET}`), SECRET],
    ["an API key", header("x-api-key", SECRET), SECRET],
    ["the whole header", header("authorization", `Bearer ${SECRET}`), `bearer  ${SECRET}\n`],
    [
      "a key in place of its name",
      { credential_id: "ghp_0123456789abcdefghijABCDEFGHIJ012345" },
      "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    ],
    [
      "an AWS signature",
      header(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261126/eu/s3/aws4_request, Signature=ab",
      ),
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261126/eu/s3/aws4_request, Signature=ab",
    ],
  ])("is known by the id that records of it have: %s", async (_, fields, credential) => {
    const id = await stored(fields);
    expect(id).toMatch(/^(fp:[0-9a-f]{32}|AKIA\w+)$/);
    expect(await idOf(credential)).toMatchObject({ status: 200, answer: { credential_id: id, principal: null } });
  });

  test("is one of this server's own keys when it is one", async () => {
    const body = JSON.stringify({ name: "orders", service: "orders" });
    const made = await server.fetch("/api/keys", { method: "POST", body, headers: asJson });
    const { secret } = (await made.json()) as { secret: string };
    expect(await idOf(secret)).toMatchObject({ answer: { kind: "fingerprint", principal: "key:orders" } });
  });

  test("is refused with no word of it when it names nothing", async () => {
    for (const [credential, status] of [
      ["Digest username=x secret words", 400],
      ["", 400],
      ["-----BEGIN CERTIFICATE-----\nxx", 400],
    ] as const)
      expect((await idOf(credential)).status).toBe(status);
    const digest = await idOf(`Digest username=x ${SECRET}`);
    expect(JSON.stringify(digest.answer)).not.toContain(SECRET);
  });

  test("asked for on the command line goes into no URL, no record and no line of the log", async () => {
    const urls: string[] = [];
    const fetchSeen: typeof fetch = (input, init) => {
      urls.push(input instanceof Request ? input.url : input.toString());
      return fetch(input, init);
    };
    const words = [
      "search",
      "--credential-stdin",
      "--json",
      "--url",
      server.url,
      "--token",
      server.adminToken,
      "status:success",
    ];
    const { out, err } = await runLine(words, { fetch: fetchSeen, readStdin: async () => `${SECRET}\n` });
    // There is no engine here: what counts is what was asked.
    const { answer } = await idOf(SECRET);
    const asked = new URL(urls.find((url) => url.includes("/api/search"))!).searchParams.get("q");
    expect(asked).toBe(`(status:success) AND credential_id:"${answer["credential_id"]}"`);
    const empty = await runLine(words, { fetch: fetchSeen, readStdin: async () => "\n" });
    expect(empty.exitCode).toBe(2);
    const leaves = await (await server.fetch(`/trees/access/${new Date().toISOString().slice(0, 7)}/chain`)).text();
    expect(leaves).not.toContain(SECRET);
    await server.close();
    const files = (await readdir(folder.path, { recursive: true, withFileTypes: true })).filter((file) =>
      file.isFile(),
    );
    const texts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "latin1")));
    for (const text of [...urls, out, err, logged, ...texts]) expect(text).not.toContain(SECRET);
    expect(logged).toContain("/api/credentials/fingerprint");
    server = await startTestServer(folder.path);
  });
});
