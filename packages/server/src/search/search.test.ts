import { timestampUs } from "@tallystick/record";
import type { StoredRecord } from "@tallystick/record";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isTallystickError } from "../errors.ts";
import { evaluate } from "./evaluate.contract.ts";
import { parseQuery } from "./language/parser.ts";
import { NOW_US, storedRecords } from "./records.contract.ts";
import { seesRecord, WHOLE_SCOPE } from "./scope.ts";
import type { Scope } from "./scope.ts";
import type { SearchRequest } from "./search.ts";
import { openSearchFixture } from "./search-fixture.contract.ts";
import type { SearchFixture } from "./search-fixture.contract.ts";

const ALL: Scope = WHOLE_SCOPE;
let fixture: SearchFixture;

function sample(count: number, seed: number): readonly StoredRecord[] {
  return fc.sample(storedRecords(count), { numRuns: 1, seed })[0] ?? [];
}

beforeAll(async () => {
  fixture = await openSearchFixture();
  await fixture.insert(sample(200, 1));
});

afterAll(async () => {
  await fixture.close();
});

const place = (record: StoredRecord) => `${record.tree}:${record.leaf_index}`;

/** In the order of a run, of what there is now. */
function expectedRun(request: SearchRequest, fromUs = 0, toUs = Number.MAX_SAFE_INTEGER): readonly string[] {
  const root = parseQuery(request.q ?? "").root;
  const us = (row: StoredRecord) =>
    timestampUs(request.time === "received_at" ? row.observed.received_at : row.record.timestamp);
  const matching = fixture.stored.filter(
    (row) =>
      evaluate(root, row, NOW_US) &&
      us(row) >= fromUs &&
      us(row) < toUs &&
      (request.own === true || row.observed.principal !== "tallystick"),
  );
  const compare = (a: StoredRecord, b: StoredRecord) =>
    us(a) - us(b) || (a.tree < b.tree ? -1 : a.tree > b.tree ? 1 : a.leaf_index - b.leaf_index);
  const sorted = matching.toSorted(compare);
  return (request.order === "oldest" ? sorted : sorted.toReversed()).map(place);
}

async function run(request: SearchRequest, between: () => Promise<void>): Promise<readonly string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const answer = await fixture.search.search(ALL, { ...request, cursor });
    expect(answer.partial).toBe(false);
    found.push(...answer.records.map(place));
    cursor = answer.next;
    if (cursor !== null) await between();
  } while (cursor !== null);
  return found;
}

describe("a run of pages", () => {
  it("is every record of its first page's trees, exactly once and in order, while records arrive", async () => {
    const request: fc.Arbitrary<SearchRequest> = fc.record({
      q: fc.constantFrom("*", "", "status:error", "payments", "-status:error", "duration_us:>=500"),
      order: fc.constantFrom("newest", "oldest"),
      time: fc.constantFrom("timestamp", "received_at"),
      own: fc.boolean(),
      limit: fc.integer({ min: 25, max: 150 }),
    });
    let seed = 100;
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        const expected = expectedRun(given);
        expect(await run(given, () => fixture.insert(sample(3, seed++)))).toEqual(expected);
      }),
      { numRuns: 8 },
    );
  });

  it("says that it is partial while the index is rebuilt or cannot be written", async () => {
    for (const state of ["rebuilding", "failed"] as const) {
      fixture.become(state);
      expect((await fixture.search.search(ALL, {})).partial).toBe(true);
      expect((await fixture.search.histogram(ALL, {})).partial).toBe(true);
    }
    fixture.become("ready");
    expect((await fixture.search.search(ALL, {})).partial).toBe(false);
  });

  it("lies in the half-open range", async () => {
    const request = { q: "*", from: "now-2m", to: "now", limit: 1_000, own: true };
    const answer = await fixture.search.search(ALL, request);
    expect(answer.records.map(place)).toEqual(expectedRun(request, NOW_US - 120_000_000, NOW_US));
    const none = await fixture.search.search(ALL, { from: "now", to: "now" });
    expect(none.records).toEqual([]);
    expect(none.next).toBeNull();
  });

  it("gives records as they were stored", async () => {
    const answer = await fixture.search.search(ALL, { limit: 1_000, own: true });
    expect(answer.records.length).toBe(Math.min(fixture.stored.length, 1_000));
    const [record] = answer.records;
    expect(record).toEqual(fixture.stored.find((stored) => record !== undefined && place(stored) === place(record)));
  });

  it("refuses a limit, a cursor of another query and a time that is none", async () => {
    const { next } = await fixture.search.search(ALL, { limit: 1 });
    for (const [request, code] of [
      [{ limit: 0 }, "bad_request"],
      [{ limit: 1_001 }, "bad_request"],
      [{ limit: 1.5 }, "bad_request"],
      [{ from: "soon" }, "bad_request"],
      [{ cursor: next, q: "status:error" }, "cursor_invalid"],
      [{ cursor: next, order: "oldest" }, "cursor_invalid"],
      [{ q: "(" }, "query_syntax"],
    ] as const) {
      const refusal = await fixture.search.search(ALL, request).catch((error: unknown) => error);
      expect(isTallystickError(refusal, code), code).toBe(true);
    }
  });
});

