import { createHash } from "node:crypto";

import { decodeLeaf, encodeLeaf } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { describe, expect, test } from "vitest";

import type { AmendSettings } from "./amend.ts";
import { amendmentsOf } from "./amendments.contract.ts";
import { commitBodies } from "./commit.ts";
import type { IntakeRequest, IntakeResult } from "./intake.ts";
import { normaliseTask } from "./normalise-task.ts";

type Prepared = Extract<IntakeResult, { kind: "prepared" }>;
type Policy = Partial<AmendSettings["payloads"]>;

const CALL = {
  timestamp: "2026-11-26T08:00:00Z",
  event_type: "API_CALL",
  service_id: "storefront",
  target_id: "payments",
  operation: "POST /cards",
  status: "success",
};

async function take(
  records: readonly object[] | string,
  payloads: Policy = {},
  classify: AmendSettings["classify"] = [],
  format: IntakeRequest["format"] = "json",
): Promise<Prepared> {
  const text = typeof records === "string" ? records : JSON.stringify(records);
  const { output } = await normaliseTask.run({
    body: Buffer.from(text),
    format,
    encoding: "identity",
    sender: { principal: "key:storefront", service: "storefront", services: [], relay: null },
    idempotencyKey: null,
    nowUs: 1_800_000_000_000_000,
    redactionKey: new Uint8Array(32).fill(7),
    settings: {
      maxDecompressedBytes: 1 << 22,
      maxRecords: 100,
      redactNames: [],
      otlpInternal: "drop",
      amendments: amendmentsOf(payloads, classify),
    },
  });
  if (output.kind !== "prepared") throw new Error(output.message);
  return output;
}

const recordsOf = ({ records }: Prepared): readonly AuditRecord[] =>
  Array.from({ length: records.count }, (_, at) => {
    const bytes = records.bytes.subarray(records.offsets[at], records.offsets[at + 1]);
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as AuditRecord;
  });
const textOf = (result: Prepared, place = 0): string => Buffer.from(result.bodies[place]!.bytes).toString("utf8");

/** The body of one record as it is kept, and what the leaf says of it. */
async function kept(body: unknown, payloads: Policy = {}, more: object = {}) {
  const result = await take([{ ...CALL, request_body: body, ...more }], payloads);
  expect(result.rejected).toEqual([]);
  const [record] = recordsOf(result);
  const said = record!.attributes?.["tallystick.request_payload"];
  return {
    text: result.bodies.length === 0 ? null : textOf(result),
    said: JSON.parse(said ?? "null") as unknown,
    record,
  };
}

