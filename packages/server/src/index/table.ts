/**
 * Writes of the index: the schema, inserts, deletions, and what the table holds. All goes through the home's one
 * writer session, so that a statement sees all inserts that were sent before it, also those whose answer was lost.
 */
import { Readable } from "node:stream";
import { letGo } from "../compute/memory.ts";
import type { EncodedBlock } from "./encode-task.ts";
import type { Home } from "./home.ts";
import { HEAL_GROUP_LEAVES, LARGE_INSERT_ROWS, MAX_BLOCK_ROWS, SMALL_INSERTS } from "./limits.ts";
import { mutate } from "./mutation.ts";
import type { MutationSession } from "./mutation.ts";
import { DROP_NEWEST, EMPTY_NEWEST, FEED_NEWEST, MAKE_NEWEST, STARVE_NEWEST } from "./schema/newest.ts";
import { RECORDS, recordsTable, SCHEMA_COMMENT } from "./schema/records.ts";
import { WRITER_SESSION } from "./session-names.ts";

const TREE_NAME = /^[a-z0-9-]+\/[A-Za-z0-9-]+(?:\.r[1-9]\d{0,3})?$/;

/** What the table holds of one tree. */
export interface TreeContent {
  readonly tree: string;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  /**
   * Sum of all leaf indexes, as decimal text: with count, min and max it tells a gap or a double from a whole prefix.
   */
  readonly sum: string;
}

export interface TreeLeaves {
  readonly tree: string;
  readonly indexes: readonly number[];
}

/** A server lets one statement of a session run at a time, and may hold other databases of ours. */
const sessionOf = (home: Home): string => `${WRITER_SESSION}-${home.database}`;

async function rowsOf<Row>(home: Home, query: string): Promise<readonly Row[]> {
  const result = await home.client().query({
    query,
    format: "JSONEachRow",
    session_id: sessionOf(home),
    clickhouse_settings: { wait_end_of_query: 1, output_format_json_quote_64bit_integers: 0 },
  });
  return result.json<Row>();
}

async function command(home: Home, ...queries: readonly string[]): Promise<void> {
  for (const query of queries) await home.client().command({ query, session_id: sessionOf(home) });
}

/** Sum of 0 … count − 1. */
export function prefixSum(count: number): string {
  return ((BigInt(count) * BigInt(count - 1)) / 2n).toString();
}

function checked(tree: string): string {
  if (!TREE_NAME.test(tree)) throw new Error(`not a tree's name: ${tree}`);
  return tree;
}

export class RecordsTable {
  private readonly home: Home;
  /** Since the last large one; null while the newest rows are not kept in memory. */
  private smallInserts: number | null = null;

  constructor(home: Home) {
    this.home = home;
  }

  /** Whether the table is there in our version. */
  async state(): Promise<"current" | "absent" | "other version"> {
    const [row] = await rowsOf<{ comment: string }>(
      this.home,
      `SELECT comment FROM system.tables WHERE database = '${this.home.database}' AND name = '${RECORDS}'`,
    );
    if (row === undefined) return "absent";
    return row.comment === SCHEMA_COMMENT ? "current" : "other version";
  }

  async create(): Promise<void> {
    await command(this.home, recordsTable(this.home.tableSettings));
  }

  async drop(): Promise<void> {
    await command(this.home, ...DROP_NEWEST, `DROP TABLE IF EXISTS ${RECORDS} SYNC`);
  }

  /** Makes the table of the newest rows anew, without any. */
  async makeNewest(): Promise<void> {
    this.smallInserts = null;
    await command(this.home, ...DROP_NEWEST, MAKE_NEWEST);
  }

  private async feedNewest(rows: number): Promise<void> {
    if (rows >= LARGE_INSERT_ROWS) {
      if (this.smallInserts === null) await command(this.home, FEED_NEWEST);
      this.smallInserts = 0;
    } else if (this.smallInserts !== null) {
      this.smallInserts += 1;
      if (this.smallInserts < SMALL_INSERTS) return;
      await command(this.home, ...STARVE_NEWEST);
      this.smallInserts = null;
    }
  }

  /** Parts that the server set aside as broken; what they held is inserted again. */
  async dropDetached(): Promise<void> {
    const parts = await rowsOf<{ name: string }>(
      this.home,
      `SELECT name FROM system.detached_parts WHERE database = '${this.home.database}' AND table = '${RECORDS}' LIMIT 10000`,
    );
    for (const { name } of parts) {
      if (/^[\w-]+$/.test(name)) {
        await command(
          this.home,
          `ALTER TABLE ${RECORDS} DROP DETACHED PART '${name}' SETTINGS allow_drop_detached = 1`,
        );
      }
    }
  }

  /** True while an insert of ours, perhaps of a process before this one, is still running at the server. */
  async inserting(): Promise<boolean> {
    const [row] = await rowsOf<{ running: number }>(
      this.home,
      `SELECT count() AS running FROM system.processes WHERE query_kind = 'Insert' AND current_database = '${this.home.database}' AND query LIKE 'INSERT INTO ${RECORDS} %'`,
    );
    return (row?.running ?? 0) > 0;
  }