describe("a scope", () => {
  it("hides other logs from every answer", async () => {
    const scope: Scope = { ...WHOLE_SCOPE, logs: ["control"] };
    const request = { q: "*", own: true };
    const mine = fixture.stored.filter((row) => row.tree.startsWith("control/"));
    const found = await fixture.search.search(scope, { ...request, limit: 1_000 });
    expect(found.records.every((row) => row.tree.startsWith("control/"))).toBe(true);
    expect(found.records).toHaveLength(mine.length);
    expect((await fixture.search.histogram(scope, request)).count).toBe(mine.length);
    const facets = await fixture.search.facets(scope, { ...request, fields: ["tree"] });
    expect(facets.facets[0]?.values).toEqual([{ value: "control/2026-11", count: mine.length }]);
    expect(await fixture.search.recordAt(scope, "default/2026-11", 0)).toBeNull();
    expect((await fixture.search.recordAt(scope, "control/2026-11", 0))?.leaf_index).toBe(0);
    const seesNothing = await fixture.search.search({ ...WHOLE_SCOPE, logs: [] }, request);
    expect(seesNothing.records).toEqual([]);
  });
});

describe("a scope of services and classes", () => {
  const services = fc.constantFrom<Scope["services"]>("*", [], ["payments"], ["orders", "tallystick"], ["' OR 1=1"]);
  const classes = fc.constantFrom<Scope["dataClasses"]>("*", [], ["unclassified"], ["public", "restricted"], ["'"]);
  const logs = fc.constantFrom<Scope["logs"]>("*", ["default"], { allBut: ["control"] }, { allBut: [] });

  it("shows exactly the records that it names, whatever is asked", async () => {
    await fc.assert(
      fc.asyncProperty(fc.record({ logs, services, dataClasses: classes }), async (scope) => {
        const mine = fixture.stored.filter((stored) => seesRecord(scope, stored.tree, stored));
        const found = await fixture.search.search(scope, { own: true, limit: 1_000 });
        expect(found.records.every((stored) => seesRecord(scope, stored.tree, stored))).toBe(true);
        expect(found.records).toHaveLength(Math.min(1_000, mine.length));
        expect((await fixture.search.histogram(scope, { own: true })).count).toBe(mine.length);
        const others = mine.filter(({ observed }) => observed.principal !== "tallystick");
        expect((await fixture.search.histogram(scope, {})).count).toBe(others.length);
        for (const stored of fixture.stored.slice(0, 5)) {
          const one = await fixture.search.recordAt(scope, stored.tree, stored.leaf_index);
          expect(one !== null).toBe(seesRecord(scope, stored.tree, stored));
        }
      }),
      { numRuns: 30 },
    );
  });

  it("takes no name for another, whatever it is made of, among any number of names", async () => {
    const name = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\\", "n", "%"), minLength: 1, maxLength: 4 });
    const names = fc.sample(fc.tuple(name, name, name), { numRuns: 60, seed: 4 });
    const records = sample(60, 5).map(({ record, ...stored }, at) => {
      const [service_id = "", target_id = "", recorder_id = ""] = names[at] ?? [];
      return { ...stored, record: { ...record, service_id, target_id, recorder_id } };
    });
    await fixture.insert(records);
    const many = Array.from({ length: 600 }, (_, at) => `service-${at}`);
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 3 }), fc.boolean(), async (some, among) => {
        const scope: Scope = { ...WHOLE_SCOPE, services: among ? [...many, ...some] : some };
        const seen = fixture.stored.filter((stored) => seesRecord(scope, stored.tree, stored));
        expect((await fixture.search.histogram(scope, { own: true })).count).toBe(seen.length);
      }),
      { numRuns: 30 },
    );
  });
});

describe("Tallystick's own records", () => {
  it("are found by a query that names their type, and by no query that excludes it", async () => {
    const isOwn = ({ observed }: { observed: { principal: string } }) => observed.principal === "tallystick";
    const types = new Set(fixture.stored.filter(isOwn).map(({ record }) => record.event_type));
    expect(types.size).toBeGreaterThan(0);
    for (const type of types) {
      const mine = fixture.stored.filter(({ record }) => record.event_type === type);
      const q = `event_type:${type.toLowerCase()}`;
      expect((await fixture.search.search(ALL, { q, limit: 1_000 })).records).toHaveLength(
        Math.min(1_000, mine.length),
      );
      const without = await fixture.search.search(ALL, { q: `NOT event_type:${type}`, limit: 1_000 });
      expect(without.records.some(isOwn)).toBe(false);
    }
  });
});

