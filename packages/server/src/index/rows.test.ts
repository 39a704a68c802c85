import fc from "fast-check";
import { callId, encodeLeaf } from "@tallystick/record";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anyObserved, anyRecord } from "./arbitrary.contract.ts";
import { openTemporaryIndex } from "./engine/temporary-index.ts";
import type { TemporaryIndex } from "./engine/temporary-index.ts";
import { STORED_COLUMNS, storedRecord } from "./rows.ts";
import type { StoredRow } from "./rows.ts";

const LIMITS = { timeoutMs: 20_000, maxRows: 10_000, maxMemoryBytes: 500_000_000 };
let index: TemporaryIndex;
beforeAll(async () => {
  index = await openTemporaryIndex();
});
afterAll(() => index.close());

test("a record read from the index equals the one in its leaf, whatever it holds", async () => {
  let epoch = 0;
  const anyEntry = fc.tuple(anyRecord, anyObserved).map(([record, observed]) => ({ record, observed }));
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { minLength: 1, maxLength: 60 }), async (given) => {
      const tree = `default/e${(epoch += 1)}`;
      // Within a tree, received_at does not go back.
      const entries = given.toSorted((one, other) => (one.observed.received_at < other.observed.received_at ? -1 : 1));
      await index.add(tree, entries);
      const answer = await index.index.reader.select<StoredRow>(
        {
          sql: `SELECT ${STORED_COLUMNS} FROM records WHERE tree = {tree:String} ORDER BY leaf_index`,
          params: { tree },
        },
        LIMITS,
      );
      const expected = entries.map(({ record, observed }, place) => ({
        tree,
        leaf_index: place,
        call_id: callId(record),
        record,
        observed,
      }));
      const found = answer.rows.map(storedRecord);
      expect(found.map((stored) => Buffer.from(encodeLeaf(stored.observed, stored.record)).toString())).toEqual(
        expected.map((stored) => Buffer.from(encodeLeaf(stored.observed, stored.record)).toString()),
      );
      expect(found.map((stored) => stored.call_id)).toEqual(expected.map((stored) => stored.call_id));
    }),
    { numRuns: 30 },
  );
  expect(index.troubles).toEqual([]);
}, 120_000);
