import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { compress as zstdCompress } from "@bokuweb/zstd-wasm";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { AuditRecord } from "@tallystick/record";

import { inlineCompute } from "../compute/inline.ts";
import type { IntakeRequest, IntakeResult } from "./intake.ts";
import { normaliseTask } from "./normalise-task.ts";
import { NO_AMENDMENTS } from "./amendments.contract.ts";
import { startZstd } from "./zstd.ts";

const REQUEST: IntakeRequest = {
  body: new Uint8Array(),
  format: "json",
  encoding: "identity",
  sender: { principal: "key:orders", service: "service-a", services: [], relay: null },
  idempotencyKey: null,
  nowUs: 1_795_000_000_000_000,
  redactionKey: new Uint8Array(32).fill(7),
  settings: {
    maxDecompressedBytes: 1 << 20,
    maxRecords: 100,
    redactNames: ["x-internal"],
    otlpInternal: "drop",
    amendments: NO_AMENDMENTS,
  },
};

const ARTICLE =
  '{"timestamp":"2023-10-05T08:20:43Z","event_type":"API_CALL","service_id":"service-a",' +
  '"target_id":"service-b","request_id":"xyz-123","status":"success"}';
const ARTICLE_XML =
  "<record><timestamp>2023-10-05T08:20:43Z</timestamp><event_type>API_CALL</event_type>" +
  "<service_id>service-a</service_id>" +
  "<target_id>service-b</target_id><request_id>xyz-123</request_id><status>success</status></record>";

type Prepared = Extract<IntakeResult, { readonly kind: "prepared" }>;

const run = (over: Partial<IntakeRequest>): Promise<IntakeResult> =>
  inlineCompute().run(normaliseTask, { ...REQUEST, ...over });

async function send(
  format: IntakeRequest["format"],
  body: string | Uint8Array,
  over: Partial<IntakeRequest> = {},
): Promise<Prepared> {
  const result = await run({ format, body: typeof body === "string" ? Buffer.from(body) : body, ...over });
  if (result.kind !== "prepared") throw new Error(`${result.code}: ${result.message}`);
  return result;
}

function recordsOf({ records: { bytes, offsets, count } }: Prepared): AuditRecord[] {
  return Array.from(
    { length: count },
    (_, at) => JSON.parse(Buffer.from(bytes.subarray(offsets[at], offsets[at + 1])).toString()) as AuditRecord,
  );
}

const rejectedLines = (result: Prepared): number[] => result.rejected.map((note) => note.line);

describe("the article's example as it stands", () => {
  test.each([
    ["json", ARTICLE],
    ["ndjson", `${ARTICLE}\n`],
    ["xml", ARTICLE_XML],
    ["xml", `<?xml version="1.0" encoding="UTF-8"?>\n<records>\n  ${ARTICLE_XML}\n</records>\n`],
  ] as const)("%s", async (format, body) => {
    const result = await send(format, body);
    expect(recordsOf(result)).toMatchObject([
      { ...(JSON.parse(ARTICLE) as object), side: "caller", recorder_id: "service-a", phase: "outcome", attempt: 0 },
    ]);
    expect([...result.records.standings]).toEqual([0]);
    expect([...result.records.identified]).toEqual([0]);
    expect([result.rejected, result.notes]).toEqual([[], []]);
  });
});

