/** The first record that a finding shows is the one that came first, wherever it lies. */
import type { AuditRecord } from "@tallystick/record";
import { afterAll, beforeAll, expect, it } from "vitest";

import { openTemporaryIndex } from "../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../index/engine/temporary-index.ts";
import { SAMPLE_START_US, sampleEntry } from "../index/sample.contract.ts";
import type { SampleEntry } from "../index/sample.contract.ts";
import { rangeFindings } from "./detectors/range-questions.ts";
import { measureStatement } from "./measure/measure-sql.ts";
import type { MeasuredRow } from "./measure/measure-sql.ts";
import { readMeasure } from "./measure/read-measure.ts";

const SECOND_US = 1_000_000;
const CALLS = 40;
const LIMITS = { timeoutMs: 30_000, maxRows: 1_000, maxMemoryBytes: 400_000_000 };

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
});
afterAll(() => temporary.close());

/** What lies later came earlier. */
const backwards = (from: number, atS: number, fields: Partial<AuditRecord>): readonly SampleEntry[] =>
  Array.from({ length: CALLS }, (_, n) => {
    const us = SAMPLE_START_US + (atS + CALLS - n) * SECOND_US;
    return sampleEntry(from + n, { timestamp: new Date(us / 1_000).toISOString(), ...fields }, us);
  });

it("of an error ratio it is the earliest call that failed, over all trees", async () => {
  const failed = backwards(100, 60, { status: "error" });
  await temporary.add("a/2026-11", [...failed, ...backwards(200, 0, { status: "success" })]);
  await temporary.add("b/2026-11", backwards(300, 30, { status: "timeout" }));
  const measure = readMeasure(
    "title: E\nmeasure: {of: error_ratio, group-by: [caller], window: 10m, condition: {gt: 0.1}}\n",
  );
  const statement = measureStatement(measure, SAMPLE_START_US + 300 * SECOND_US)!;
  const { rows } = await temporary.index.reader.select<MeasuredRow>(statement, LIMITS);
  const last = CALLS - 1;
  expect(rows[0]!.records.map(([tree, leaf]) => [tree, leaf])).toEqual(
    [0, 1, 2, 3, 4].map((n) => ["b/2026-11", last - n]),
  );
  expect(rows[0]!.records[0]![2]).toContain(`request-${300 + last}`);
});

it("of what a detector groups it is the earliest record", async () => {
  const expired = { side: "callee", recorder_id: "payments", auth_expires_at: "2026-11-01T00:00:00Z" } as const;
  await temporary.add("c/2026-11", backwards(400, 0, { ...expired, credential_id: "cert" }));
  const none = { sent: 0, revocations: 0, teachings: 0, reads: 0, verdicts: 0, claims: 0, revoked_uses: 0 };
  const [found] = await rangeFindings(
    temporary.index.deriver,
    { tree: "c/2026-11", from: 0, to: CALLS, table: "records" },
    {
      counts: { ...none, denied_reads: 0, expiring: CALLS, nonces: 0, issued: 0 },
      revoked: { ids: 0, issuers: 0 },
    },
  );
  expect(found?.count).toBe(CALLS);
  expect(found?.records).toHaveLength(20);
  expect(found?.records[0]).toMatchObject({ leafIndex: CALLS - 1, callId: expect.stringContaining("request-439") });
  expect(found?.startsAtUs).toBe(SAMPLE_START_US + SECOND_US);
});
