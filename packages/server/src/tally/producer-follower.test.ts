/** The table of producers equals a naive model of sets, whatever the order, the trees and what fails between. */
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Deriver } from "../index/derived-tables.ts";
import { openTemporaryIndex } from "../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../index/engine/temporary-index.ts";
import { sampleEntry } from "../index/sample.contract.ts";
import type { SampleEntry } from "../index/sample.contract.ts";
import { modelRuns } from "./producer-model.contract.ts";
import type { ModelledRun, Placed } from "./producer-model.contract.ts";
import { PRODUCERS, takeInRange } from "./producer-table.ts";
import { claim, follow, member } from "./producers.contract.ts";

const LIMITS = { timeoutMs: 60_000, maxMemoryBytes: 500_000_000 };

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
});
afterAll(() => temporary.close());

/** A log that no other test has written to. */
let logs = 0;
const freshLog = (): string => `log-${++logs}`;

const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 30 }) },
  { weight: 2, arbitrary: fc.integer({ min: 65_530, max: 65_545 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }) },
  { weight: 1, arbitrary: fc.constant(Number.MAX_SAFE_INTEGER) },
);
const run = fc.record({
  id: fc.constantFrom("p", "q", "back\\slash 'quoted'"),
  epoch: fc.constantFrom("", "e", "f"),
  principal: fc.constantFrom("key:orders", "key:other"),
});
const entry: fc.Arbitrary<() => SampleEntry> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(run, number).map(
      ([who, seq]) =>
        () =>
          member({ ...who, seq }),
    ),
  },
  { weight: 1, arbitrary: run.map((who) => () => member(who)) },
  { weight: 1, arbitrary: fc.constant(() => sampleEntry(0)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(run, fc.constantFrom("heartbeat" as const, "close" as const), fc.option(number), fc.option(number))
      .map(([who, operation, seq, count]) => () => {
        const said = { ...who, ...(seq === null ? {} : { seq }), ...(count === null ? {} : { count }) };
        return claim(operation, said);
      }),
  },
);
const batch = fc.record({
  epoch: fc.constantFrom("2026-11", "2026-12"),
  entries: fc.array(entry, { minLength: 1, maxLength: 25 }),
  /** What becomes of the next statements that take something in. */
  fates: fc.array(fc.constantFrom("whole", "refused", "answer lost"), { maxLength: 3 }),
  restart: fc.boolean(),
});

/** Statements that are not run, or run and whose answer does not arrive. */
function unreliable(deriver: Deriver, fates: string[]): Deriver {
  return {
    prepare: (tables) => deriver.prepare(tables),
    select: (statement, limits) => deriver.select(statement, limits),
    empty: (table) => deriver.empty(table),
    remove: (table, condition) => deriver.remove(table, condition),
    generation: () => deriver.generation(),
    isUp: () => deriver.isUp(),
    async derive(statement, limits) {
      const fate = fates.shift() ?? "whole";
      if (fate === "refused") throw new Error("the engine is gone");
      await deriver.derive(statement, limits);
      if (fate === "answer lost") throw new Error("the answer did not arrive");
    },
  };
}

const byName = (runs: readonly ModelledRun[]): readonly ModelledRun[] =>
  runs.toSorted((one, other) => nameOf(one).localeCompare(nameOf(other)));
const nameOf = (run: ModelledRun): string => JSON.stringify([run.producer_id, run.principal, run.producer_epoch]);

test("what is said equals a model of sets: any order, two trees, statements that fail or whose answer is lost", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 5 }), async (batches) => {
      const log = freshLog();
      const placed: Placed[] = [];
      const fates: string[] = [];
      const deriver = unreliable(temporary.index.deriver, fates);
      let followed = follow(temporary.index, temporary.journal, deriver);
      for (const { epoch, entries, fates: next, restart } of batches) {
        const tree = `${log}/${epoch}`;
        const made = entries.map((make) => make());
        fates.push(...next);
        await temporary.add(tree, made);
        placed.push(...made.map((one) => ({ ...one, tree })));
        if (!restart) continue;
        await followed.close();
        followed = follow(temporary.index, temporary.journal, deriver);
      }
      fates.length = 0;
      const expected = byName(modelRuns(placed));
      const runs = byName(await followed.runs(log));
      expect(runs).toMatchObject(expected);
      expect(runs).toHaveLength(expected.length);
      await deriver.derive({ sql: "OPTIMIZE TABLE producers FINAL", params: {} }, LIMITS);
      expect(byName(await followed.runs(log))).toEqual(runs);
      await followed.close();
      expect(followed.troubles.filter((trouble) => trouble.includes("anew"))).toEqual([]);
    }),
    { numRuns: 8 },
  );
});

