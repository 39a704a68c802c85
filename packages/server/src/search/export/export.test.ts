import type { StoredRecord } from "@tallystick/record";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { EXPORT_FIRST_RECORDS, EXPORT_MAX_RECORDS } from "../limits.ts";
import { storedRecords } from "../records.contract.ts";
import { openSearchFixture } from "../search-fixture.contract.ts";
import type { SearchFixture } from "../search-fixture.contract.ts";
import type { ExportChunk, ExportRequest } from "./export.ts";

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
  for await (const part of fixture.search.export({ logs: "*" }, { own: true, ...request })) parts.push(part);
  return parts;
}

const place = ({ tree, leaf_index }: StoredRecord) => `${tree}:${leaf_index}`;
const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

describe("an export", () => {
  it("is all matching records, in pages", async () => {
    const parts = await chunks({ format: "ndjson" });
    const records = linesOf(parts.map((part) => part.text).join("")).map((line) => JSON.parse(line) as StoredRecord);
    expect(parts.length).toBeGreaterThanOrEqual(3);
    expect(new Set(records.map(place)).size).toBe(COUNT);
    expect(records).toHaveLength(COUNT);
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
});
