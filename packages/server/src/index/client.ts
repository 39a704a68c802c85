/**
 * Reads of the index: one SELECT at a time and caller, a bounded number at once. An answer is whole, or says that it
 * was cut at its row limit, or is an error; a query that nobody waits for any more is killed. While the index is far
 * behind the journal, one query runs at a time on one thread, so that intake keeps the machine.
 */
import { randomUUID } from "node:crypto";
import { ClickHouseError } from "@clickhouse/client";
import type { ClickHouseClient, ClickHouseSettings } from "@clickhouse/client";
import { TallystickError } from "../errors.ts";
import type { Home } from "./home.ts";
import { unavailable } from "./home.ts";
import type { IndexReader, QueryAnswer, QueryLimits, Statement } from "./index-seam.ts";
import {
  ENGINE_MAX_STATEMENT_BYTES,
  ENGINE_MAX_STATEMENT_PARTS,
  MAX_CONCURRENT_QUERIES,
  MAX_WAITING_QUERIES,
  PRESSED_QUERY_NICE,
  QUERY_NICE,
} from "./limits.ts";

/** Rows of one block of a streamed answer. */
const STREAM_BLOCK_ROWS = "2048";

/** Statements of rules are longer than a person's. */
export const LONG_STATEMENTS: ClickHouseSettings = {
  max_query_size: String(ENGINE_MAX_STATEMENT_BYTES),
  max_ast_elements: String(ENGINE_MAX_STATEMENT_PARTS),
  max_expanded_ast_elements: String(ENGINE_MAX_STATEMENT_PARTS),
};

const TIMEOUT_CODES: ReadonlySet<string> = new Set(["159", "160", "209"]);
const MEMORY_CODE = "241";
const ALL_MEMORY = "(total)";
const LIMIT_CODES: ReadonlySet<string> = new Set(["158", MEMORY_CODE, "307", "396"]);
/** The table is being built anew. */
const UNKNOWN_TABLE = "60";
const BUSY_CODES: ReadonlySet<string> = new Set(["202", "236", "394", UNKNOWN_TABLE]);

/**
 * An error of the client or server as one of ours. The text of a server's error may hold values, so it stays in
 * `cause`.
 */
export function indexError(error: unknown): Error {
  if (error instanceof TallystickError) return error;
  if (!(error instanceof ClickHouseError)) return unavailable(error);
  if (TIMEOUT_CODES.has(error.code)) {
    return new TallystickError("query_timeout", "the query took longer than it may", {
      cause: error,
      hint: "Narrow the time range or add a condition on a service, an id or a word.",
    });
  }
  // What merges, derives and answers share is used up: not this query's fault.
  if (error.code === MEMORY_CODE && error.message.includes(ALL_MEMORY)) return unavailable(error);
  if (LIMIT_CODES.has(error.code)) {
    return new TallystickError("query_limit", "the query needs more memory or rows than it may", {
      cause: error,
      hint: "Narrow the time range or group by fewer values.",
    });
  }
  if (BUSY_CODES.has(error.code)) return unavailable(error);
  return new TallystickError(
    "internal",
    `the index refused a statement (${error.type ?? "no type"}, code ${error.code})`,
    { cause: error },
  );
}

/** Lets a bounded number through at once; the others wait in order. */
class Gate {
  private active = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly width: () => number;

  constructor(width: () => number) {
    this.width = width;
  }

  async enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.active < this.width()) {
      this.active += 1;
      return;
    }
    if (this.waiting.length >= MAX_WAITING_QUERIES) throw unavailable();
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        signal?.removeEventListener("abort", abort);
        this.active += 1;
        resolve();
      };
      const abort = (): void => {
        this.waiting.splice(this.waiting.indexOf(turn), 1);
        reject(signal?.reason as Error);
      };
      this.waiting.push(turn);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  leave(): void {
    this.active -= 1;
    while (this.active < this.width()) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      next();
    }
  }
}

interface JsonAnswer<Row> {
  readonly data: readonly Row[];
  readonly statistics?: { readonly elapsed: number; readonly rows_read: number };
}

/** Of people's questions: those that are asked or wait at the moment, and those that nobody waited for to the end. */
export interface AskedQueries {
  underWay: number;
  stopped: number;
}

export interface ReaderOptions {
  readonly home: Home;
  /** True while the index is far behind. */
  readonly pressed: () => boolean;
  /** Linux nice value of the next query's threads; without it a query is behind the inserts. */
  readonly nice?: () => number;
  /** Called when a query is asked and when it is answered. */
  readonly onAsked?: () => void;
  /** Counted in. */
  readonly queries?: AskedQueries;
}

class ClickHouseReader implements IndexReader {
  private readonly home: Home;
  private readonly pressed: () => boolean;
  private readonly nice: () => number;
  private readonly onAsked: () => void;
  private readonly gate: Gate;
  private readonly queries: AskedQueries;

  constructor(options: ReaderOptions) {
    this.queries = options.queries ?? { underWay: 0, stopped: 0 };
    this.home = options.home;
    this.pressed = options.pressed;
    this.nice = options.nice ?? (() => (options.pressed() ? PRESSED_QUERY_NICE : QUERY_NICE));
    this.onAsked = options.onAsked ?? (() => {});
    this.gate = new Gate(() => (options.pressed() ? 1 : MAX_CONCURRENT_QUERIES));
  }