describe("bodies at intake", () => {
  test("leave the record, which says what was kept and has their commitments once they are stored", async () => {
    const id = "00000000-0000-8000-8000-00000000000a";
    const quoted = '","request_payload":"sha256:';
    const records = [
      CALL,
      { ...CALL, id, resource: quoted, attributes: { a: quoted }, request_body: '{"a":1}', response_body: "ok" },
      { ...CALL, status: "no such" },
      { ...CALL, response_body: { base64: "aGk=", content_type: "text/plain; charset=utf-8" } },
    ];
    const result = await take(records);
    expect(result.rejected).toHaveLength(1);
    expect(result.bodies.map(({ part, record }) => [part, record])).toEqual([
      ["request", 1],
      ["response", 1],
      ["response", 2],
    ]);
    expect(result.bodies.map((_, place) => textOf(result, place))).toEqual(['{"a":1}', "ok", "hi"]);
    const commitments = result.bodies.map((_, place) => `${place + 1}`.repeat(64));
    commitBodies(result.records, result.bodies, commitments);
    const [plain, full, other] = recordsOf(result);
    expect(plain).not.toHaveProperty("request_payload");
    expect(full).toMatchObject({
      request_payload: `sha256:${commitments[0]}`,
      response_payload: `sha256:${commitments[1]}`,
      request_size: 7,
      response_size: 2,
      resource: quoted,
    });
    expect(JSON.parse(other!.attributes!["tallystick.response_payload"]!)).toEqual({
      content_type: "text/plain; charset=utf-8",
      kept: "body",
      size: 2,
    });
    // What a retry is told by follows the bytes, and the bytes are canonical.
    const bytes = result.records.bytes.subarray(result.records.offsets[1], result.records.offsets[2]);
    const content = createHash("sha256").update(bytes).digest().subarray(0, 16);
    expect(Buffer.from(result.records.digests.subarray(16, 32)).equals(content)).toBe(true);
    const observed = {
      received_at: "2026-11-26T08:00:00.000000Z",
      principal: "p",
      standing: "claimed",
      source_address: "local",
      intake: "json",
    } as const;
    expect(decodeLeaf(encodeLeaf(observed, full!)).record).toEqual(full);
    expect(result.bodies[0]!.identity).toHaveLength(16);
    expect(result.bodies[2]!.identity).toHaveLength(0);
  });

  test.each([
    [5, "must be a text"],
    [["x"], "must be a text"],
    [{ text: "x", base64: "eA==" }, "must be a text"],
    [{ text: "x", more: 1 }, "must be a text"],
    [{ base64: "eA=" }, "canonical spelling"],
    [{ base64: "é" }, "base64 that is none"],
    [{ text: "x", content_type: "nonsense\r\nx: y" }, "media type"],
    ["\ud800", "surrogate"],
  ])("a body that is none is refused: %j", async (body, says) => {
    const { rejected, bodies } = await take([{ ...CALL, request_body: body }]);
    expect(rejected).toMatchObject([{ line: 1, code: "invalid_body" }]);
    expect(rejected[0]!.message).toContain(says);
    expect(bodies).toEqual([]);
  });

  test("XML brings them too; a producer's own sentence about a body is left out", async () => {
    const fields = Object.entries(CALL).map(([name, value]) => `<${name}>${value}</${name}>`);
    const xml = `<record>${fields.join("")}<request_body><text>&lt;a/&gt;</text><content_type>text/xml</content_type></request_body></record>`;
    const result = await take(xml, {}, [], "xml");
    expect(textOf(result)).toBe("<a/>");
    const forged = await take([{ ...CALL, attributes: { "tallystick.request_payload": "{}", a: "b" } }]);
    expect(recordsOf(forged)[0]!.attributes).toEqual({ a: "b" });
    expect(forged.notes).toMatchObject([{ code: "ignored_value" }]);
  });
});

