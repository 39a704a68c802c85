/**
 * Connections to the embedded engine: one that writes records, one that derives other tables from them, a fixed number
 * that read, one that controls. A session runs one statement at a time; who waits is served in order. Readers are
 * read-only for the engine and cannot be made otherwise.
 */
import { Session } from "chdb";
import type { ChdbQueryStream } from "chdb";
import { ENGINE_DERIVERS } from "../limits.ts";
import { settingsChange } from "./settings.ts";
import { stringLiteral } from "./statement.ts";

export class EngineBusy extends Error {
  constructor() {
    super("too many statements wait for the engine");
    this.name = "EngineBusy";
  }
}

/** A session with the settings it holds. */
export class EngineSession {
  private readonly session: Session;
  private settings: ReadonlyMap<string, string> = new Map();

  constructor(session: Session) {
    this.session = session;
  }

  /** `id` becomes visible in the process list, so that the statement can be killed. */
  async prepare(id: string, settings: ReadonlyMap<string, string>): Promise<void> {
    const wanted = new Map(settings).set("log_comment", id);
    const change = settingsChange(this.settings, wanted);
    if (change !== null) await this.session.queryAsync(change);
    this.settings = wanted;
  }

  async run(sql: string): Promise<Uint8Array> {
    return (await this.session.queryAsync(sql, { format: "TabSeparated" })).bytes();
  }

  /**
   * Lets go of a statement that failed or was streamed: the engine keeps its last one in the list, with its memory,
   * till the next.
   */
  async letGo(): Promise<void> {
    await this.session.queryAsync("SELECT 1").catch(() => {});
  }

  stream(sql: string, format: string): ChdbQueryStream {
    return this.session.queryStream(sql, { format });
  }
}

interface Waiting {
  readonly id: string;
  readonly start: (session: EngineSession) => void;
  readonly fail: (fault: Error) => void;
}

export class StatementCancelled extends Error {
  constructor() {
    super("Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)");
    this.name = "StatementCancelled";
  }
}

/** Sessions of one kind and the statements that wait for one. */
export class SessionPool {
  private readonly idle: EngineSession[];
  private readonly waiting: Waiting[] = [];
  private readonly running = new Set<string>();
  private readonly maxWaiting: number;

  constructor(sessions: readonly EngineSession[], maxWaiting: number) {
    this.idle = [...sessions];
    this.maxWaiting = maxWaiting;
  }

  async use<Result>(id: string, work: (session: EngineSession) => Promise<Result>): Promise<Result> {
    const session = this.idle.pop() ?? (await this.wait(id));
    this.running.add(id);
    try {
      return await work(session);
    } finally {
      this.running.delete(id);
      this.release(session);
    }
  }

  private wait(id: string): Promise<EngineSession> {
    if (this.waiting.length >= this.maxWaiting) return Promise.reject(new EngineBusy());
    return new Promise((start, fail) => this.waiting.push({ id, start, fail }));
  }

  private release(session: EngineSession): void {
    const next = this.waiting.shift();
    if (next === undefined) this.idle.push(session);
    else next.start(session);
  }

  isRunning(id: string): boolean {
    return this.running.has(id);
  }

  /** Takes a statement out of the queue; false when it does not wait. */
  cancelWaiting(id: string): boolean {
    const at = this.waiting.findIndex((entry) => entry.id === id);
    if (at === -1) return false;
    this.waiting.splice(at, 1)[0]!.fail(new StatementCancelled());
    return true;
  }
}

export interface EngineOptions {
  readonly folder: string;
  readonly configFile: string;
  readonly database: string;
  readonly readers: number;
  readonly maxWaiting: number;
}

export interface Engine {
  readonly writer: SessionPool;
  /** Writes derived tables, so that the records' own inserts never wait for that. */
  readonly derivers: SessionPool;
  readonly readers: SessionPool;
  /** Functions that reach outside the tables, by the engine's own list. */
  readonly refusedFunctions: ReadonlySet<string>;
  /** Cancels a statement that waits or runs. */
  kill(id: string): Promise<void>;
}

/** Row sources without a file, a network or another table behind them. */
const HARMLESS_TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  "numbers",
  "numbers_mt",
  "values",
  "zeros",
  "generateseries",
  "generate_series",
]);
const REFUSED_FUNCTIONS =
  /^(?:file|dictget.*|dicthas|joinget.*|getserversetting|getmergetreesetting|getmacro|catboostevaluate|evalmlmethod|showcertificate|filesystem.*|hostname|fqdn|executable.*)$/;

function refusedFunctions(session: Session): ReadonlySet<string> {
  const names = session
    .query(
      "SELECT lower(name) FROM system.table_functions UNION ALL SELECT lower(name) FROM system.functions",
      "TabSeparated",
    )
    .split("\n");
  const table = new Set(session.query("SELECT lower(name) FROM system.table_functions", "TabSeparated").split("\n"));
  return new Set(
    names.filter((name) => (table.has(name) && !HARMLESS_TABLE_FUNCTIONS.has(name)) || REFUSED_FUNCTIONS.test(name)),
  );
}

const MAX_KILLS = 100;
const KILL_AGAIN_MS = 100;

/** Opens the folder; throws when another process holds it. */
export function openEngine(options: EngineOptions): Engine {
  const open = (): Session => new Session(options.folder, { connectionArgs: [`--config-file=${options.configFile}`] });
  const first = open();
  first.query(`CREATE DATABASE IF NOT EXISTS ${options.database}`);
  first.query(`USE ${options.database}`);
  const another = (): Session => {
    const session = open();
    session.query(`USE ${options.database}`);
    return session;
  };
  const control = another();
  const readers = Array.from({ length: options.readers }, () => {
    const session = another();
    session.query("SET readonly = 2");
    return new EngineSession(session);
  });
  const writer = new SessionPool([new EngineSession(first)], options.maxWaiting);
  const derivers = new SessionPool(
    Array.from({ length: ENGINE_DERIVERS }, () => new EngineSession(another())),
    options.maxWaiting,
  );
  const readerPool = new SessionPool(readers, options.maxWaiting);
  const killers = new SessionPool([new EngineSession(control)], options.maxWaiting);
  const pools = [readerPool, writer, derivers];
  return {
    writer,
    derivers,
    readers: readerPool,
    refusedFunctions: refusedFunctions(control),
    async kill(id) {
      if (pools.some((pool) => pool.cancelWaiting(id))) return;
      // Again until it is gone: a statement that has only just been handed over is not in the engine's list yet.
      for (let time = 0; time < MAX_KILLS && pools.some((pool) => pool.isRunning(id)); time += 1) {
        // Only ever ASYNC: the other form can block the whole process.
        await killers.use(id, (session) =>
          session.run(`KILL QUERY WHERE Settings['log_comment'] = ${stringLiteral(id)} ASYNC`),
        );
        await new Promise((resolve) => setTimeout(resolve, KILL_AGAIN_MS));
      }
    },
  };
}
