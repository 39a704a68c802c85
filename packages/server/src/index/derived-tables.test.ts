import { afterAll, beforeAll, expect, test } from "vitest";
import type { DerivedTable } from "./derived-tables.ts";
import { openTemporaryIndex } from "./engine/temporary-index.ts";
import type { TemporaryIndex } from "./engine/temporary-index.ts";

const LIMITS = { timeoutMs: 10_000, maxMemoryBytes: 100_000_000 };
const NUMBERS: DerivedTable = { name: "derived_numbers", columns: "n UInt64", engine: "MergeTree ORDER BY n" };
const WORDS: DerivedTable = { name: "derived_words", columns: "word String", engine: "Memory" };

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
});
afterAll(() => temporary.close());

const insert = (from: number) => ({
  sql: "INSERT INTO derived_numbers (n) SELECT number + {from:UInt64} FROM numbers(3)",
  params: { from },
});
const all = { sql: "SELECT n FROM derived_numbers ORDER BY n", params: {} };

test("rows go from table to table, and the session sees what it wrote", async () => {
  const { deriver } = temporary.index;
  expect(await deriver.prepare([NUMBERS, WORDS])).toBe("made");
  await deriver.derive(insert(7), LIMITS);
  expect(await deriver.select(all, LIMITS)).toEqual([{ n: 7 }, { n: 8 }, { n: 9 }]);
  await deriver.remove(NUMBERS, "n > 7");
  expect(await deriver.select(all, LIMITS)).toEqual([{ n: 7 }]);
  await deriver.empty(NUMBERS);
  expect(await deriver.select(all, LIMITS)).toEqual([]);
});

test("tables are kept while all have the version that is asked for, and made anew together otherwise", async () => {
  const { deriver } = temporary.index;
  await deriver.prepare([NUMBERS, WORDS]);
  await deriver.derive(insert(1), LIMITS);
  expect(await deriver.prepare([NUMBERS, WORDS])).toBe("kept");
  expect(await deriver.select(all, LIMITS)).not.toEqual([]);
  expect(await deriver.prepare([NUMBERS, { ...WORDS, columns: "word String, length UInt64" }])).toBe("made");
  expect(await deriver.select(all, LIMITS)).toEqual([]);
});

test.each([
  "INSERT INTO derived_numbers (n) SELECT number FROM url('http://127.0.0.1:1/')",
  "INSERT INTO derived_words (word) SELECT line FROM file('/etc/passwd', 'LineAsString')",
])("a derivation does not reach outside the tables: %s", async (sql) => {
  await expect(temporary.index.deriver.derive({ sql, params: {} }, LIMITS)).rejects.toThrow("refused a statement");
});