describe("JSON and NDJSON", () => {
  test("an array's bad elements are rejected alone", async () => {
    const result = await send("json", `[${ARTICLE}, 7, null, "x", [], {}, ${ARTICLE}]`);
    expect([...result.lines]).toEqual([1, 7]);
    expect(rejectedLines(result)).toEqual([2, 3, 4, 5, 6]);
  });

  test("a body that is not JSON is refused, without quoting it", async () => {
    const refused = await run({ body: Buffer.from('{"password":"hunter2"') });
    expect(refused).toMatchObject({ kind: "refused", code: "malformed_body" });
    expect(JSON.stringify(refused)).not.toContain("hunter2");
    expect(await run({ body: new Uint8Array() })).toMatchObject({ kind: "refused", code: "malformed_body" });
    expect(await run({ body: Buffer.from([0x22, 0xff, 0x22]) })).toMatchObject({
      kind: "refused",
      code: "malformed_body",
    });
  });

  test("lines: blank ones are passed over, bad ones rejected alone, numbered as an editor does", async () => {
    const lines = [
      ARTICLE,
      "",
      "{oops",
      `${ARTICLE}\r`,
      `${ARTICLE},${ARTICLE}`,
      `${ARTICLE} ${ARTICLE}`,
      "   ",
      `  ${ARTICLE}`,
      "[1]",
      ARTICLE.slice(0, 40),
      ARTICLE,
    ];
    const result = await send("ndjson", lines.join("\n"));
    expect([...result.lines]).toEqual([1, 4, 8, 11]);
    expect(rejectedLines(result)).toEqual([3, 5, 6, 9, 10]);
    expect(recordsOf(result)).toHaveLength(4);
  });

  test("a line that is not UTF-8 is rejected alone", async () => {
    const good = Buffer.from(`${ARTICLE.replace("xyz-123", "żółw 🐢")}\n`);
    const result = await send("ndjson", Buffer.concat([good, Buffer.from([0x22, 0xc3, 0x28, 0x22, 0x0a]), good]));
    expect([...result.lines]).toEqual([1, 3]);
    expect(recordsOf(result)[1]?.request_id).toBe("żółw 🐢");
  });

  test("integers beyond 2^53−1 are refused, not rounded; of a repeated key the last counts", async () => {
    const withDuration = (text: string): string => ARTICLE.replace("}", `,"duration_us":${text}}`);
    const texts = [
      "9007199254740991",
      "9007199254740992",
      "9007199254740993",
      "18446744073709551615",
      "1e300",
      "-1",
      "1.5",
    ];
    const result = await send("ndjson", texts.map(withDuration).join("\n"));
    expect([...result.lines]).toEqual([1]);
    expect(recordsOf(result)[0]?.duration_us).toBe(9_007_199_254_740_991);
    const repeated = await send("json", ARTICLE.replace("}", ',"status":"error"}'));
    expect(recordsOf(repeated)[0]?.status).toBe("error");
  });

  test("100,000 nested arrays are an answer, not a crash", async () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    const result = await send("ndjson", [ARTICLE.replace("}", `,"deep":${deep}}`), deep, ARTICLE].join("\n"));
    expect([...result.lines]).toContain(3);
    expect(rejectedLines(result)).toContain(2);
    expect((await send("json", deep)).records.count).toBe(0);
  });

  test("names that objects have by themselves are names like any other", async () => {
    const body = ARTICLE.replace(
      "}",
      ',"__proto__":{"status":"error"},"constructor":"c","attributes":{"__proto__":"p","toString":"t"}}',
    );
    const [record] = recordsOf(await send("json", body));
    expect(record).toMatchObject({ status: "success" });
    expect(Object.getOwnPropertyDescriptor(record?.attributes, "toString")?.value).toBe("t");
    expect(({} as { status?: string }).status).toBeUndefined();
  });

  test("too many records are refused, just enough are not", async () => {
    const lines = (count: number): string => `${ARTICLE}\n`.repeat(count);
    expect(await run({ format: "ndjson", body: Buffer.from(lines(101)) })).toMatchObject({ code: "too_many_records" });
    expect(await run({ body: Buffer.from(`[${lines(101).trim().replaceAll("\n", ",")}]`) })).toMatchObject({
      code: "too_many_records",
    });
    expect((await send("ndjson", lines(100))).records.count).toBe(100);
  });
});