describe("a histogram", () => {
  it("counts every matching record once, by status, in adjoining buckets", async () => {
    const answer = await fixture.search.histogram(ALL, { own: true });
    expect(answer.count).toBe(fixture.stored.length);
    expect(answer.buckets.length).toBeGreaterThanOrEqual(30);
    expect(answer.buckets.length).toBeLessThanOrEqual(120);
    const starts = answer.buckets.map((bucket) => timestampUs(bucket.start));
    for (const [index, start] of starts.entries())
      if (index > 0) expect(start - (starts[index - 1] ?? 0)).toBe(answer.width_us);
    const errors = answer.buckets.reduce((sum, bucket) => sum + (bucket.by_status["error"] ?? 0), 0);
    expect(errors).toBe(fixture.stored.filter((row) => row.record.status === "error").length);
  });

  it("tells how long calls took when asked, and nothing where none told", async () => {
    const answer = await fixture.search.histogram(ALL, { q: "_exists_:duration_us", durations: true });
    const counted = answer.buckets.filter(({ count }) => count > 0);
    expect(counted.length).toBeGreaterThan(0);
    for (const { start, count, p50_us: p50, p95_us: p95 } of counted) {
      const lasted = fixture.stored
        .filter(({ observed }) => observed.principal !== "tallystick")
        .filter(({ record }) => {
          const afterUs = timestampUs(record.timestamp) - timestampUs(start);
          return record.duration_us !== undefined && afterUs >= 0 && afterUs < answer.width_us;
        })
        .map(({ record }) => record.duration_us!)
        .toSorted((a, b) => a - b);
      expect(lasted).toHaveLength(count);
      expect([p50! >= lasted[0]!, p95! >= p50!, p95! <= lasted.at(-1)!]).toEqual([true, true, true]);
    }
    const counts = await fixture.search.histogram(ALL, { q: "_exists_:duration_us" });
    expect(counts.buckets.map(({ count, by_status }) => ({ count, by_status }))).toEqual(
      answer.buckets.map(({ count, by_status }) => ({ count, by_status })),
    );
    const none = await fixture.search.histogram(ALL, { q: "NOT _exists_:duration_us", durations: true, own: true });
    expect(none.buckets.every(({ p50_us: p50 }) => p50 === null)).toBe(true);
    expect((await fixture.search.histogram(ALL, {})).buckets[0]).not.toHaveProperty("p50_us");
  });

  it("has the width asked for, within bounds", async () => {
    const answer = await fixture.search.histogram(ALL, { from: "now-10m", to: "now", width: "1m", own: true });
    expect(answer.width_us).toBe(60_000_000);
    expect(answer.buckets.length).toBeGreaterThanOrEqual(10);
    await expect(fixture.search.histogram(ALL, { from: "2020", to: "now", width: "1s" })).rejects.toThrow(
      /from|buckets/,
    );
    await expect(fixture.search.histogram(ALL, { from: "2020-01", to: "now", width: "1s" })).rejects.toThrow(/buckets/);
  });

  it("of nothing is empty", async () => {
    expect((await fixture.search.histogram(ALL, { q: "nothinglikeit" })).buckets).toEqual([]);
    expect((await fixture.search.histogram(ALL, { q: "nothinglikeit", from: "now-1h", to: "now" })).count).toBe(0);
  });
});

describe("facets", () => {
  it("count the values of fields, lists and attributes", async () => {
    const fields = ["status", "auth_scopes", "attributes", "http.route", "attempt", "conflict", "trace_id"];
    const { facets } = await fixture.search.facets(ALL, { fields, own: true, limit: 100 });
    const counted = (field: string) =>
      Object.fromEntries(facets.find((facet) => facet.field === field)?.values.map((v) => [v.value, v.count]) ?? []);
    const count = (of: (row: StoredRecord) => readonly (string | undefined)[]) => {
      const counts: Record<string, number> = {};
      for (const value of fixture.stored.flatMap(of))
        if (value !== undefined && value !== "") counts[value] = (counts[value] ?? 0) + 1;
      return counts;
    };
    expect(counted("status")).toEqual(count(({ record }) => [record.status]));
    expect(counted("auth_scopes")).toEqual(count(({ record }) => record.auth_scopes ?? []));
    expect(counted("attributes")).toEqual(count(({ record }) => Object.keys(record.attributes ?? {})));
    expect(counted("http.route")).toEqual(count(({ record }) => [record.attributes?.["http.route"]]));
    expect(counted("attempt")).toEqual(count(({ record }) => [String(record.attempt)]));
    expect(counted("conflict")).toEqual(count(({ observed }) => [observed.conflict === true ? "true" : undefined]));
    expect(counted("trace_id")).toEqual(count(({ record }) => [record.trace_id]));
  });

  it("give the most frequent values and say that there are more", async () => {
    const { facets, sample_records } = await fixture.search.facets(ALL, {
      fields: ["service_id"],
      limit: 2,
      own: true,
    });
    expect(facets[0]?.values).toHaveLength(2);
    expect(facets[0]?.more).toBe(true);
    expect(sample_records).toBeNull();
    await expect(fixture.search.facets(ALL, { fields: [] })).rejects.toThrow(/fields/);
    await expect(fixture.search.facets(ALL, { fields: ["timestamp"] })).rejects.toThrow(/no facet/);
  });

  it("come with a list of all fields and the attributes found", async () => {
    const answer = await fixture.search.fields(ALL, {});
    expect(answer.fields.find((field) => field.name === "status")?.values).toContain("denied");
    expect(answer.attributes.map((attribute) => attribute.name)).toContain("http.route");
  });
});
