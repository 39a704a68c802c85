import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { verifyServer } from "@tallystick/verify";
import { canonicalOf, decodeLeaf, parseBatchSignature } from "@tallystick/record";

import { folderWork } from "../folder-work.ts";
import { signBatch } from "../intake/sign-batch.contract.ts";
import type { BatchSigner } from "../intake/sign-batch.contract.ts";
import { folderRequest, startTestServer, temporaryFolder, testMachine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const signers: Record<string, BatchSigner> = {};
const pair = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");

const asJson = { "content-type": "application/json" };

async function makeKey(name: string, alg: "ed25519" | "hmac-sha256", publicKey?: KeyObject) {
  const pem = publicKey === undefined ? {} : { public_key: publicKey.export({ type: "spki", format: "pem" }) };
  const body = JSON.stringify({ name, service: "orders", alg, ...pem });
  const response = await server.fetch("/api/batch-keys", { method: "POST", body, headers: asJson });
  expect(response.status).toBe(201);
  return (await response.json()) as { kid: string; secret: string | null };
}

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(folder.path);
  const ed = await makeKey("orders-ed", "ed25519", pair.publicKey);
  expect(ed.secret).toBeNull();
  signers["ed25519"] = { kid: ed.kid, alg: "ed25519", key: pair.privateKey };
  const mac = await makeKey("orders-mac", "hmac-sha256");
  expect(mac.secret).toMatch(/^tsh_/);
  signers["hmac-sha256"] = { kid: mac.kid, alg: "hmac-sha256", key: mac.secret! };
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

/** In normal form already: what would be stored. */
function record(producer: string, number: number, fields: object = {}) {
  const tail = `${Buffer.from(producer).toString("hex").padEnd(6, "0").slice(-6)}${String(number).padStart(6, "0")}`;
  return {
    attempt: 0,
    event_type: "API_CALL",
    id: `01a2168e-0000-7000-8000-${tail}`,
    operation: "GET /orders/{id}",
    phase: "outcome",
    producer_epoch: "run-1",
    producer_id: producer,
    producer_seq: number,
    protocol: "http",
    recorder_id: "orders",
    request_id: `r-${number}`,
    service_id: "orders",
    side: "caller",
    status: "success",
    target_id: "billing",
    timestamp: "2026-11-26T08:00:00Z",
    ...fields,
  };
}
const many = (producer: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => record(producer, from + at));
const lines = (records: readonly object[]) => records.map((one) => canonicalOf(one)).join("\n");

async function post(body: string, signature: string | null, type = "application/x-ndjson") {
  const headers = { "content-type": type, ...(signature === null ? {} : { "tallystick-signature": signature }) };
  const response = await server.fetch("/v1/records", { method: "POST", body, headers });
  return { status: response.status, answer: (await response.json()) as Record<string, never> };
}

async function leaves(): Promise<readonly ReturnType<typeof decodeLeaf>[]> {
  const trees = (await (await server.fetch("/api/trees")).json()) as { tree: string; size: number }[];
  const found: ReturnType<typeof decodeLeaf>[] = [];
  for (const { tree, size } of trees.filter(({ tree: name }) => name.startsWith("default/")))
    for (let index = 0; index < size; index += 1) {
      const { leaf } = (await (await server.fetch(`/api/records/${tree}/${index}`)).json()) as { leaf: string };
      found.push(decodeLeaf(Buffer.from(leaf)));
    }
  return found;
}

async function published(): Promise<void> {
  const body = JSON.stringify({ ...record("flush", 0), id: crypto.randomUUID() });
  await server.fetch("/v1/records?wait=published", { method: "POST", body, headers: asJson });
}

describe.each(["ed25519", "hmac-sha256"])("a batch signed with %s", (alg) => {
  test("is stored with one record of its signature, however often it is sent", async () => {
    const records = many(`p-${alg}`, 20);
    const signature = signBatch(records, signers[alg]!);
    expect(await post(lines(records), signature)).toMatchObject({ status: 200, answer: { count: 20 } });
    expect(await post(lines(records), signature)).toMatchObject({ status: 200, answer: { count: 0, duplicates: 20 } });
    // Half of it again, under a signature of its own, as JSON with spaces.
    const half = records.slice(0, 10);
    const pretty = JSON.stringify(half, null, 2);
    expect(await post(pretty, signBatch(half, signers[alg]!), "application/json")).toMatchObject({ status: 200 });
    await published();
    const all = await leaves();
    const kept = all.filter((leaf) => leaf.record.event_type === "BATCH_SIGNATURE" && leaf.record.status === "success");
    const own = kept.filter((leaf) => leaf.record.credential_id === signers[alg]!.kid);
    expect(own.map((leaf) => leaf.record.attributes!["tallystick.batch_signature"])).toEqual([
      signature,
      signBatch(half, signers[alg]!),
    ]);
    const stored = all.filter((leaf) => leaf.record.producer_id === `p-${alg}`);
    expect(stored).toHaveLength(20);
    for (const { observed } of stored)
      expect(observed.signature).toEqual({ alg, kid: signers[alg]!.kid, verified: true });
  });

  test.each([
    [
      "a record that was changed after it was signed",
      (records: object[]) => (records[3] = { ...records[3], status: "denied" }),
    ],
    ["two records in each other's place", (records: object[]) => records.reverse()],
    ["one record less", (records: object[]) => records.pop()],
    ["one record more", (records: object[]) => records.push(record(`q-${alg}`, 8))],
    ["a record twice", (records: object[]) => (records[1] = records[0]!)],
  ])("is refused whole with %s", async (_, change) => {
    const records: object[] = many(`q-${alg}`, 8);
    const signature = signBatch(records as never, signers[alg]!);
    change(records);
    const { status, answer } = await post(lines(records), signature);
    expect(status).toBe(400);
    expect(answer["count"] ?? 0).toBe(0);
    await published();
    expect((await leaves()).filter((leaf) => leaf.record.producer_id === `q-${alg}`)).toEqual([]);
  });
});

describe("a signed batch", () => {
  const signer = () => signers["ed25519"]!;

  test.each([
    ["an id that the server would fill in", { id: undefined }, "id"],
    ["a secret that would be redacted", { resource: "/login?password=hunter2hunter2" }, "resource"],
    ["an empty field", { region: "" }, "region"],
    ["a time in another form", { timestamp: "2026-11-26T08:00:00.000Z" }, "timestamp"],
    ["a number as a string", { attempt: "0" }, "attempt"],
    ["another recorder than its key speaks for", { recorder_id: "billing", side: "callee" }, "recorder_id"],
    ["another producer's number", { producer_seq: 7 }, "producer_seq"],
  ])("that has %s names line and field", async (_, fields, field) => {
    const records = [record("n", 0), { ...record("n", 1), ...fields } as never];
    const text = records.map((one) => JSON.stringify(one)).join("\n");
    const signature = signBatch([record("n", 0), record("n", 1)], signer());
    const { status, answer } = await post(text, signature);
    expect(status).toBe(400);
    const rejected = answer["rejected"] as unknown as { line: number; code: string; message: string }[];
    expect(rejected[0]).toMatchObject({ line: 2, message: expect.stringContaining(field) as string });
    expect(JSON.stringify(answer)).not.toContain("hunter2");
  });

  test("by a stranger's key, an unknown one, or with a broken text is 400, and the attempt is a record", async () => {
    const records = many("s", 3);
    const right = signBatch(records, signer());
    const parsed = parseBatchSignature(right);
    expect(parsed).toMatchObject({ kind: "ok", value: { claim: { first_seq: 0, last_seq: 2 } } });
    const wrong: readonly [string, string][] = [
      ["the signature is not one of this key", signBatch(records, { ...signer(), key: stranger.privateKey })],
      ["no batch key of its kid", signBatch(records, { ...signer(), kid: "bsk_0" })],
      ["its key is for hmac-sha256", signBatch(records, { ...signer(), kid: signers["hmac-sha256"]!.kid })],
      ["its claim is not", `${right.split(".")[0]}.AAAA.${right.split(".")[2]}`],
      ["it is not v1", right.replace("v1.", "v2.")],
      ["over 2 records, and the request has 3", signBatch(records.slice(0, 2), signer())],
      ["root that was signed", signBatch(records, signer(), { root: "0".repeat(64) })],
    ];
    for (const [why, header] of wrong) {
      const { status, answer } = await post(lines(records), header);
      expect([status, answer["code"]]).toEqual([400, "signature_invalid"]);
      expect(answer["detail"]).toContain(why);
    }
    await published();
    const all = await leaves();
    expect(all.filter((leaf) => leaf.record.producer_id === "s")).toEqual([]);
    const refused = all.filter(
      (leaf) => leaf.record.event_type === "BATCH_SIGNATURE" && leaf.record.status === "denied",
    );
    for (const [why] of wrong) {
      const told = refused.find((leaf) => leaf.record.error_message?.includes(why));
      expect(told?.record, why).toMatchObject({ auth_subject: "admin", auth_decision: "deny" });
    }
    expect(await post(lines(records), right)).toMatchObject({ status: 200, answer: { count: 3 } });
  });

  test("by a revoked key is refused, and what it signed before is still checked", async () => {
    const records = many("before", 2);
    const { kid, secret } = await makeKey("revoked", "hmac-sha256");
    const key: BatchSigner = { kid, alg: "hmac-sha256", key: secret! };
    expect((await post(lines(records), signBatch(records, key))).status).toBe(200);
    expect((await server.fetch(`/api/batch-keys/${kid}`, { method: "DELETE" })).status).toBe(200);
    const later = many("after", 2);
    const { answer } = await post(lines(later), signBatch(later, key));
    expect(answer["detail"]).toContain("revoked");
  });

  test("is checked again from the log by `verify --producers`, and survives rotation of the KMS key", async () => {
    expect((await server.fetch("/api/kms/rotate", { method: "POST" })).status).toBe(200);
    server = await server.restart();
    const records = many("p-rotated", 5);
    expect((await post(lines(records), signBatch(records, signers["hmac-sha256"]!))).status).toBe(200);
    await published();
    // The same by URL, where HMACs need their secrets; one was given to nobody here.
    const http = { fetch, wait: () => Promise.resolve() };
    const secrets = new Map([[signers["hmac-sha256"]!.kid, signers["hmac-sha256"]!.key as string]]);
    const { url, adminToken: token } = server;
    const byUrl = await verifyServer({ url, token, http, producers: { secrets } });
    expect([byUrl.faults, byUrl.producers]).toEqual([
      [],
      expect.objectContaining({ batches: 7, verified: 6, notChecked: 1 }),
    ]);
    await server.close();
    const known = { vkey: null, since: null, integrityKey: null, producers: true };
    const result = await folderWork(testMachine()).verify(folderRequest(folder.path), known, () => {});
    expect(result.faults).toEqual([]);
    // Twenty and half of them by each algorithm, three, two, five.
    expect(result).toMatchObject({
      producers: { batches: 7, verified: 7, notChecked: 0, erased: 0, records: 2 * 30 + 10 },
    });
    server = await startTestServer(folder.path);
  });
});