describe("what a policy keeps", () => {
  const CARD = "4111 1111 1111 1111";

  test("JSON keeps every byte but those that are taken out", async () => {
    const body = `{ "id" : 12345678901234567890.10, "card":{"number":"${CARD}","cvv":"123"},\n "items":[{"sku":"a","iban":"DE1"},{"iban":["x"]}], "password":"hunter2", "to":"ann@example.com", "n":4111111111111111 , "none":null, "token":null}`;
    const { text, said } = await kept(body, { json_paths: ["$.card.cvv", "$..iban", "$.items[0].sku", "$['none']"] });
    expect(text).toBe(
      `{ "id" : 12345678901234567890.10, "card":{"number":"[redacted:card]","cvv":"[redacted:path]"},\n "items":[{"sku":"[redacted:path]","iban":"[redacted:path]"},{"iban":"[redacted:path]"}], "password":"[redacted:secret]", "to":"[redacted:email]", "n":"[redacted:card]" , "none":null, "token":null}`,
    );
    expect(said).toMatchObject({ kept: "body", redacted: 8, content_type: "text/plain" });
  });

  test("forms, multipart and text", async () => {
    const form = {
      text: "user=ann&pin=12%2034&card=4111+1111+1111+1111&x",
      content_type: "application/x-www-form-urlencoded",
    };
    expect((await kept(form, { form_fields: ["PIN"] })).text).toBe(
      "user=ann&pin=[redacted:field]&card=%5Bredacted%3Acard%5D&x",
    );
    const parts = [
      '--b\r\nContent-Disposition: form-data; name="pin"\r\n\r\n12\r\n--b\r\nContent-Disposition: form-data; name="n"',
      "\r\n\r\nann@example.com\r\n--b--\r\n",
    ];
    const multipart = { text: parts.join(""), content_type: "multipart/form-data; boundary=b" };
    const { text } = await kept(multipart, { form_fields: ["pin"] });
    expect(text).toContain('name="pin"\r\n\r\n[redacted:field]\r\n--b');
    expect(text).toContain('name="n"\r\n\r\n[redacted:email]\r\n--b--');
    expect((await kept(`paid with ${CARD} by bob@example.org`)).text).toBe(
      "paid with [redacted:card] by [redacted:email]",
    );
    expect((await kept(`paid with ${CARD}`, { patterns: false })).text).toBe(`paid with ${CARD}`);
  });

  test("cut at a character, digest only, nothing, and what cannot be looked into", async () => {
    const cut = await kept("aé".repeat(10), { max_bytes: 5 });
    expect(cut.text).toBe("aéa");
    expect(cut.said).toMatchObject({ kept: "body", size: 4, cut_from: 30 });
    expect(cut.record).toMatchObject({ request_size: 30 });
    expect((await kept("secret", { keep: "digest" })).said).toMatchObject({ kept: "digest", size: 6 });
    const none = await kept("secret", { keep: "none" });
    expect(none).toMatchObject({ text: null, said: null, record: { request_size: 6 } });
    expect(none.record).not.toHaveProperty("request_payload");
    const binary = await kept({ base64: "AP8A", content_type: "image/png" });
    expect(binary.said).toMatchObject({ kept: "digest", reason: "binary" });
    const broken = await kept({ text: '{"a":', content_type: "application/json" }, { json_paths: ["$.a"] });
    expect(broken.said).toMatchObject({ kept: "digest", reason: "unreadable" });
    const deep = { text: "[".repeat(9_000) + "]".repeat(9_000), content_type: "application/json" };
    expect((await kept(deep)).said).toMatchObject({ kept: "digest", reason: "unreadable" });
  });

  test("by route, class and part; header values by name", async () => {
    const rules = [
      { operation: "GET *", keep: "none" as const },
      { service: "pay*", data_class: "restricted", part: "request" as const, keep: "digest" as const },
    ];
    const record = {
      ...CALL,
      request_body: "q",
      response_body: "a",
      attributes: { "http.request.header.x-patient": "17", "http.request.header.content-type": "text/css" },
    };
    const result = await take(
      [record, { ...record, operation: "GET /cards" }, { ...record, target_id: "orders" }],
      { rules, headers: ["X-Patient"] },
      [
        { service: "payments", operation: "POST /*", data_class: "restricted", data_categories: ["pci"] },
        { resource: "/never*", data_class: "public" },
      ],
    );
    const facts = result.bodies.map(({ record: at, part, facts: { kept: what } }) => [at, part, what]);
    expect(facts).toEqual([
      [0, "request", "digest"],
      [0, "response", "body"],
      [2, "request", "body"],
      [2, "response", "body"],
    ]);
    const [paid] = recordsOf(result);
    expect(paid).toMatchObject({ data_class: "restricted", data_categories: ["pci"] });
    expect(paid!.attributes).toMatchObject({
      "http.request.header.x-patient": "[redacted:header]",
      "tallystick.classified": "data_class,data_categories",
    });
    expect(result.bodies[0]!.facts.content_type).toBe("text/css");
  });

  test("a rule never lowers a class, and adds categories to those that there are", async () => {
    const own = { data_class: "restricted", data_categories: ["phi"] };
    const result = await take(
      [
        { ...CALL, ...own, resource: "/a/b" },
        { ...CALL, resource: "/x" },
      ],
      {},
      [{ resource: "/a/*", data_class: "internal", data_categories: ["pii", "phi"] }],
    );
    expect(recordsOf(result)[0]).toMatchObject({ data_class: "restricted", data_categories: ["phi", "pii"] });
    expect(recordsOf(result)[1]).not.toHaveProperty("data_class");
  });
});
