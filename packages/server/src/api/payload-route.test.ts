import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { AuditRecord } from "@tallystick/record";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

const BODY = "a body that nobody else has: 4f1c9e";
const RULES = `payloads:
  rules:
    - { operation: "GET /proof", keep: digest }
classify:
  - { operation: "POST /*", data_class: restricted }
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let tree: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`, RULES);
  const call = { timestamp: "2026-11-26T08:00:00Z", event_type: "API_CALL", service_id: "shop", status: "success" };
  const records = [
    { ...call, target_id: "pay", operation: "POST /cards", request_body: BODY, response_body: "created" },
    { ...call, target_id: "pay", operation: "GET /proof", request_body: BODY },
    { ...call, target_id: "pay", operation: "GET /own", request_payload: `sha256:${"0".repeat(64)}` },
  ];
  const answer = await send(records);
  tree = answer.tree;
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

async function send(records: unknown): Promise<{ readonly tree: string; readonly count: number }> {
  const response = await server.fetch("/v1/records", {
    method: "POST",
    body: JSON.stringify(records),
    headers: { "content-type": "application/json" },
  });
  expect(response.status).toBe(200);
  return (await response.json()) as { tree: string; count: number };
}

async function open(
  index: number,
  query: string,
  init = {},
): Promise<{ readonly status: number; readonly body: Body }> {
  const response = await server.fetch(`/api/records/${tree}/${index}/payload?${query}`, init);
  return { status: response.status, body: (await response.json()) as Body };
}
interface Body {
  readonly code?: string;
  readonly text?: string;
  readonly salt: string;
  readonly commitment: string;
}

const recordAt = async (index: number, of = tree): Promise<AuditRecord> => {
  const response = await server.fetch(`/api/records/${of}/${index}`);
  return ((await response.json()) as { record: AuditRecord }).record;
};

it("a body is given out with what proves it, after the record of who opened it and why", async () => {
  const { status, body } = await open(1, "part=request&reason=case%2017%20token%3Dabcdefgh");
  expect([status, body.text]).toEqual([200, BODY]);
  const { request_payload: commitment, data_class: dataClass } = await recordAt(1);
  expect(dataClass).toBe("restricted");
  expect(body.commitment).toBe(commitment);
  const salted = createHash("sha256").update(Buffer.from(body.salt, "hex")).update(BODY).digest("hex");
  expect(commitment).toBe(`sha256:${salted}`);
  expect(await recordAt(1, tree.replace("default", "access"))).toMatchObject({
    event_type: "ACCESS",
    auth_subject: "admin",
    attributes: { "access.payloads": `${tree}:1/request`, "access.reason": "case 17 token=[redacted:secret]" },
  });
  const digest = await open(2, "part=request&reason=proof");
  expect(digest.body).not.toHaveProperty("text");
  const proven = createHash("sha256").update(Buffer.from(digest.body.salt, "hex")).update(BODY).digest("hex");
  expect(digest.body.commitment).toBe(`sha256:${proven}`);
});

it.each<[string, number, string, number]>([
  ["without a reason", 1, "part=request", 400],
  ["with a blank one", 1, "part=request&reason=%20", 400],
  ["of no part", 1, "part=both&reason=x", 400],
  ["that the record does not have", 2, "part=response&reason=x", 404],
  ["that its producer keeps", 3, "part=request&reason=x", 404],
  ["of no record", 99, "part=request&reason=x", 404],
])("a body %s is not given out", async (_, index, query, status) => {
  expect((await open(index, query)).status).toBe(status);
});

it("bodies lie in no file in the clear, and survive a restart", async () => {
  server = await server.restart();
  expect((await open(1, "part=response&reason=again")).body.text).toBe("created");
  for (const name of await readdir(folder.path, { recursive: true, withFileTypes: true })) {
    if (name.isFile()) expect((await readFile(join(name.parentPath, name.name))).includes(BODY)).toBe(false);
  }
});

it("the same record sent again stores neither it nor its body twice", async () => {
  const record = {
    id: "00000000-0000-8000-8000-0000000000aa",
    timestamp: "2026-11-26T08:00:00Z",
    event_type: "API_CALL",
    service_id: "shop",
    status: "success",
    request_body: "once",
  };
  expect(await send(record)).toMatchObject({ count: 1, duplicates: 0 });
  expect(await send([record, record])).toMatchObject({ count: 0, duplicates: 2 });
  server = await server.restart();
  expect(await send(record)).toMatchObject({ count: 0, duplicates: 1 });
  expect(await send({ ...record, request_body: "twice" })).toMatchObject({ count: 1, duplicates: 0 });
});
