import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTemporaryIndex } from "./engine/temporary-index.ts";
import type { TemporaryIndex } from "./engine/temporary-index.ts";
import { isTallystickError } from "../errors.ts";
import type { IndexReader } from "./index-seam.ts";
import { bareId, equalTo } from "./predicates.ts";
import { sampleEntries, sampleEntry, until } from "./sample.contract.ts";

const LIMITS = { timeoutMs: 20_000, maxRows: 1_000, maxMemoryBytes: 500_000_000 };
const TREE = "default/2026-11";
const SLOW = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1";
let index: TemporaryIndex;
let reader: IndexReader;
beforeAll(async () => {
  index = await openTemporaryIndex();
  reader = index.index.reader;
  await index.add(TREE, sampleEntries(0, 5_000));
});
afterAll(() => index.close());

const rows = async <Row>(sql: string, params: Readonly<Record<string, unknown>> = {}): Promise<readonly Row[]> =>
  (await reader.select<Row>({ sql, params }, LIMITS)).rows;

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => "no error",
    (thrown: unknown) => thrown,
  );
  return isTallystickError(error) ? error.code : String(error);
}

const running = async (): Promise<number> =>
  (
    await rows<{ n: number }>(
      "SELECT count() AS n FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%system.processes%'",
    )
  )[0]!.n;

