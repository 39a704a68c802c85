import type { Home } from "./home.ts";
import type { IndexReader } from "./index-seam.ts";
import { RecordsTable } from "./table.ts";

/** Rows of one tree and day of receipt (UTC), for the comparison with the journal. */
export interface DayCount {
  readonly tree: string;
  readonly day: string;
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

const LIMITS = { timeoutMs: 600_000, maxRows: 1_000_000, maxMemoryBytes: 1024 * 1024 * 1024 };

export async function dayCounts(reader: IndexReader): Promise<readonly DayCount[]> {
  const sql =
    "SELECT tree, toString(toDate(observed_received_at)) AS day, count() AS count, min(leaf_index) AS min, " +
    "max(leaf_index) AS max FROM records GROUP BY tree, day ORDER BY tree, day";
  return (await reader.select<DayCount>({ sql, params: {} }, LIMITS)).rows;
}

/** False where the table is not there in our version. */
export async function hasRecords(home: Home): Promise<boolean> {
  return (await new RecordsTable(home).state()) === "current";
}
