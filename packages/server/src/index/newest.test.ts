/** The newest records in memory: the same rows as in the table, and known not to be all where they are not. */
import { createClient } from "@clickhouse/client";
import { encodeLeaf } from "@tallystick/record";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";

import { storedRecords } from "../search/records.contract.ts";
import { openIndexIn, openTemporaryIndex } from "./engine/temporary-index.ts";
import type { TemporaryIndex } from "./engine/temporary-index.ts";
import { FEW_LEAVES, LARGE_INSERT_ROWS, MANY_LEAVES, SMALL_INSERTS } from "./limits.ts";
import { firstTable, isWhole } from "./newest.ts";
import type { AskRows } from "./newest.ts";
import { sampleEntries } from "./sample.contract.ts";

const LIMITS = { timeoutMs: 20_000, maxRows: 100_000, maxMemoryBytes: 500_000_000 };
const TREE = "default/2026-11";
let temporary: TemporaryIndex;
let ask: AskRows;

beforeEach(async () => {
  temporary = await openTemporaryIndex();
  await temporary.keepNewest();
  ask = async (statement) => (await temporary.index.reader.select<never>(statement, LIMITS)).rows;
});
afterEach(() => temporary.close());

const isAllThere = (from: number, to: number) => isWhole(ask, { tree: TREE, from, to, table: "newest" });
const add = (from: number, to: number) => temporary.add(TREE, sampleEntries(from, to));

async function command(query: string): Promise<void> {
  const { url, user, password } = temporary.index.engineAddress()!;
  const client = createClient({ url, username: user, password });
  await client.command({ query });
  await client.close();
}

test("they are the rows of the table, in every column that is asked of either", async () => {
  const entries = fc.sample(storedRecords(200), { numRuns: 1, seed: 7 })[0]!;
  await temporary.add(TREE, entries);
  const rows = (table: string) =>
    ask<object>({ sql: `SELECT *, parties, call_key, call_id, words FROM ${table} ORDER BY leaf_index`, params: {} });
  const found = await rows("newest");
  expect(found.length).toBe(entries.length);
  expect(found).toEqual((await rows("records")).map((row) => expect.objectContaining(row) as object));
  expect(await isAllThere(0, entries.length)).toBe(true);
});

test("what is not among them is known not to be", async () => {
  await add(0, 20);
  expect(await isAllThere(0, 20)).toBe(true);
  expect(await isAllThere(0, 21)).toBe(false);
  // A deletion of rows empties it, so that nothing stays of what is erased.
  await temporary.index.replaceLeaves(TREE, [3]);
  await add(20, 30);
  expect(await isAllThere(0, 20)).toBe(false);
  expect(await isAllThere(3, 4)).toBe(true);
  expect(await isAllThere(20, 30)).toBe(true);
  expect(await isWhole(ask, { tree: TREE, from: 0, to: 30, table: "records" })).toBe(true);
});

test("the oldest go when there are more than may be", async () => {
  await command("ALTER TABLE tallystick.newest MODIFY SETTING max_bytes_to_keep = 100000");
  await add(0, 100);
  await add(100, 200);
  expect([await isAllThere(0, 100), await isAllThere(100, 200)]).toEqual([false, true]);
});

test("they are kept while inserts are large, and after a start not before one is", async () => {
  await add(0, 10);
  await temporary.index.close();
  const again = openIndexIn(temporary.folder, temporary.journal, () => {});
  let size = 10;
  const insert = async (count: number) => {
    const leaves = sampleEntries(size, size + count).map(({ observed, record }) => encodeLeaf(observed, record));
    temporary.journal.add(TREE, leaves);
    await again.follower.caughtUp(50_000);
    size += count;
    return isAllThere(size - count, size);
  };
  try {
    await again.follower.caughtUp(50_000);
    ask = async (statement) => (await again.reader.select<never>(statement, LIMITS)).rows;
    expect(await isAllThere(0, 10)).toBe(false);
    expect(await insert(2)).toBe(false);
    expect(await insert(LARGE_INSERT_ROWS)).toBe(true);
    expect(await insert(2)).toBe(true);
    for (let times = 2; times < SMALL_INSERTS; times += 1) await insert(1);
    expect(await insert(1)).toBe(false);
    await again.reindex(50_000);
    expect(await isAllThere(0, size)).toBe(true);
  } finally {
    await again.close();
  }
});

test("few leaves are not looked for there, and neither are very many", () => {
  const of = (...sizes: readonly number[]) => firstTable(sizes.map((to) => ({ tree: TREE, from: 0, to })));
  expect([of(), of(FEW_LEAVES - 1), of(FEW_LEAVES), of(1, FEW_LEAVES), of(MANY_LEAVES + 1)]).toEqual([
    "records",
    "records",
    "newest",
    "newest",
    "records",
  ]);
});