describe("select", () => {
  test("gives back every parameter as it was", async () => {
    const sql = "SELECT {s:String} AS s, {n:Int64} AS n, {a:Array(String)} AS a, {b:Bool} AS b, {f:Float64} AS f";
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          s: fc.string({ unit: "binary" }),
          n: fc.maxSafeInteger(),
          a: fc.array(fc.string({ unit: "binary" })),
          b: fc.boolean(),
          f: fc.integer().map((number) => number / 8),
        }),
        async (params) => {
          expect(await rows(sql, params)).toEqual([params]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("says how much was read, and when the answer was cut", async () => {
    const whole = await reader.select(
      { sql: "SELECT leaf_index FROM records", params: {} },
      { ...LIMITS, maxRows: 5_000 },
    );
    expect([whole.rows.length, whole.partial, whole.scannedRows]).toEqual([5_000, false, 5_000]);
    const cut = await reader.select(
      { sql: "SELECT leaf_index FROM records", params: {} },
      { ...LIMITS, maxRows: 4_999 },
    );
    expect([cut.rows.length, cut.partial]).toEqual([4_999, true]);
  });

  test("fails by code: too long, too much memory, not understood", async () => {
    expect(await codeOf(reader.select({ sql: SLOW, params: {} }, { ...LIMITS, timeoutMs: 300 }))).toBe("query_timeout");
    const large = "SELECT number, count() FROM numbers(10000000) GROUP BY number";
    expect(await codeOf(reader.select({ sql: large, params: {} }, { ...LIMITS, maxMemoryBytes: 20_000_000 }))).toBe(
      "query_limit",
    );
    expect(await codeOf(rows("SELECT nothing_of_the_kind FROM records"))).toBe("internal");
    expect(await codeOf(rows("SELECT * FROM file('/etc/passwd', 'LineAsString')"))).toBe("internal");
    expect(await codeOf(rows("SELECT 1 INTO OUTFILE '/tmp/never'"))).toBe("internal");
  });

  test("runs behind intake and the index's writer in priority", async () => {
    expect(await rows("SELECT getSetting('os_threads_nice_value_query') AS nice")).toEqual([{ nice: 3 }]);
  });

  test("can write nothing", async () => {
    for (const sql of ["WITH 1 AS x INSERT INTO records (log) SELECT 'a'", "(SELECT 1) SETTINGS readonly = 0"]) {
      expect(await codeOf(rows(sql)), sql).toBe("internal");
    }
  });

  test("kills the query of a caller who left", async () => {
    const controllers = [new AbortController(), new AbortController()];
    const answers = controllers.map((controller) =>
      reader.select({ sql: SLOW, params: {} }, LIMITS, controller.signal).catch((error: unknown) => error),
    );
    await until(async () => (await running()) === 2, 10_000);
    for (const controller of controllers) controller.abort();
    for (const answer of answers) expect(await answer).toMatchObject({ name: "AbortError" });
    await until(async () => (await running()) === 0, 10_000);
  });

  test("lets a caller leave who still waits, and serves the next", async () => {
    const slow = Array.from({ length: 3 }, () => new AbortController());
    const busy = slow.map((controller) =>
      reader.select({ sql: SLOW, params: {} }, LIMITS, controller.signal).catch(() => {}),
    );
    const waiting = new AbortController();
    const left = reader
      .select({ sql: "SELECT 1", params: {} }, LIMITS, waiting.signal)
      .catch((error: unknown) => error);
    const patient = rows<{ one: number }>("SELECT 1 AS one");
    waiting.abort();
    expect(await left).toMatchObject({ name: "AbortError" });
    for (const controller of slow) controller.abort();
    expect(await patient).toEqual([{ one: 1 }]);
    await Promise.all(busy);
  });
});

describe("stream", () => {
  test("gives all rows in blocks", async () => {
    let count = 0;
    let blocks = 0;
    for await (const block of reader.stream(
      { sql: "SELECT leaf_index FROM records ORDER BY leaf_index", params: {} },
      { ...LIMITS, maxRows: Number.MAX_SAFE_INTEGER },
    )) {
      count += block.length;
      blocks += 1;
    }
    expect(count).toBe(5_000);
    expect(blocks).toBeGreaterThan(1);
  });

  test("that fails on the way throws, and the reader goes on", async () => {
    const read = async (): Promise<void> => {
      for await (const _ of reader.stream(
        { sql: "SELECT throwIf(number = 500000) AS x FROM numbers(1000000)", params: {} },
        { ...LIMITS, maxRows: 10_000_000 },
      ))
        void _;
    };
    expect(await codeOf(read())).toBe("internal");
    expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("that is left early is ended", async () => {
    for (let time = 0; time < 8; time += 1) {
      for await (const block of reader.stream<{ number: number }>(
        { sql: "SELECT number FROM numbers(1000000000)", params: {} },
        { ...LIMITS, maxRows: Number.MAX_SAFE_INTEGER },
      )) {
        expect(block[0]!.number).toBe(0);
        break;
      }
    }
    expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await until(
      async () =>
        (
          await rows<{ n: number }>(
            "SELECT count() AS n FROM system.processes WHERE query LIKE '%numbers(1000000000)%' AND query NOT LIKE '%processes%'",
          )
        )[0]!.n === 0,
      10_000,
    );
  });
});

describe("exact conditions", () => {
  test("find the one record by any of its ids, and nothing by a value that the column cannot hold", async () => {
    const fields = {
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      span_id: "b7ad6b7169203331",
      request_digest: `sha256:${"ab".repeat(32)}`,
      subject_refs: ["person-7"],
      duration_us: 0,
      auth_scopes: ["read", "write"],
    };
    await index.add("default/2026-12", [sampleEntry(9_000_000, fields)]);
    const find = async (column: string, value: string): Promise<number> => {
      const { sql, params } = equalTo(column, value, "v");
      return (await rows(`SELECT 1 AS one FROM records WHERE ${sql}`, params)).length;
    };
    expect(await find("id", sampleEntry(9_000_000).record.id)).toBe(1);
    expect(await find("request_id", "request-9000000")).toBe(1);
    expect(await find("trace_id", fields.trace_id)).toBe(1);
    expect(await find("span_id", fields.span_id)).toBe(1);
    expect(await find("request_digest", fields.request_digest)).toBe(1);
    expect(await find("subject_refs", "person-7")).toBe(1);
    expect(await find("duration_us", "0")).toBe(1);
    expect(await find("call_id", `${fields.trace_id}/${fields.span_id}`)).toBe(1);
    expect(await find("call_id", "orders/payments/request-5/0")).toBe(1);
    for (const column of [
      "id",
      "trace_id",
      "request_digest",
      "duration_us",
      "no_such_column",
      "leaf_hash",
      "observed_conflict",
    ]) {
      expect(await find(column, "'; x"), column).toBe(0);
    }
    for (const value of [
      fields.trace_id,
      fields.span_id,
      fields.request_digest,
      "person-7",
      "request-9000000",
      sampleEntry(9_000_000).record.id,
    ]) {
      const { sql, params } = bareId(value, "v");
      expect((await rows(`SELECT 1 AS one FROM records WHERE ${sql}`, params)).length, value).toBe(1);
    }
  });

  test("words match without case, and the index alone answers", async () => {
    await index.add("default/2027-01", [
      sampleEntry(9_100_000, { error_message: "Karte ABGELEHNT von Zürich-Bank", status: "error" }),
    ]);
    const count = async (words: string): Promise<number> =>
      (
        await rows<{ n: number }>("SELECT count() AS n FROM records WHERE hasAllTokens(words, lowerUTF8({w:String}))", {
          w: words,
        })
      )[0]!.n;
    expect(await count("abgelehnt KARTE")).toBe(1);
    expect(await count("ZÜRICH")).toBe(1);
    expect(await count("orders zürich nothing")).toBe(0);
    const plan = await rows<Record<string, string>>(
      "EXPLAIN indexes = 1 SELECT count() FROM records WHERE hasAllTokens(words, 'zürich')",
    );
    expect(JSON.stringify(plan)).toContain("Name: words");
  });
});
