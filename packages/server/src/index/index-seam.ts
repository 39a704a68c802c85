/**
 * The seams of the index: who reads it, and how far it has come. SQL text lives in `search/` (reads), `tally/` (derived
 * tables and reads of them) and `index/` (schema, writes) only.
 */

export interface Statement {
  readonly sql: string;
  /** ClickHouse typed parameters: `{name:Type}` in the text. */
  readonly params: Readonly<Record<string, unknown>>;
}

export interface QueryLimits {
  readonly timeoutMs: number;
  readonly maxRows: number;
  readonly maxMemoryBytes: number;
}

export interface QueryAnswer<Row> {
  readonly rows: readonly Row[];
  readonly elapsedMs: number;
  readonly scannedRows: number;
  /** True when a limit of time or rows cut the answer. */
  readonly partial: boolean;
}

export interface IndexReader {
  /** One SELECT, JSON rows. Errors: `index_unavailable`, `query_timeout`, `query_limit`. An abort kills the query. */
  select<Row>(statement: Statement, limits: QueryLimits, signal?: AbortSignal): Promise<QueryAnswer<Row>>;
  /** Streams rows in blocks in constant memory. */
  stream<Row>(statement: Statement, limits: QueryLimits, signal?: AbortSignal): AsyncIterable<readonly Row[]>;
}

export interface IndexPosition {
  readonly tree: string;
  /** Leaves 0 … indexed − 1 are searchable. */
  readonly indexed: number;
}

export interface IndexFollower {
  positions(): readonly IndexPosition[];
  /** Called after a range became searchable: leaves from … to − 1 of the tree. Returns the unsubscriber. */
  onIndexed(listener: (tree: string, from: number, to: number) => void): () => void;
  /** Resolves when the index has caught up with the journaled sizes at the call. */
  caughtUp(timeoutMs: number): Promise<void>;
  /** ready: queries are answered. starting, rebuilding, failed (engine down, being restarted). */
  state(): "starting" | "ready" | "rebuilding" | "failed";
  close(): Promise<void>;
}
