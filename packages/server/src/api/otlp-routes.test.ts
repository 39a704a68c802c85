import { gzipSync } from "node:zlib";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`, "intake:\n  max_body_bytes: 65536\n");
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";
const post = (
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
  authorization?: string,
) =>
  server.fetch(path, {
    method: "POST",
    body: Buffer.from(body),
    headers,
    ...(authorization === undefined ? {} : { authorization }),
  });

const SPAN = {
  traceId: "5b8efff798038103d269b633813fc60c",
  spanId: "eee19b7ec3c1b174",
  name: "GET /orders",
  kind: 3,
  startTimeUnixNano: "1700000000000000000",
  endTimeUnixNano: "1700000000500000000",
  attributes: [{ key: "http.request.method", value: { stringValue: "GET" } }],
};
const traces = (...spans: readonly object[]) =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "storefront" } }] },
        scopeSpans: [{ spans }],
      },
    ],
  });

describe("OTLP/HTTP", () => {
  it("answers a whole success with an empty message in the request's encoding", async () => {
    const json = await post("/v1/traces", traces(SPAN), { "content-type": JSON_TYPE });
    expect([json.status, json.headers.get("content-type"), await json.text()]).toEqual([200, JSON_TYPE, "{}"]);
    const empty = await post("/v1/logs", new Uint8Array(0), { "content-type": PROTOBUF });
    expect([empty.status, empty.headers.get("content-type"), (await empty.arrayBuffer()).byteLength]).toEqual([
      200,
      PROTOBUF,
      0,
    ]);
    const zipped = await post("/v1/traces", gzipSync(traces(SPAN)), {
      "content-type": JSON_TYPE,
      "content-encoding": "gzip",
    });
    expect(zipped.status).toBe(200);
  });

  it("takes its content types with parameters", async () => {
    for (const type of [`${PROTOBUF}; charset=x`, `${PROTOBUF};messageType="a.B"`]) {
      const response = await post("/v1/logs", new Uint8Array(0), { "content-type": type });
      expect([response.status, response.headers.get("content-type")]).toEqual([200, PROTOBUF]);
    }
    expect((await post("/v1/logs", "{}", { "content-type": `${JSON_TYPE}; charset=utf-8` })).status).toBe(200);
  });

  it("stores a retried batch once", async () => {
    const span = { ...SPAN, spanId: "0000000000000001" };
    const size = await sizeAfter(() => post("/v1/traces", traces(span), { "content-type": JSON_TYPE }));
    expect(await sizeAfter(() => post("/v1/traces", traces(span), { "content-type": JSON_TYPE }))).toBe(size);
  });

  it("counts what it rejects as a partial success", async () => {
    const response = await post(
      "/v1/traces",
      traces({ ...SPAN, spanId: "0000000000000002" }, { ...SPAN, traceId: "no" }),
      { "content-type": JSON_TYPE },
    );
    expect(response.status).toBe(200);
    const body = (await response.json()) as { partialSuccess: { rejectedSpans: string; errorMessage: string } };
    expect(body.partialSuccess.rejectedSpans).toBe("1");
    expect(body.partialSuccess.errorMessage).not.toBe("");
  });

  it.each([
    ["a broken body", "{", {}, undefined, 400, 3],
    ["no credentials", "{}", {}, "", 401, 16],
    ["a body above the limit", traces({ ...SPAN, name: "x".repeat(70_000) }), {}, undefined, 413, 3],
    ["an unknown encoding", "{}", { "content-encoding": "br" }, undefined, 415, 3],
  ] as const)(
    "answers %s with google.rpc.Status in both encodings",
    async (_, body, headers, authorization, status, code) => {
      const json = await post("/v1/traces", body, { "content-type": JSON_TYPE, ...headers }, authorization);
      expect([json.status, json.headers.get("content-type")]).toEqual([status, JSON_TYPE]);
      expect(((await json.json()) as { code: number; message: string }).code).toBe(code);
      const broken = body === "{}" || body.length > 100 ? body : "\u0007";
      const protobuf = await post("/v1/traces", broken, { "content-type": PROTOBUF, ...headers }, authorization);
      expect([protobuf.status, protobuf.headers.get("content-type")]).toEqual([status, PROTOBUF]);
      const reader = new BinaryReader(new Uint8Array(await protobuf.arrayBuffer()));
      reader.tag();
      expect(reader.int32()).toBe(code);
    },
  );

  it("answers what it cannot store now with a status that exporters retry, and says when", async () => {
    const stopping = await startTestServer(`${folder.path}/full`, "", {
      openCompute: () => ({ run: () => Promise.reject(new Error("broken")), close: async () => {} }),
    });
    try {
      const response = await stopping.fetch("/v1/traces", {
        method: "POST",
        body: traces(SPAN),
        headers: { "content-type": JSON_TYPE },
      });
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).not.toBeNull();
    } finally {
      await stopping.close();
    }
  });

  async function sizeAfter(work: () => Promise<Response>): Promise<number> {
    expect((await work()).status).toBe(200);
    const status = (await (await server.fetch("/api/status")).json()) as {
      trees: readonly { tree: string; journaled: number }[];
    };
    return status.trees.find(({ tree }) => tree.startsWith("default/"))!.journaled;
  }
});
