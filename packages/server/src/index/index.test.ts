import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTemporaryIndex } from "./engine/temporary-index.ts";
import type { TemporaryIndex } from "./engine/temporary-index.ts";
import { STORED_COLUMNS, storedRecord } from "./rows.ts";
import type { StoredRow } from "./rows.ts";

let index: TemporaryIndex;
beforeAll(async () => {
  index = await openTemporaryIndex();
});
afterAll(() => index.close());

const LIMITS = { timeoutMs: 10_000, maxRows: 1000, maxMemoryBytes: 500_000_000 };

describe("smoke", () => {
  test("a record is found", async () => {
    const record = { id: "01a211b7-fe4d-758a-bfe8-625f26d64b81", timestamp: "2026-11-25T08:00:00.5Z".replace(".5Z", ".500Z"), event_type: "API_CALL", phase: "outcome", side: "caller", service_id: "a", target_id: "b", recorder_id: "a", request_id: "r/1", attempt: 0, operation: "GET /x", protocol: "http", status: "success", attributes: { k: "vä'\n\"" } };
    const observed = { received_at: "2026-11-25T08:00:01.000000Z", principal: "a", standing: "authenticated" as const, source_address: "127.0.0.1", intake: "json" };
    const t = performance.now();
    await index.add("default/2026-11", [{ record, observed }]);
    console.log("add", performance.now() - t);
    const answer = await index.index.reader.select<StoredRow>({ sql: `SELECT ${STORED_COLUMNS} FROM records WHERE service_id = {s:String}`, params: { s: "a" } }, LIMITS);
    console.log(answer, index.troubles);
    expect(storedRecord(answer.rows[0]!)).toEqual({ tree: "default/2026-11", leaf_index: 0, call_id: "a/b/r%2F1/0", record, observed });
  });
});