describe("identity", () => {
  const ID = "01890000-0000-7000-8000-000000000001";

  test("an id of its own, an Idempotency-Key, or neither", async () => {
    const body = `${ARTICLE.replace("{", `{"id":"${ID}",`)}\n${ARTICLE}\n`;
    const without = await send("ndjson", body);
    expect([...without.records.identified]).toEqual([1, 0]);
    expect(without.records.identities.subarray(16).every((byte) => byte === 0)).toBe(true);
    expect(recordsOf(without)[1]?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    const first = await send("ndjson", body, { idempotencyKey: "batch-1" });
    const again = await send("ndjson", body, { idempotencyKey: "batch-1", nowUs: REQUEST.nowUs + 5_000_000 });
    expect([...first.records.identified]).toEqual([1, 1]);
    expect(recordsOf(first)[0]?.id).toBe(ID);
    expect(recordsOf(first)[1]?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8/);
    expect(again.records).toEqual(first.records);
    const other = await send("ndjson", body, { idempotencyKey: "batch-2" });
    expect(recordsOf(other)[1]?.id).not.toBe(recordsOf(first)[1]?.id);
    const stranger = await send("ndjson", body, {
      sender: { ...REQUEST.sender, principal: "key:x" },
      idempotencyKey: "batch-1",
    });
    expect(stranger.records.identities.subarray(0, 16)).not.toEqual(first.records.identities.subarray(0, 16));
  });

  test("standing: for its own service, as a relay that may, as anybody", async () => {
    const body = `${ARTICLE.replace("{", '{"side":"caller",')}\n`;
    const standing = async (sender: IntakeRequest["sender"]): Promise<number[]> => [
      ...(await send("ndjson", body, { sender })).records.standings,
    ];
    expect(await standing({ principal: "key:a", service: "service-a", services: [], relay: null })).toEqual([0]);
    expect(await standing({ principal: "key:r", service: null, services: [], relay: ["service-a"] })).toEqual([1]);
    expect(await standing({ principal: "key:r", service: null, services: [], relay: "*" })).toEqual([1]);
    expect(await standing({ principal: "key:z", service: "service-z", services: [], relay: null })).toEqual([2]);
  });

  test("without a side, a sender of several services is the end that is one of them; else a name was taken", async () => {
    const told = async (service_id: string, target_id: string) => {
      const sender = { principal: "dns:edge", service: null, services: ["edge", "edge-*"], relay: null };
      const record = { timestamp: "2023-10-05T08:20:43Z", event_type: "API_CALL", status: "success" };
      const result = await send("json", JSON.stringify({ ...record, service_id, target_id }), { sender });
      return [recordsOf(result)[0]?.side, [...result.records.standings], result.claims];
    };
    expect(await told("edge-1", "b")).toEqual(["caller", [0], []]);
    expect(await told("b", "edge")).toEqual(["callee", [0], []]);
    expect(await told("b", "c")).toEqual(["observer", [2], [{ name: "b", count: 1, line: 1 }]]);
  });
});

describe("XML", () => {
  const xml = (inner: string): string => ARTICLE_XML.replace("</record>", `${inner}</record>`);

  test("scalars by the schema, arrays as repeated elements, attributes as entries, entities and CDATA", async () => {
    const body = xml(
      "<duration_us> 1200 </duration_us><auth_scopes>a:read</auth_scopes><auth_scopes>a:write</auth_scopes>" +
        "<error_message>5 &lt; 6 &amp;&#x20AC;<![CDATA[ <raw> &amp; ]]></error_message><status_code>201</status_code>" +
        '<attributes><entry key="a&amp;b"> kept </entry><entry key="empty"/></attributes>' +
        "<colour>red</colour><!-- c -->" +
        "<box><side>left</side><side>right</side></box>",
    );
    const result = await send("xml", body);
    expect(recordsOf(result)[0]).toMatchObject({
      duration_us: 1200,
      auth_scopes: ["a:read", "a:write"],
      error_message: "5 < 6 &€ <raw> &amp; ",
      status_code: "201",
      attributes: { "a&b": " kept ", empty: "", colour: "red" },
    });
    expect(result.notes.length).toBeGreaterThan(0);
  });

  test.each([
    ["a document type", `<!DOCTYPE record [<!ENTITY a "b">]>${ARTICLE_XML}`],
    [
      "billion laughs",
      `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><record><status>&lol2;</status></record>`,
    ],
    ["another encoding", `<?xml version="1.0" encoding="ISO-8859-1"?>${ARTICLE_XML}`],
    ["nothing in it", " "],
    ["an entity after the root", `${ARTICLE_XML}<!DOCTYPE x>`],
    ["two roots", ARTICLE_XML + ARTICLE_XML],
    ["another root", "<event/>"],
    ["an open element", "<record><status>success</record>"],
    ["no XML", ARTICLE],
    ["nothing", ""],
    ["10^5 nested elements", `<record>${"<a>".repeat(100_000)}${"</a>".repeat(100_000)}</record>`],
  ])("%s is refused", async (_, body) => {
    expect(await run({ format: "xml", body: Buffer.from(body) })).toMatchObject({
      kind: "refused",
      code: "malformed_body",
    });
  });

  test.each([
    ["<record><status>ok</record>", "a tag is misspelt, not closed, or closes another element"],
    ["<record><status>a & b</status></record>", "an & that is not written &amp;"],
    ["<records><record><record>", "one is not closed"],
  ])("%s is refused with what is wrong, and where", async (body, says) => {
    const refused = await run({ format: "xml", body: Buffer.from(body) });
    expect(refused).toMatchObject({ kind: "refused", message: expect.stringContaining(says) });
    expect(refused).toMatchObject({ message: expect.stringMatching(/ at line 1, column \d+$/) });
  });

  test.each([
    ["tags", "<a/>".repeat(1_100_000)],
    ["attributes", "<a b = 'c'/>".repeat(300_000)],
    ["references", "&amp;".repeat(1_100_000)],
  ])("millions of %s are refused at once", async (_, inner) => {
    const settings = { ...REQUEST.settings, maxDecompressedBytes: 20 << 20 };
    const result = await run({ format: "xml", body: Buffer.from(`<record>${inner}</record>`), settings });
    expect(result).toMatchObject({ kind: "refused", code: "body_too_large" });
  });

  test("a bad record is rejected alone", async () => {
    const bad = [
      xml("<status>error</status>"),
      xml("<error_message>&nbsp;</error_message>"),
      xml("<duration_us>9007199254740993</duration_us>"),
      xml("<duration_us>fast</duration_us>"),
      xml("<attributes><item>x</item></attributes>"),
      xml('<attributes><entry key="a">1</entry><entry key="a">2</entry></attributes>'),
      xml(`${"<a>".repeat(40)}${"</a>".repeat(40)}`),
      xml("text"),
      "<event/>",
    ];
    const result = await send("xml", `<records>${ARTICLE_XML}${bad.join("")}${ARTICLE_XML}</records>`);
    expect([...result.lines]).toEqual([1, 11]);
    expect(rejectedLines(result)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

describe("compressed bodies", () => {
  beforeAll(startZstd);
  const lines = Buffer.from(`${ARTICLE}\n`.repeat(50));

  test.each(["gzip", "deflate", "zstd"] as const)(
    "%s is read, and a bomb or a broken body refused",
    async (encoding) => {
      const pack = (bytes: Uint8Array): Uint8Array =>
        encoding === "gzip" ? gzipSync(bytes) : encoding === "deflate" ? deflateSync(bytes) : zstdCompress(bytes, 3);
      expect((await send("ndjson", pack(lines), { encoding })).records.count).toBe(50);
      const bomb = pack(new Uint8Array(8 << 20));
      expect(bomb.byteLength).toBeLessThan(64_000);
      expect(await run({ body: bomb, encoding })).toMatchObject({ kind: "refused", code: "body_too_large" });
      expect(await run({ body: pack(lines).subarray(0, 60), encoding })).toMatchObject({
        kind: "refused",
        code: "malformed_body",
      });
      expect(await run({ body: brotliCompressSync(lines), encoding })).toMatchObject({
        kind: "refused",
        code: "malformed_body",
      });
      expect(await run({ body: new Uint8Array(), encoding })).toMatchObject({
        kind: "refused",
        code: "malformed_body",
      });
    },
  );

  test("bare deflate, and several frames of zstd", async () => {
    expect((await send("ndjson", deflateRawSync(lines), { encoding: "deflate" })).records.count).toBe(50);
    const skippable = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);
    const frames = Buffer.concat([zstdCompress(lines, 3), skippable, zstdCompress(lines, 3)]);
    expect((await send("ndjson", frames, { encoding: "zstd" })).records.count).toBe(100);
  });

  test("a zstd frame that does not say its size is read, and refused when it grows too large", async () => {
    const block = (size: number, last: boolean): Buffer => {
      const header = (size << 3) | (1 << 1) | (last ? 1 : 0);
      return Buffer.from([header & 0xff, (header >> 8) & 0xff, header >> 16, 0x20]);
    };
    const frame = (blocks: number): Buffer =>
      Buffer.concat([
        Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]),
        ...Array.from({ length: blocks }, (_, at) => block(100_000, at === blocks - 1)),
      ]);
    expect((await send("ndjson", frame(2), { encoding: "zstd" })).records.count).toBe(0);
    expect(await run({ body: frame(200), encoding: "zstd" })).toMatchObject({
      kind: "refused",
      code: "body_too_large",
    });
  });

  test("a zstd frame that declares more than it may is refused before anything is decompressed", async () => {
    const declared = Buffer.alloc(14);
    declared.writeUInt32LE(0xfd2fb528, 0);
    declared[4] = 0xe0;
    declared.writeBigUInt64LE(5n << 30n, 5);
    const body = Buffer.concat([declared.subarray(0, 13), Buffer.from([0x01, 0, 0])]);
    expect(await run({ body, encoding: "zstd" })).toMatchObject({ kind: "refused", code: "body_too_large" });
  });

  test("a body larger than allowed is refused as it is", async () => {
    expect(await run({ body: new Uint8Array((1 << 20) + 1) })).toMatchObject({
      kind: "refused",
      code: "body_too_large",
    });
  });
});

describe("properties", () => {
  test("any bytes in any format and encoding are answered and never thrown", async () => {
    const formats = fc.constantFrom<IntakeRequest["format"]>("json", "ndjson", "xml");
    const encodings = fc.constantFrom<IntakeRequest["encoding"]>("identity", "gzip", "deflate", "zstd");
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.stringMatching(/^<record>[<>/&;a-z![\]"= -]{0,60}$/),
    );
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      text.map((one) => Buffer.from(one)),
    );
    await fc.assert(
      fc.asyncProperty(formats, encodings, bodies, async (format, encoding, body) => {
        expect(["prepared", "refused"]).toContain((await run({ format, encoding, body })).kind);
      }),
      { numRuns: 1_500 },
    );
  });

  test("whatever stands on the other lines, the valid ones are kept, in order and under their numbers", async () => {
    const noise = fc.oneof(
      fc.json(),
      fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", " ")),
      fc.constantFrom(`${ARTICLE},`, `,${ARTICLE}`, `[${ARTICLE}`, `${ARTICLE}]`, "{", '"', ARTICLE.slice(0, -1)),
    );
    const line = fc.oneof(fc.constant(null), noise);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
        const result = await send("ndjson", lines.map((one) => one ?? ARTICLE).join("\n"));
        const expected = lines.flatMap((one, at) => (one === null ? [at + 1] : []));
        const kept = new Set(result.lines);
        expect(expected.filter((at) => !kept.has(at))).toEqual([]);
        expect([...result.lines]).toEqual([...result.lines].sort((a, b) => a - b));
        const accounted = [...result.lines, ...rejectedLines(result)];
        expect(new Set(accounted).size).toBe(accounted.length);
      }),
      { numRuns: 500 },
    );
  });

  test("JSON and XML of one record give the same bytes but for the random id", async () => {
    const word = fc
      .string({ unit: fc.constantFrom(...Array.from("abcXYZ09<>&\"' .-é€🐢")), minLength: 1, maxLength: 30 })
      .filter((text) => text.trim() === text && text !== "");
    await fc.assert(
      fc.asyncProperty(
        fc.record({ operation: word, error_message: word, host: word }),
        fc.nat(),
        word,
        async (fields, size, value) => {
          const record = {
            ...(JSON.parse(ARTICLE) as object),
            ...fields,
            id: "01890000-0000-7000-8000-000000000001",
            request_size: size,
          };
          const escape = (text: string): string =>
            text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
          const elements = Object.entries(record).map(([name, text]) => `<${name}>${escape(String(text))}</${name}>`);
          const attributes = `<attributes><entry key="k">${escape(value)}</entry></attributes>`;
          const xml = `<record>${elements.join("\n")}${attributes}</record>`;
          const [fromJson, fromXml] = await Promise.all([
            send("json", JSON.stringify({ ...record, attributes: { k: value } })),
            send("xml", xml),
          ]);
          expect(recordsOf(fromXml)).toEqual(recordsOf(fromJson));
          expect(fromXml.records.digests).toEqual(fromJson.records.digests);
        },
      ),
      { numRuns: 100 },
    );
  });
});
