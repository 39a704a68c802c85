import type { StoredRecord } from "@tallystick/record";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { EXPORT_FIRST_RECORDS, EXPORT_MAX_RECORDS } from "../limits.ts";
import { storedRecords } from "../records.contract.ts";
import { openSearchFixture } from "../search-fixture.contract.ts";
import type { SearchFixture } from "../search-fixture.contract.ts";
import type { ExportChunk, ExportRequest } from "./export.ts";
import { WHOLE_SCOPE } from "../scope.ts";

const COUNT = EXPORT_FIRST_RECORDS + EXPORT_MAX_RECORDS + 57;
let fixture: SearchFixture;

beforeAll(async () => {
  fixture = await openSearchFixture();
  const [few] = fc.sample(storedRecords(300), { numRuns: 1, seed: 9 });
  const many = Array.from({ length: COUNT }, (_, place) => (few ?? [])[place % 300]).filter((row) => row !== undefined);
  await fixture.insert(many);
});

afterAll(async () => {
  await fixture.close();
});

async function chunks(request: ExportRequest): Promise<readonly ExportChunk[]> {
  const parts: ExportChunk[] = [];
  for await (const part of fixture.search.export(WHOLE_SCOPE, { own: true, ...request })) parts.push(part);
  return parts;
}

const place = ({ tree, leaf_index }: StoredRecord) => `${tree}:${leaf_index}`;
const RECORD_END = { ndjson: /\n/g, csv: /\r\n/g, xml: /<\/stored_record>\n/g };
const countOf = (text: string, format: keyof typeof RECORD_END) => text.match(RECORD_END[format])?.length ?? 0;
const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

describe("an export", () => {
  it("is all matching records, in pages", async () => {
    const parts = await chunks({ format: "ndjson" });
    const records = linesOf(parts.map((part) => part.text).join("")).map((line) => JSON.parse(line) as StoredRecord);
    expect(parts.length).toBeGreaterThanOrEqual(3);
    expect(new Set(records.map(place)).size).toBe(fixture.stored.length);
    expect(records).toHaveLength(fixture.stored.length);
    expect(parts.at(-1)?.next).toBeNull();
  });

  it.each(["ndjson", "csv", "xml"] as const)("as %s goes on from any chunk to the same text", async (format) => {
    const request: ExportRequest = { format, q: "-status:error", order: "oldest" };
    const whole = await chunks(request);
    const text = whole.map((part) => part.text).join("");
    for (const [number, part] of whole.entries()) {
      if (part.next === null) continue;
      const begin = whole
        .slice(0, number + 1)
        .map((before) => before.text)
        .join("");
      const rest = await chunks({ ...request, cursor: part.next });
      expect(begin + rest.map((after) => after.text).join("") === text).toBe(true);
    }
  });

  it.each(["ndjson", "csv", "xml"] as const)("as %s goes on after any record, whatever came later", async (format) => {
    const request: ExportRequest = { format, q: "status:error" };
    const [first, ...others] = await chunks(request);
    const whole = [first, ...others].map((part) => part!.text).join("");
    const places = (await chunks({ ...request, format: "ndjson" }))
      .flatMap((part) => linesOf(part.text))
      .map((line) => place(JSON.parse(line) as StoredRecord));
    const [late] = fc.sample(storedRecords(50), { numRuns: 1, seed: 10 });
    await fixture.insert(late ?? []);
    const again = await chunks({ ...request, cursor: first!.run });
    expect(again.map((part) => part.text).join("") === whole).toBe(true);
    for (const number of [0, EXPORT_FIRST_RECORDS + 3, places.length - 1]) {
      const rest = await chunks({ ...request, cursor: first!.run, after: places[number]! });
      const text = rest.map((part) => part.text).join("");
      expect(whole.endsWith(text)).toBe(true);
      expect(countOf(text, format)).toBe(places.length - number - 1);
    }
  });

  it("carries the proof of each record when asked", async () => {
    const proof = (tree: string, leafIndex: number) =>
      Promise.resolve(leafIndex === 0 ? null : `proof of ${tree}:${leafIndex}\n`);
    const parts = await chunks({ format: "ndjson", q: "status:denied", proof });
    for (const line of linesOf(parts.map((part) => part.text).join(""))) {
      const exported = JSON.parse(line) as StoredRecord & { proof: string | null };
      expect(exported.proof).toBe(exported.leaf_index === 0 ? null : `proof of ${place(exported)}\n`);
    }
    const [first] = await chunks({ format: "csv", q: "status:denied", proof });
    expect(first?.text.split("\r\n")[0]?.endsWith(",proof")).toBe(true);
  });

  it("is refused while the index lacks records of it, rather than being shorter", async () => {
    const own = await openSearchFixture();
    try {
      await own.insert(fixture.stored.slice(0, 10));
      const first = async (request: Partial<ExportRequest>) => {
        const parts = own.search.export(WHOLE_SCOPE, { format: "ndjson", own: true, ...request });
        return (await parts[Symbol.asyncIterator]().next()).value as ExportChunk;
      };
      const { run } = await first({});
      await expect(first({ after: "default/2026-11:999999999" })).rejects.toThrow(/no such record/);
      await expect(first({ after: "default" })).rejects.toThrow(/tree:leaf_index/);
      own.become("rebuilding");
      await expect(first({})).rejects.toThrow(/index is not filled/);
      own.become("ready");
      own.forget(own.stored[0]!.tree);
      await expect(first({ cursor: run })).rejects.toThrow(/no longer holds/);
    } finally {
      await own.close();
    }
  });
});
