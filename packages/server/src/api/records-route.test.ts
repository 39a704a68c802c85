import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { decodeLeaf } from "@tallystick/record";
import { verifyProof } from "@tallystick/verify";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`);
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const RECORD = {
  timestamp: "2023-10-05T08:20:43Z",
  event_type: "API_CALL",
  service_id: "service-a",
  target_id: "service-b",
  request_id: "xyz-123",
  status: "success",
};

const ID = "018b0000-0000-7000-8000-000000000001";

interface Answer {
  readonly tree: string;
  readonly first_index: number | null;
  readonly count: number;
  readonly duplicates: number;
  readonly rejected: readonly { readonly line: number; readonly code: string; readonly message: string }[];
  readonly notes: readonly { readonly line: number; readonly code: string }[];
  readonly proofs?: readonly { readonly tree: string; readonly leaf_index: number; readonly proof: string }[];
}

async function send(
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  query = "",
  authorization?: string,
): Promise<{ status: number; answer: Answer }> {
  const response = await server.fetch(`/v1/records${query}`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
    ...(authorization === undefined ? {} : { authorization }),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

const MONTH = new Date().toISOString().slice(0, 7);
const TREE = `default/${MONTH}`;

describe("records", () => {
  it("are acknowledged with their places, alone or as an array, in JSON, NDJSON and XML, compressed or not", async () => {
    const one = await send(JSON.stringify(RECORD));
    expect(one.status).toBe(200);
    expect(one.answer).toMatchObject({ tree: TREE, count: 1, duplicates: 0, rejected: [], notes: [] });
    const first = one.answer.first_index!;
    const two = await send(JSON.stringify([RECORD, RECORD]));
    expect(two.answer).toMatchObject({ first_index: first + 1, count: 2 });
    const lines = await send(`${JSON.stringify(RECORD)}\n${JSON.stringify(RECORD)}\n`, {
      "content-type": "application/x-ndjson",
    });
    expect(lines.answer).toMatchObject({ first_index: first + 3, count: 2 });
    const xml = `<record>${Object.entries(RECORD)
      .map(([name, value]) => `<${name}>${value}</${name}>`)
      .join("")}</record>`;
    expect((await send(xml, { "content-type": "application/xml" })).answer).toMatchObject({
      first_index: first + 5,
      count: 1,
    });
    const zipped = await send(gzipSync(JSON.stringify(RECORD)), { "content-encoding": "gzip" });
    expect(zipped.answer).toMatchObject({ first_index: first + 6, count: 1 });
  });

  it("that cannot be taken are named, and their neighbours are stored", async () => {
    const { status, answer } = await send(JSON.stringify([RECORD, { ...RECORD, status: "fine" }, RECORD]));
    expect(status).toBe(200);
    expect(answer.count).toBe(2);
    expect(answer.rejected).toHaveLength(1);
    expect(answer.rejected[0]).toMatchObject({ line: 2 });
    expect(answer.rejected[0]!.message).toContain("status");
  });

  it("of which none can be taken give 400 with the same body", async () => {
    const { status, answer } = await send(JSON.stringify([{ ...RECORD, status: "fine" }]));
    expect(status).toBe(400);
    expect(answer).toMatchObject({ first_index: null, count: 0, duplicates: 0, notes: [] });
    expect(answer.rejected).toHaveLength(1);
  });

  it("in a body that is no JSON give 400 with a problem of the same shape", async () => {
    const { status, answer } = await send("{");
    expect(status).toBe(400);
    expect(answer).toMatchObject({ first_index: null, count: 0, code: "malformed_body" });
    expect(answer.rejected).toHaveLength(1);
  });

  it("are stored all or not at all when the sender says so", async () => {
    const before = await sizeNow();
    const { status, answer } = await send(JSON.stringify([RECORD, { ...RECORD, status: "fine" }]), {
      prefer: "handling=strict",
    });
    expect(status).toBe(400);
    expect(answer).toMatchObject({ count: 0, first_index: null });
    expect(await sizeNow()).toBe(before);
    expect((await send(JSON.stringify([RECORD]), { prefer: "handling=strict" })).answer.count).toBe(1);
  });

  it("sent again under the same Idempotency-Key are acknowledged and not stored again", async () => {
    const body = JSON.stringify([RECORD, RECORD]);
    const first = await send(body, { "idempotency-key": "batch-1" });
    expect(first.answer).toMatchObject({ count: 2, duplicates: 0 });
    const again = await send(body, { "idempotency-key": "batch-1" });
    expect(again.status).toBe(200);
    expect(again.answer).toMatchObject({ count: 0, duplicates: 2, first_index: null });
  });

  it("with wait=published come back with proofs that verify by themselves", async () => {
    const { status, answer } = await send(JSON.stringify([RECORD, RECORD]), {}, "?wait=published");
    expect(status).toBe(200);
    expect(answer.proofs?.map((proof) => proof.leaf_index)).toEqual([answer.first_index, answer.first_index! + 1]);
    const trees = (await (await server.fetch("/api/trees")).json()) as readonly { tree: string; vkey: string }[];
    const vkey = trees.find(({ tree }) => tree === TREE)!.vkey;
    for (const { leaf_index: index, proof } of answer.proofs!) {
      const stored = (await (await server.fetch(`/api/records/${TREE}/${index}`)).json()) as {
        leaf: string;
        proof: string;
      };
      const result = await verifyProof({ proof, leaf: Buffer.from(stored.leaf), vkeys: [vkey] });
      expect(result.clean).toBe(true);
    }
  });

  it("with wait=published and sent again come back with the proofs of what was stored before, in their order", async () => {
    const records = [1, 2, 3].map((attempt) => ({ ...RECORD, attempt }));
    const [one, two, three] = records.map((record, place) => ({ ...record, id: ID.replace("0", String(place + 1)) }));
    const first = (await send(JSON.stringify([one, three]))).answer.first_index!;
    const { answer } = await send(JSON.stringify([three, { status: "fine" }, two, one, two]), {}, "?wait=published");
    expect(answer).toMatchObject({ first_index: first + 2, count: 1, duplicates: 3 });
    expect(answer.proofs?.map((proof) => proof.leaf_index)).toEqual([first + 1, first + 2, first, first + 2]);
    const again = (await send(JSON.stringify([one, two, three]), {}, "?wait=published")).answer;
    expect(again).toMatchObject({ first_index: null, count: 0, duplicates: 3, notes: [] });
    expect(again.proofs?.map((proof) => proof.leaf_index)).toEqual([first, first + 2, first + 1]);
    for (const { tree, leaf_index: index, proof } of again.proofs!) {
      expect(tree).toBe(TREE);
      expect(proof).toContain(`index ${index}\n`);
    }
  });

  it("say who sent them: the key, its standing, its address", async () => {
    const made = await server.fetch("/api/keys", {
      method: "POST",
      body: JSON.stringify({ name: "a", service: "service-a" }),
      headers: { "content-type": "application/json" },
    });
    const { secret } = (await made.json()) as { secret: string };
    const { answer } = await send(JSON.stringify(RECORD), {}, "", `Bearer ${secret}`);
    const stored = (await (await server.fetch(`/api/records/${TREE}/${answer.first_index}`)).json()) as {
      leaf: string;
      call_id: string;
    };
    const { record, observed } = decodeLeaf(Buffer.from(stored.leaf));
    expect(observed).toMatchObject({
      principal: "key:a",
      standing: "authenticated",
      source_address: "127.0.0.1",
      intake: "json",
    });
    expect(record).toMatchObject({ ...RECORD, side: "caller" });
    expect(stored.call_id).toBe("service-a/service-b/xyz-123/0");
  });

  async function sizeNow(): Promise<number> {
    const status = (await (await server.fetch("/api/status")).json()) as {
      trees: readonly { tree: string; journaled: number }[];
    };
    return status.trees.find(({ tree }) => tree === TREE)!.journaled;
  }
});

describe("too much", () => {
  it("of a key that has an allowance gets 429 with the time to wait", async () => {
    const limited = await startTestServer(`${folder.path}/limited`, "intake:\n  bytes_per_second: 1\n");
    try {
      const post = () =>
        limited.fetch("/v1/records", {
          method: "POST",
          body: JSON.stringify(RECORD),
          headers: { "content-type": "application/json" },
        });
      expect((await post()).status).toBe(200);
      const refused = await post();
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    } finally {
      await limited.close();
    }
  });
});
