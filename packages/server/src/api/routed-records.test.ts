/** Classes of data with logs of their own: `logs[].match`, from the request to the proofs and bodies. */
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { folderWork } from "../folder-work.ts";
import { signBatch } from "../intake/sign-batch.contract.ts";
import { folderRequest, startTestServer, temporaryFolder, testMachine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

const YAML = `logs:
  - { name: cards, keep: 12 months, match: [{ service: pay, operation: "POST /cards*" }, { data_category: pci }] }
  - { name: chatter, keep: 30 days, match: [{ operation: "GET /healthz" }] }
`;

interface Tree {
  readonly tree: string;
  readonly first_index: number | null;
  readonly count: number;
  readonly duplicates: number;
  readonly lines: readonly (readonly [number, number])[];
}
interface Answer extends Omit<Tree, "tree" | "lines"> {
  readonly tree: string | null;
  readonly trees?: readonly Tree[];
  readonly rejected: readonly { readonly line: number; readonly code: string; readonly message: string }[];
  readonly proofs?: readonly { readonly tree: string; readonly leaf_index: number; readonly proof: string }[];
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let month: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(join(folder.path, "data"), YAML);
  month = new Date().toISOString().slice(0, 7);
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const asJson = { "content-type": "application/json" };
const tree = (log: string) => `${log}/${month}`;
const call = (number: number, operation: string, more: object = {}) => ({
  id: `018b0000-0000-7000-8000-${String(number).padStart(12, "0")}`,
  timestamp: "2026-11-26T08:00:00Z",
  event_type: "API_CALL",
  service_id: "shop",
  target_id: "pay",
  operation,
  status: "success",
  ...more,
});

async function send(records: unknown, headers: Readonly<Record<string, string>> = {}, query = "", token?: string) {
  const response = await server.fetch(`/v1/records${query}`, {
    method: "POST",
    body: JSON.stringify(records),
    headers: { ...asJson, ...headers },
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

it("records of one request land in the logs of their classes, each with its place, proof and body there", async () => {
  const records = [
    call(1, "GET /orders"),
    call(2, "POST /cards", { request_body: "card of line 2" }),
    call(3, "GET /orders", { status: "no such" }),
    call(4, "GET /healthz"),
    call(5, "POST /cards/7", { response_body: "card of line 5" }),
    call(6, "GET /orders", { data_categories: ["pci"], request_body: "order of line 6" }),
  ];
  const { status, answer } = await send(records, {}, "?wait=published");
  expect(status).toBe(200);
  expect(answer).toMatchObject({ tree: null, first_index: null, count: 5, duplicates: 0 });
  expect(answer.rejected.map(({ line }) => line)).toEqual([3]);
  // Each tree begins with the leaf that opens it.
  const places = [
    { tree: tree("default"), first_index: 1, count: 1, duplicates: 0, lines: [[1, 1]] },
    {
      tree: tree("cards"),
      first_index: 1,
      count: 3,
      duplicates: 0,
      lines: [
        [2, 2],
        [5, 6],
      ],
    },
    { tree: tree("chatter"), first_index: 1, count: 1, duplicates: 0, lines: [[4, 4]] },
  ];
  expect(answer.trees).toEqual(places);
  const operations = [];
  for (const { tree: of, leaf_index: index, proof } of answer.proofs!) {
    const stored = (await (await server.fetch(`/api/records/${of}/${index}`)).json()) as { record: { id: string } };
    operations.push([of, stored.record.id.slice(-1)]);
    expect(proof).toContain("c2sp.org/tlog-proof@v1");
  }
  expect(operations).toEqual([
    [tree("default"), "1"],
    [tree("cards"), "2"],
    [tree("chatter"), "4"],
    [tree("cards"), "5"],
    [tree("cards"), "6"],
  ]);
  for (const [at, part, text] of [
    [1, "request", "card of line 2"],
    [2, "response", "card of line 5"],
    [3, "request", "order of line 6"],
  ] as const) {
    const response = await server.fetch(`/api/records/${tree("cards")}/${at}/payload?part=${part}&reason=test`);
    expect(((await response.json()) as { readonly text: string }).text).toBe(text);
  }
  expect(existsSync(join(folder.path, "data/payload/cards", month))).toBe(true);
  expect(existsSync(join(folder.path, "data/payload/default"))).toBe(false);
  // A retry stores nothing in any of them, and names where all of it lies.
  const again = await send(records.toReversed(), {}, "?wait=published");
  expect(again.answer).toMatchObject({ tree: null, count: 0, duplicates: 5 });
  expect(again.answer.proofs!.map(({ tree: of, leaf_index: index }) => [of, index])).toEqual(
    answer.proofs!.map(({ tree: of, leaf_index: index }) => [of, index]).toReversed(),
  );
});

it("what is sent again after `match` was changed is stored once, where it is", async () => {
  const YAML_OF_BEFORE = YAML;
  const bodies = { request_body: "a card that is sent again", response_body: { base64: "AAEC" } };
  const records = [call(50, "GET /orders"), call(51, "POST /cards", bodies), call(52, "GET /healthz")];
  const first = (await send(records)).answer;
  await server.close();
  // Another run, with bodies of its own, lies between.
  server = await startTestServer(join(folder.path, "data"), YAML);
  await send([call(54, "POST /cards", { request_body: "another card" })]);
  await server.close();
  const changed = YAML_OF_BEFORE.replace('operation: "POST /cards*"', 'operation: "GET /orders"');
  server = await startTestServer(join(folder.path, "data"), changed);
  const again = (await send([...records, call(53, "GET /orders")])).answer;
  expect(again).toMatchObject({ count: 1, duplicates: 3 });
  const placesOf = (answer: Answer) => answer.trees!.map(({ tree: of, count, duplicates }) => [of, count, duplicates]);
  expect(placesOf(first).map(([of]) => of)).toEqual([tree("default"), tree("cards"), tree("chatter")]);
  const places = [
    [tree("cards"), 0, 1],
    [tree("cards"), 1, 0],
    [tree("chatter"), 0, 1],
    [tree("default"), 0, 1],
  ];
  expect(placesOf(again)).toHaveLength(places.length);
  expect(placesOf(again)).toEqual(expect.arrayContaining(places));
  // Nothing of it changed: other bytes under the same id are a record of their own, where it would go now.
  const { answer: other } = await send([call(51, "POST /cards", { ...bodies, request_body: "not that card" })]);
  expect([other.tree, other.count]).toEqual([tree("default"), 1]);
  await server.close();
  server = await startTestServer(join(folder.path, "data"), YAML);
});

it("one id in two logs is two records, and in one log with other content a conflict", async () => {
  expect((await send([call(20, "GET /orders")])).answer).toMatchObject({ tree: tree("default"), count: 1 });
  expect((await send([call(20, "POST /cards")])).answer).toMatchObject({ tree: tree("cards"), count: 1 });
  const other = (await send([call(20, "POST /cards", { status: "error" })])).answer;
  const stored = await server.fetch(`/api/records/${tree("cards")}/${other.first_index}`);
  expect(await stored.json()).toMatchObject({ observed: { conflict: true } });
});

it("a key that names a log writes there alone; one that names none is routed", async () => {
  const keyOf = async (name: string, more: object) => {
    const body = JSON.stringify({ name, service: "shop", ...more });
    const response = await server.fetch("/api/keys", { method: "POST", body, headers: asJson });
    return ((await response.json()) as { readonly secret: string }).secret;
  };
  const [own, routed] = [await keyOf("own", { log: "own" }), await keyOf("routed", {})];
  const records = [call(30, "GET /orders"), call(31, "POST /cards")];
  expect((await send(records, {}, "", own)).answer).toMatchObject({ tree: tree("own"), count: 2 });
  expect((await send(records, {}, "", routed)).answer.trees?.map((one) => one.tree)).toEqual([
    tree("default"),
    tree("cards"),
  ]);
});

it("a signed batch lies whole in one log, with its signature, or is refused at the record that parts it", async () => {
  const pair = generateKeyPairSync("ed25519");
  const pem = pair.publicKey.export({ type: "spki", format: "pem" });
  const body = JSON.stringify({ name: "shop", service: "shop", alg: "ed25519", public_key: pem });
  const made = await server.fetch("/api/batch-keys", { method: "POST", body, headers: asJson });
  const { kid } = (await made.json()) as { readonly kid: string };
  const numbered = (number: number, operation: string) => ({
    ...call(number, operation),
    attempt: 0,
    phase: "outcome",
    producer_epoch: "run",
    producer_id: "shop-1",
    producer_seq: number,
    protocol: "http",
    recorder_id: "shop",
    request_id: `r-${number}`,
    side: "caller",
    timestamp: "2026-11-26T08:00:00Z",
  });
  const sendSigned = (records: readonly ReturnType<typeof numbered>[]) =>
    send(records, { "tallystick-signature": signBatch(records, { kid, alg: "ed25519", key: pair.privateKey }) });
  const parted = await sendSigned([numbered(40, "POST /cards"), numbered(41, "GET /orders"), numbered(42, "GET /x")]);
  expect(parted.status).toBe(400);
  expect(parted.answer).toMatchObject({ count: 0, rejected: [{ line: 2, code: "signed_batch_parted" }] });
  const whole = [numbered(40, "POST /cards"), numbered(41, "POST /cards/9")];
  const { status, answer } = await sendSigned(whole);
  expect([status, answer.tree, answer.count]).toEqual([200, tree("cards"), 2]);
  const signature = await server.fetch(`/api/records/${tree("cards")}/${answer.first_index! + 2}`);
  expect(await signature.json()).toMatchObject({ record: { event_type: "BATCH_SIGNATURE", credential_id: kid } });
});

it.each([
  ["of our own log", "logs: [{name: access, match: [{service: a}]}]", /takes Tallystick's own records only/],
  ["that says nothing", "logs: [{name: a, match: [{}]}]", /says nothing to match/],
  ["of no class", "logs: [{name: a, match: [{data_class: secret}]}]", /none of public, /],
  ["of no category", "logs: [{name: a, match: [{data_category: pcl*}]}]", /none of pii, /],
])("a match %s is refused at the start", async (_, yaml, message) => {
  await expect(startTestServer(join(folder.path, "refused"), `${yaml}\n`)).rejects.toThrow(message);
});

it("verify finds all of it proven, producers' signatures too", async () => {
  await server.close();
  const known = { vkey: null, since: null, integrityKey: null, producers: true };
  const result = await folderWork(testMachine()).verify(
    folderRequest(join(folder.path, "data"), YAML),
    known,
    () => {},
  );
  expect(result.faults).toEqual([]);
  expect(result).toMatchObject({ producers: { batches: 1, verified: 1, records: 2 } });
});
