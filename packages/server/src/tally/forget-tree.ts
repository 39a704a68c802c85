/**
 * Takes out of the derived tables what came from a deleted tree. A call of which one half lies in a newer tree, or in
 * another log, goes too: what it says was judged from both. Rows of the map go by their time, since all of a tree's
 * records were received between its first and its last; a time that it shares with its neighbour goes with it.
 *
 * Left out on purpose: names alone (aliases, who records at all), which say nothing about any record.
 */
import type { Deriver } from "../index/derived-tables.ts";
import { CALLS, EDGES_1D, EDGES_1H, EDGES_1M } from "./schema.ts";

export interface ForgottenTree {
  readonly tree: string;
  readonly log: string;
  readonly firstReceivedUs: number;
  readonly lastReceivedUs: number;
}

const TREE = /^[a-z0-9-]+\/[A-Za-z0-9.-]+$/;
const SECONDS = { minute: 60, hour: 3_600, day: 86_400 } as const;

export async function forgetTree(deriver: Deriver, forgotten: ForgottenTree): Promise<void> {
  const { tree, log, firstReceivedUs, lastReceivedUs } = forgotten;
  if (!TREE.test(tree) || !tree.startsWith(`${log}/`)) throw new Error(`not a tree's name: ${tree}`);
  await deriver.remove(
    CALLS,
    `c_tree = '${tree}' OR d_tree = '${tree}' OR arrayExists(half -> half.1 = '${tree}', halves)`,
  );
  for (const table of [EDGES_1M, EDGES_1H, EDGES_1D]) {
    const [first, last] = [firstReceivedUs, lastReceivedUs].map((us) => startOf(us, SECONDS[table.time]));
    await deriver.remove(
      table,
      `log = '${log}' AND ${table.time} >= toDateTime(${first}, 'UTC') AND ${table.time} <= toDateTime(${last}, 'UTC')`,
    );
  }
}

/** Seconds. */
function startOf(us: number, lengthS: number): number {
  return Math.floor(us / 1_000_000 / lengthS) * lengthS;
}
