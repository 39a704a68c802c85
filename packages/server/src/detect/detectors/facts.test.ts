/** What the groups of a range tell, gathered in two ways. */
import { afterAll, beforeAll, expect, test } from "vitest";

import { openTemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { SAMPLE_START_US, sampleEntry } from "../../index/sample.contract.ts";
import { STEP_LIMITS } from "./detector-limits.ts";
import { fillRangeFacts, RANGE_FACTS } from "./facts.ts";
import { fillRange, RANGE_TABLE } from "./range-table.ts";

const TREE = "default/2026-01";

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
  await temporary.keepNewest();
});
afterAll(() => temporary.close());

const of = (at: number, count: number, name: string): string => (at % count === 0 ? "" : `${name}-${at % count}`);

test("facts of many groups and of few are the same", async () => {
  const { deriver } = temporary.index;
  const entries = Array.from({ length: 200 }, (_, at) => {
    const us = SAMPLE_START_US + Math.floor(at / 10) * 1_000;
    const fields = {
      timestamp: new Date(us / 1_000).toISOString(),
      side: (["caller", "callee", "observer"] as const)[at % 3]!,
      operation: `GET /${at % 5}`,
      status: at % 7 === 0 ? ("denied" as const) : ("success" as const),
      data_class: at % 4 === 0 ? ("restricted" as const) : ("public" as const),
      peer_address: of(at, 6, "10.0.0").replaceAll("-", "."),
      credential_id: of(at, 4, "key"),
      auth_token_id: of(at, 9, "token"),
      auth_key_thumbprint: of(at, 8, "thumb"),
      auth_scopes: Array.from({ length: at % 3 }, (_scope, n) => `scope-${n}`),
    };
    return sampleEntry(at + 1, fields, us);
  });
  await temporary.add(TREE, entries);
  await deriver.prepare([RANGE_TABLE, RANGE_FACTS]);
  const ranges = [];
  for (const table of ["records", "newest"] as const) {
    await deriver.empty(RANGE_TABLE);
    await deriver.derive(fillRange({ tree: TREE, from: 0, to: entries.length, table }, {}, []), STEP_LIMITS);
    const sql = `SELECT * EXCEPT log_duration FROM ${RANGE_TABLE.name} ORDER BY place`;
    ranges.push(await deriver.select<object>({ sql, params: {} }, STEP_LIMITS));
  }
  expect(ranges[1]).toEqual(ranges[0]);
  const facts = async (isMuch: boolean) => {
    await deriver.empty(RANGE_FACTS);
    await deriver.derive(fillRangeFacts(isMuch), STEP_LIMITS);
    const sql = `SELECT * FROM ${RANGE_FACTS.name} ORDER BY kind, log, subject, value`;
    return deriver.select<{ readonly kind: string }>({ sql, params: {} }, STEP_LIMITS);
  };
  const few = await facts(false);
  expect(new Set(few.map(({ kind }) => kind)).size).toBe(13);
  expect(few).toEqual(await facts(true));
});