  contents(): Promise<readonly TreeContent[]> {
    return rowsOf<TreeContent>(
      this.home,
      `SELECT tree, count() AS count, min(leaf_index) AS min, max(leaf_index) AS max, toString(sum(toInt128(leaf_index))) AS sum FROM ${RECORDS} GROUP BY tree`,
    );
  }

  /** Leaf hash of one leaf, as hexadecimal text; null when there is no such row. */
  async leafHash(tree: string, index: number): Promise<string | null> {
    const [row] = await rowsOf<{ hash: string }>(
      this.home,
      `SELECT lower(hex(leaf_hash)) AS hash FROM ${RECORDS} WHERE tree = '${checked(tree)}' AND leaf_index = ${index} LIMIT 1`,
    );
    return row?.hash ?? null;
  }

  /** Start of the first group of leaves below `size` that is not there exactly once. */
  async firstFault(tree: string, size: number): Promise<number> {
    const groups = await rowsOf<{ group: number; count: number; sum: string }>(
      this.home,
      `SELECT intDiv(leaf_index, ${HEAL_GROUP_LEAVES}) AS group, count() AS count,
         toString(sum(toInt128(leaf_index))) AS sum
       FROM ${RECORDS} WHERE tree = '${checked(tree)}' AND leaf_index < ${size} GROUP BY group ORDER BY group`,
    );
    const found = new Map(groups.map((group) => [group.group, group]));
    for (let from = 0; from < size; from += HEAL_GROUP_LEAVES) {
      const group = found.get(from / HEAL_GROUP_LEAVES);
      const to = Math.min(size, from + HEAL_GROUP_LEAVES);
      const expected = (BigInt(prefixSum(to)) - BigInt(prefixSum(from))).toString();
      if (group === undefined || group.count !== to - from || group.sum !== expected) return from;
    }
    return size;
  }

  async deleteFrom(tree: string, index: number): Promise<void> {
    await this.mutate(`DELETE WHERE tree = '${checked(tree)}' AND leaf_index >= ${index}`);
  }

  /** Rows of single leaves of several trees; only the parts that hold them are written again. */
  async deleteLeaves(leaves: readonly TreeLeaves[]): Promise<void> {
    const which = leaves.map(
      ({ tree, indexes }) => `(tree = '${checked(tree)}' AND leaf_index IN (${indexes.map(Number).join(", ")}))`,
    );
    await this.mutate(`DELETE WHERE ${which.join(" OR ")}`);
  }

  private async mutate(change: string): Promise<void> {
    await command(this.home, EMPTY_NEWEST);
    const session: MutationSession = {
      command: (sql) => command(this.home, sql),
      rows: (sql) => rowsOf(this.home, sql),
    };
    await mutate(session, this.home.database, RECORDS, change);
  }

  /** Every row of a tree: whole partitions where all rows are its own, which costs nothing; elsewhere row by row. */
  async deleteTree(tree: string): Promise<void> {
    const name = checked(tree);
    await command(this.home, EMPTY_NEWEST);
    const partitions = await rowsOf<{ id: string; others: number }>(
      this.home,
      `SELECT _partition_id AS id, countIf(tree != '${name}') AS others FROM ${RECORDS}
       WHERE _partition_id IN (SELECT DISTINCT _partition_id FROM ${RECORDS} WHERE tree = '${name}')
       GROUP BY id`,
    );
    for (const { id, others } of partitions)
      if (others === 0 && /^[\w-]+$/.test(id))
        await command(this.home, `ALTER TABLE ${RECORDS} DROP PARTITION ID '${id}'`);
    await this.deleteFrom(tree, 0);
  }

  /**
   * One part, all or nothing. The token lets the server recognise the same rows sent again within a run. The block's
   * bytes are not to be used afterwards.
   */
  async insert(block: EncodedBlock, token: string, timeoutSignal: AbortSignal): Promise<void> {
    await this.feedNewest(block.to - block.from);
    const result = await this.home.client().exec({
      query: `INSERT INTO ${RECORDS} (${block.columns.join(", ")}) FORMAT Native`,
      values: Readable.from([block.bytes], { objectMode: false }),
      session_id: sessionOf(this.home),
      abort_signal: timeoutSignal,
      clickhouse_settings: {
        async_insert: 0,
        insert_deduplication_token: token,
        // What is missing among the newest is read from here.
        materialized_views_ignore_errors: 1,
        max_insert_block_size: String(MAX_BLOCK_ROWS * 2),
        min_insert_block_size_rows: "0",
        min_insert_block_size_bytes: "0",
        max_insert_threads: "1",
        max_threads: 1,
      },
    });
    for await (const _ of result.stream) void _;
    letGo(block.bytes);
  }
}