test("the engine may be killed at any moment", async () => {
  const log = freshLog();
  const placed: Placed[] = [];
  const followed = follow(temporary.index, temporary.journal);
  for (let round = 0; round < 3; round += 1) {
    const made = Array.from({ length: 2_000 }, (_, n) => member({ seq: round * 2_500 + n, id: `p-${n % 7}` }));
    const added = temporary.add(`${log}/2026-11`, made);
    placed.push(...made.map((one) => ({ ...one, tree: `${log}/2026-11` })));
    process.kill(temporary.index.enginePid()!, "SIGKILL");
    await added;
  }
  const runs = await followed.runs(log);
  await followed.close();
  const counts = (all: readonly ModelledRun[]) =>
    byName(all).map((run) => [run.producer_id, run.count, run.missing, run.duplicates, run.first_seq, run.last_seq]);
  expect(counts(runs)).toEqual(counts(modelRuns(placed)));
});

test("a range, and the position after it, are one part", async () => {
  const log = freshLog();
  const followed = follow(temporary.index, temporary.journal);
  await followed.whole();
  await followed.close();
  const tree = `${log}/2026-11`;
  await temporary.add(
    tree,
    [...Array(30_000).keys()].map((n) => member({ id: `p-${n}`, seq: 1 })),
  );
  const { deriver } = temporary.index;
  const parts = async () => {
    const sql =
      "SELECT max(max_block_number) AS newest FROM system.parts WHERE database = currentDatabase() AND table = 'producers'";
    return (await deriver.select<{ newest: number }>({ sql, params: {} }, LIMITS))[0]!.newest;
  };
  const before = await parts();
  await deriver.derive(takeInRange(tree, 0, 30_000), LIMITS);
  expect(await parts()).toBe(before + 1);
});

test("a range that `records` does not hold whole is not taken in", async () => {
  const tree = `${freshLog()}/2026-11`;
  const { deriver } = temporary.index;
  await temporary.add(tree, [member({}), member({})]);
  await expect(deriver.derive(takeInRange(tree, 0, 3), LIMITS)).rejects.toThrow("THROW_IF");
  await expect(deriver.derive(takeInRange("gone/2026-11", 0, 1), LIMITS)).rejects.toThrow("THROW_IF");
  const sql =
    "SELECT count() AS rows FROM producers WHERE log = {log:String} OR tree IN ({tree:String}, 'gone/2026-11')";
  const rows = await deriver.select({ sql, params: { log: tree.split("/")[0], tree } }, LIMITS);
  expect(rows).toEqual([{ rows: 0 }]);
});

test.each(["a part that is doubled", "a table of another version"])("%s has all derived anew", async (what) => {
  const log = freshLog();
  await temporary.add(
    `${log}/2026-11`,
    [1, 2, 4].map((seq) => member({ seq })),
  );
  const before = follow(temporary.index, temporary.journal);
  const expected = await before.runs(log);
  await temporary.add(`${log}/2026-11`, [member({ seq: 5 })]);
  await before.whole();
  await before.close();
  const { deriver } = temporary.index;
  if (what === "a table of another version") {
    await deriver.prepare([
      { ...PRODUCERS, columns: `${PRODUCERS.columns}, other SimpleAggregateFunction(max, UInt8)` },
    ]);
  } else {
    const doubled = `INSERT INTO producers (tree, chunk, leaves, through) SELECT '${log}/2026-11', toInt64(-1), 4, 4`;
    await deriver.derive({ sql: doubled, params: {} }, LIMITS);
  }
  const after = follow(temporary.index, temporary.journal);
  expect(await after.runs(log)).toMatchObject([{ ...expected[0], count: 4, last_seq: 5, missing: 1 }]);
  await after.close();
});

test("another leaf in the place of the last one taken in has all derived anew", async () => {
  const log = freshLog();
  const tree = `${log}/2026-11`;
  await temporary.add(tree, [member({ seq: 1 })]);
  const { deriver } = temporary.index;
  const before = follow(temporary.index, temporary.journal);
  await before.whole();
  await before.close();
  const other = `INSERT INTO producers (tree, chunk, through_hash) SELECT '${tree}', toInt64(-1), argMaxState(toFixedString('other', 32), toInt64(9))`;
  await deriver.derive({ sql: other, params: {} }, LIMITS);
  await temporary.add(tree, [member({ seq: 2 })]);
  const after = follow(temporary.index, temporary.journal);
  expect(await after.runs(log)).toMatchObject([{ count: 2, missing: 0, duplicates: 0 }]);
  expect(after.troubles).toEqual([expect.stringContaining("anew")]);
  await after.close();
});

test("the index may be built anew meanwhile, and nothing is counted twice", async () => {
  const log = freshLog();
  await temporary.add(
    `${log}/2026-11`,
    [...Array(500).keys()].map((seq) => member({ seq })),
  );
  const followed = follow(temporary.index, temporary.journal);
  const rebuilt = temporary.index.reindex(60_000);
  await temporary.add(
    `${log}/2026-11`,
    [...Array(500).keys()].map((n) => member({ seq: 500 + n })),
  );
  await rebuilt;
  expect(await followed.runs(log)).toMatchObject([{ count: 1_000, duplicates: 0, missing: 0, first_seq: 0 }]);
  await followed.close();
});