  private async enter(signal: AbortSignal | undefined): Promise<void> {
    this.onAsked();
    this.queries.underWay += 1;
    try {
      await this.gate.enter(signal);
    } catch (error) {
      this.over(signal);
      throw error;
    }
  }

  private leave(signal: AbortSignal | undefined): void {
    this.gate.leave();
    this.over(signal);
    this.onAsked();
  }

  private over(signal: AbortSignal | undefined): void {
    this.queries.underWay -= 1;
    if (signal?.aborted === true) this.queries.stopped += 1;
  }

  private settings(limits: QueryLimits): ClickHouseSettings {
    return {
      max_execution_time: Math.max(0.001, limits.timeoutMs / 1000),
      timeout_overflow_mode: "throw",
      max_memory_usage: String(limits.maxMemoryBytes),
      output_format_json_quote_64bit_integers: 0,
      max_threads: this.pressed() ? 1 : 2,
      // Behind intake and the index's writer; where the engine may not set it, it stays at what it has.
      os_threads_nice_value_query: String(this.nice()),
      readonly: "2",
      // Compiling to machine code costs more than it saves of most statements.
      compile_expressions: 0,
      compile_aggregate_expressions: 0,
      compile_sort_description: 0,
      ...LONG_STATEMENTS,
      // Several steps read a granule's columns one by one, which costs more than reading all of them at once.
      enable_multiple_prewhere_read_steps: 0,
      // With it a query by words computes the text of every row instead of reading the text index.
      use_top_k_dynamic_filtering: 0,
      // One more than wanted tells whether there was more.
      ...(Number.isSafeInteger(limits.maxRows + 1) ? { limit: String(limits.maxRows + 1) } : {}),
    };
  }

  async select<Row>(statement: Statement, limits: QueryLimits, signal?: AbortSignal): Promise<QueryAnswer<Row>> {
    await this.enter(signal);
    try {
      const answer = await this.ask<Row>(statement, limits, signal);
      const partial = answer.data.length > limits.maxRows;
      return {
        rows: partial ? answer.data.slice(0, limits.maxRows) : answer.data,
        elapsedMs: (answer.statistics?.elapsed ?? 0) * 1000,
        scannedRows: answer.statistics?.rows_read ?? 0,
        partial,
      };
    } catch (error) {
      signal?.throwIfAborted();
      throw indexError(error);
    } finally {
      this.leave(signal);
    }
  }

  private async ask<Row>(
    statement: Statement,
    limits: QueryLimits,
    signal: AbortSignal | undefined,
  ): Promise<JsonAnswer<Row>> {
    const client = this.home.client();
    const id = randomUUID();
    const stop = killer(client, id, signal);
    try {
      const result = await client.query({
        query: statement.sql,
        query_params: { ...statement.params },
        query_id: id,
        format: "JSON",
        clickhouse_settings: { ...this.settings(limits), wait_end_of_query: 1 },
        ...(signal === undefined ? {} : { abort_signal: signal }),
      });
      return await result.json<Row>();
    } finally {
      stop();
    }
  }

  async *stream<Row>(statement: Statement, limits: QueryLimits, signal?: AbortSignal): AsyncIterable<readonly Row[]> {
    await this.enter(signal);
    const id = randomUUID();
    let stop = (): void => {};
    let whole = false;
    let client: ClickHouseClient | null = null;
    try {
      client = this.home.client();
      stop = killer(client, id, signal);
      const result = await client.query({
        query: statement.sql,
        query_params: { ...statement.params },
        query_id: id,
        format: "JSONEachRow",
        clickhouse_settings: { ...this.settings(limits), max_block_size: STREAM_BLOCK_ROWS },
        ...(signal === undefined ? {} : { abort_signal: signal }),
      });
      yield* limited<Row>(result.stream<Row>(), limits.maxRows, signal);
      whole = true;
    } catch (error) {
      signal?.throwIfAborted();
      throw indexError(error);
    } finally {
      stop();
      if (!whole && client !== null) kill(client, id);
      this.leave(signal);
    }
  }
}

type RowStream<Row> = AsyncIterable<readonly { json(): Row }[]>;

async function* limited<Row>(
  blocks: RowStream<Row>,
  maxRows: number,
  signal: AbortSignal | undefined,
): AsyncIterable<readonly Row[]> {
  let left = maxRows;
  for await (const block of blocks) {
    signal?.throwIfAborted();
    const rows = block.slice(0, left).map((row) => row.json());
    left -= rows.length;
    if (rows.length > 0) yield rows;
    if (left <= 0) return;
  }
}

function kill(client: ClickHouseClient, id: string): void {
  client.command({ query: `KILL QUERY WHERE query_id = '${id}' ASYNC` }).catch(() => {});
}

/** Kills the query when the signal aborts; the returned function ends the watch. */
function killer(client: ClickHouseClient, id: string, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => {};
  const abort = (): void => kill(client, id);
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}

export function indexReader(options: ReaderOptions): IndexReader {
  return new ClickHouseReader(options);
}
