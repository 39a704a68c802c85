/** An engine in a folder of its own that runs rules over events that are given, for `rules test` and for benches. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { Clock } from "../../clock.ts";
import { TallystickError } from "../../errors.ts";
import { indexError, LONG_STATEMENTS } from "../../index/client.ts";
import { engineEnvironment } from "../../index/engine/engine-environment.ts";
import { superviseEngine } from "../../index/engine/supervisor.ts";
import { embeddedHome } from "../../index/home.ts";
import type { Home } from "../../index/home.ts";
import { ENGINE_MEMORY_BYTES } from "../../index/limits.ts";
import { WRITER_SESSION } from "../../index/session-names.ts";
import { ruleFields } from "./check.ts";
import { compileRule } from "./correlation-sql.ts";
import { eventsTable } from "./events-table.ts";
import { hitsSql } from "./hits-sql.ts";
import type { LinkedRule } from "./link.ts";
import { cut } from "./passes.ts";

export interface EventEngine {
  /**
   * The positions of the events that each rule finds, ascending. `timesUs` is when each event was, for correlations.
   * Throws `query_limit`, `query_timeout` or `internal` when the engine does not take a rule.
   */
  run(
    rules: readonly LinkedRule[],
    events: readonly unknown[],
    timesUs: readonly number[],
  ): Promise<readonly (readonly number[])[]>;
  close(): Promise<void>;
}

export interface EventEngineOptions {
  /** Empty; the caller removes it. */
  readonly folder: string;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const START_MS = 60_000;
const DATABASE = "events";
const RUN_TIMEOUT_S = 300;

export async function openEventEngine(options: EventEngineOptions): Promise<EventEngine> {
  const { folder, clock, environment } = options;
  let trouble = "";
  const supervisor = superviseEngine({
    folder,
    database: DATABASE,
    memoryBytes: ENGINE_MEMORY_BYTES,
    diskKey: randomBytes(32),
    clock,
    environment: engineEnvironment(environment),
    onTrouble: (message) => (trouble = message),
  });
  const home = embeddedHome(supervisor, DATABASE, {});
  const close = () => home.close();
  try {
    await untilUp(home, clock, () => trouble);
  } catch (error) {
    await close();
    throw error;
  }
  let tables = 0;
  return {
    async run(rules, events, timesUs) {
      try {
        return await runOver(home, `events_${tables++}`, { rules, events, timesUs });
      } catch (error) {
        throw indexError(error);
      }
    },
    close,
  };
}

function untilUp(home: Home, clock: Clock, trouble: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(START_MS, () =>
      reject(new TallystickError("index_unavailable", `the engine does not start: ${trouble() || "no reason given"}`)),
    );
    home.onChange(() => {
      if (!home.isUp()) return;
      cancel();
      resolve();
    });
    if (home.isUp()) {
      cancel();
      resolve();
    }
  });
}

interface Work {
  readonly rules: readonly LinkedRule[];
  readonly events: readonly unknown[];
  readonly timesUs: readonly number[];
}

async function runOver(home: Home, name: string, work: Work): Promise<readonly (readonly number[])[]> {
  const { rules, events, timesUs } = work;
  const fields = [...new Set(rules.flatMap(ruleFields))];
  const table = eventsTable(name, fields, true);
  const client = home.client();
  const settings = { ...LONG_STATEMENTS, max_execution_time: RUN_TIMEOUT_S };
  const session = { session_id: WRITER_SESSION, clickhouse_settings: settings };
  await client.command({ query: `CREATE TABLE ${name} (${table.columns}) ENGINE = Memory`, ...session });
  const sent = await client.exec({
    query: `INSERT INTO ${name} (${table.names}) FORMAT Native`,
    values: Readable.from([Buffer.from(table.encode(events, timesUs))], { objectMode: false }),
    ...session,
  });
  for await (const _ of sent.stream) void _;
  const found: number[][] = rules.map(() => []);
  const predicates = rules.map((rule, at) => ({ rule: at, sql: compileRule(rule, table.sql) }));
  for (const pass of cut(predicates, ({ sql }) => sql.length)) {
    const hits = hitsSql(pass.map(({ sql }) => sql));
    const result = await client.query({
      query: `SELECT position, ${hits} AS hits FROM ${name} WHERE notEmpty(hits) ORDER BY position`,
      format: "JSONEachRow",
      ...session,
      clickhouse_settings: { ...settings, output_format_json_quote_64bit_integers: 0 },
    });
    for (const row of await result.json<{ position: number; hits: readonly number[] }>())
      for (const hit of row.hits) found[pass[hit]!.rule]!.push(row.position);
  }
  await client.command({ query: `DROP TABLE ${name} SYNC`, ...session });
  return found;
}
