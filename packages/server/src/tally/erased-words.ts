/**
 * Words that are to go from derived tables, in a table of the engine's memory while they are looked for: the text of a
 * deletion lies in the engine's folder for long, and must not name what it deletes. A stop forgets them; whoever erases
 * begins again then.
 */
import type { Deriver, DerivedTable, DeriveLimits } from "../index/derived-tables.ts";
import { Params } from "../search/compile/sql.ts";

const WORDS: DerivedTable = { name: "erased_words", columns: "list String, word String", engine: "Memory" };

export type WordLists = Readonly<Record<string, readonly string[]>>;

/** Conditions of `withWords` on columns that hold strings. */
export const isWordOf = (list: string, column: string): string =>
  `${column} IN (SELECT word FROM ${WORDS.name} WHERE list = '${list}')`;

/** `matches` is a condition on `word`. */
export const hasWordOf = (list: string, matches: string): string =>
  `arrayExists(word -> ${matches}, (SELECT groupArray(word) FROM ${WORDS.name} WHERE list = '${list}'))`;

/** Names of lists are our own text. One at a time. */
export async function withWords(
  deriver: Deriver,
  lists: WordLists,
  limits: DeriveLimits,
  work: () => Promise<void>,
): Promise<void> {
  await deriver.prepare([WORDS]);
  await deriver.empty(WORDS);
  for (const [list, words] of Object.entries(lists)) {
    if (words.length === 0) continue;
    const params = new Params();
    const row = `${params.text(list)} AS list, arrayJoin(${params.add(words, "Array(String)")}) AS word`;
    await deriver.derive(params.statement(`INSERT INTO ${WORDS.name} (list, word) SELECT ${row}`), limits);
  }
  await work();
  await deriver.empty(WORDS);
}

/** A deletion looks at every part and waits for the merges before it, so it is asked for only where there is something. */
export async function removeFound(
  deriver: Deriver,
  table: DerivedTable,
  condition: string,
  limits: DeriveLimits,
): Promise<void> {
  const sql = `SELECT count() AS found FROM ${table.name} WHERE ${condition}`;
  const [row] = await deriver.select<{ found: number }>({ sql, params: {} }, limits);
  if ((row?.found ?? 0) > 0) await deriver.remove(table, condition);
}
