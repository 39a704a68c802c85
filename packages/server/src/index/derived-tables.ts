/**
 * Tables that followers derive from `records` inside the engine: rows go from table to table by `INSERT … SELECT` and
 * never through this process. All statements run in one session of their own, in order, so that each sees what those
 * before it wrote.
 */
import { createHash } from "node:crypto";
import type { ClickHouseClient, ClickHouseSettings } from "@clickhouse/client";
import { indexError } from "./client.ts";
import type { Home } from "./home.ts";
import type { QueryLimits, Statement } from "./index-seam.ts";
import { mutate } from "./mutation.ts";
import type { MutationSession } from "./mutation.ts";
import { DERIVER_SESSION } from "./session-names.ts";

export interface DerivedTable {
  readonly name: string;
  /** What stands between the parentheses of CREATE TABLE: columns and indexes. */
  readonly columns: string;
  /** Engine and order, as `MergeTree ORDER BY call_key`. */
  readonly engine: string;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Deriver {
  /**
   * Makes exactly these tables exist. When one is missing or of another version all are dropped and made anew, since
   * they are derived together; then the answer is `made`.
   */
  prepare(tables: readonly DerivedTable[]): Promise<"kept" | "made">;
  /** One `INSERT INTO table (columns) SELECT …`. When it throws it is not known whether the rows are there. */
  derive(statement: Statement, limits: DeriveLimits): Promise<void>;
  /** Rows of one SELECT, seen as this session wrote them. */
  select<Row>(statement: Statement, limits: DeriveLimits): Promise<readonly Row[]>;
  empty(table: DerivedTable): Promise<void>;
  /** Deletes rows for good and returns when they are gone. `condition` is our own text, never a reader's. */
  remove(table: DerivedTable, condition: string): Promise<void>;
  /** Changes whenever the engine was or may have been another one: what was being written is then uncertain. */
  generation(): number;
  isUp(): boolean;
}

export type DeriveLimits = Omit<QueryLimits, "maxRows">;

const DROP_TIMEOUT_S = 600;

export function tableVersion({ name, columns, engine, settings = {} }: DerivedTable): string {
  return createHash("sha256")
    .update(JSON.stringify([name, columns, engine, settings]))
    .digest("hex")
    .slice(0, 16);
}

export interface DeriverOptions {
  readonly home: Home;
  /** Of the session: one a follower. */
  readonly name: string;
  /** Linux nice value of the next statement's threads, where the engine may set it. */
  readonly nice: () => number;
}

class EngineDeriver implements Deriver {
  readonly #home: Home;
  readonly #session: string;
  readonly #nice: () => number;

  constructor({ home, name, nice }: DeriverOptions) {
    this.#home = home;
    this.#session = `${DERIVER_SESSION}-${name}-${home.database}`;
    this.#nice = nice;
  }

  generation(): number {
    return this.#home.generation();
  }

  isUp(): boolean {
    return this.#home.isUp();
  }

  async prepare(tables: readonly DerivedTable[]): Promise<"kept" | "made"> {
    const names = tables.map(({ name }) => `'${name}'`).join(", ");
    const found = await this.#rows<{ name: string; comment: string }>(
      `SELECT name, comment FROM system.tables WHERE database = '${this.#home.database}' AND name IN (${names})`,
    );
    const comments = new Map(found.map(({ name, comment }) => [name, comment]));
    if (tables.every((table) => comments.get(table.name) === tableVersion(table))) return "kept";
    for (const { name } of tables) await this.#command(`DROP TABLE IF EXISTS ${name} SYNC`);
    for (const table of tables) await this.#command(this.#definition(table));
    return "made";
  }

  #definition(table: DerivedTable): string {
    const ownDisk = table.engine.includes("MergeTree") ? this.#home.tableSettings : {};
    const settings = Object.entries({ ...ownDisk, ...table.settings }).map(([name, value]) => `${name} = ${value}`);
    const clause = settings.length === 0 ? "" : ` SETTINGS ${settings.join(", ")}`;
    return `CREATE TABLE ${table.name} (${table.columns}) ENGINE = ${table.engine}${clause} COMMENT '${tableVersion(table)}'`;
  }

  async derive(statement: Statement, limits: DeriveLimits): Promise<void> {
    await this.#command(statement.sql, statement.params, this.#settings(limits));
  }

  async select<Row>(statement: Statement, limits: DeriveLimits): Promise<readonly Row[]> {
    return this.#rows<Row>(statement.sql, statement.params, this.#settings(limits));
  }

  #settings(limits: DeriveLimits): ClickHouseSettings {
    return { ...settingsOf(limits), os_threads_nice_value_query: String(this.#nice()) };
  }

  empty(table: DerivedTable): Promise<void> {
    return this.#command(`TRUNCATE TABLE ${table.name}`);
  }

  remove(table: DerivedTable, condition: string): Promise<void> {
    const session: MutationSession = {
      command: (sql) => this.#command(sql),
      rows: (sql) => this.#rows(sql),
    };
    return mutate(session, this.#home.database, table.name, `DELETE WHERE ${condition}`);
  }

  async #rows<Row>(
    query: string,
    params: Statement["params"] = {},
    settings: ClickHouseSettings = {},
  ): Promise<readonly Row[]> {
    return this.#tried(async (client) => {
      const result = await client.query({
        query,
        query_params: { ...params },
        format: "JSONEachRow",
        session_id: this.#session,
        clickhouse_settings: { wait_end_of_query: 1, output_format_json_quote_64bit_integers: 0, ...settings },
      });
      return result.json<Row>();
    });
  }

  async #command(
    query: string,
    params: Statement["params"] = {},
    settings: ClickHouseSettings = { max_execution_time: DROP_TIMEOUT_S },
  ): Promise<void> {
    await this.#tried((client) =>
      client.command({
        query,
        query_params: { ...params },
        session_id: this.#session,
        clickhouse_settings: settings,
      }),
    );
  }

  async #tried<Result>(ask: (client: ClickHouseClient) => Promise<Result>): Promise<Result> {
    try {
      return await ask(this.#home.client());
    } catch (error) {
      throw indexError(error);
    }
  }
}

/** One thread: a follower leaves the other to intake. One part an insert, however many rows it selects. */
function settingsOf({ timeoutMs, maxMemoryBytes }: DeriveLimits): ClickHouseSettings {
  return {
    max_execution_time: timeoutMs / 1_000,
    timeout_overflow_mode: "throw",
    max_memory_usage: String(maxMemoryBytes),
    // A name means the table's column, also where the same name is given to what is made of it.
    prefer_column_name_to_alias: 1,
    // Compiling to machine code costs more than a step's rows.
    compile_expressions: 0,
    compile_aggregate_expressions: 0,
    compile_sort_description: 0,
    // Looking through long conditions for comparisons that follow from others costs a fifth of such a statement.
    optimize_and_compare_chain: 0,
    // A table in memory would give an attribute of every row before the rows are chosen.
    optimize_functions_to_subcolumns: 0,
    max_threads: 1,
    max_insert_threads: "1",
    // A bloom filter that is asked for thousands of keys, granule by granule, costs more than it saves.
    use_index_for_in_with_subqueries_max_values: "1000",
    min_insert_block_size_rows: "1000000",
    min_insert_block_size_bytes: "268435456",
  };
}

export function engineDeriver(options: DeriverOptions): Deriver {
  return new EngineDeriver(options);
}
