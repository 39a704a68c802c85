/** How many records of one tree a legal hold is for. */
import { Params } from "./compile/sql.ts";
import { filterPredicate } from "./filter.ts";
import { parseQuery } from "./language/parser.ts";
import { SEARCH_MEMORY_BYTES } from "./limits.ts";
import type { Scope } from "./scope.ts";
import type { SearchSources } from "./sources.ts";

const LIMITS = { timeoutMs: 120_000, maxRows: 10, maxMemoryBytes: SEARCH_MEMORY_BYTES };

export interface HeldQuestion {
  readonly tree: string;
  /** So many first leaves of the tree the index must have. */
  readonly size: number;
  readonly query: string;
  /** Of whoever placed it. */
  readonly scope: Scope;
  /** What `now` means in the query: when the hold was placed. */
  readonly nowUs: number;
  /** Only these leaves of the tree; absent: all. */
  readonly indexes?: readonly number[];
}

/** Null when the index cannot say: it does not hold so much of the tree, or gave up. */
export async function countHeld(sources: SearchSources, question: HeldQuestion): Promise<number | null> {
  const { tree, size, query, scope, nowUs, indexes } = question;
  const indexed = sources.follower.positions().find((position) => position.tree === tree)?.indexed ?? 0;
  if (indexed < size || sources.follower.state() !== "ready") return null;
  const params = new Params();
  const filter = { query: parseQuery(query), own: false, axis: "timestamp", fromUs: null, toUs: null } as const;
  const limits = { scope, nowUs, sizes: null, names: sources.names() };
  const { predicate } = filterPredicate({ ...filter, ...limits }, params);
  const leaves = indexes === undefined ? "1" : `leaf_index IN ${params.add(indexes, "Array(Int64)")}`;
  const place = `tree = ${params.text(tree)} AND ${leaves}`;
  const sql = `SELECT count() AS records FROM records WHERE ${place} AND (${predicate})`;
  try {
    const answer = await sources.reader.select<{ readonly records: number }>(params.statement(sql), LIMITS);
    return answer.partial ? null : (answer.rows[0]?.records ?? null);
  } catch {
    return null;
  }
}

/** TallystickError `query_syntax` or `query_too_large` when the query of a hold cannot be asked. */
export function assertHoldQuery(query: string): void {
  parseQuery(query);
}
