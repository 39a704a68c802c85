/**
 * Where the index lives: the embedded engine or a ClickHouse server by URL. Both are spoken to by the one client;
 * what differs is only how an address comes and goes. While there is none, `client()` throws `index_unavailable`.
 */
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import { externalFault, isOldServer, oldServer } from "./external-fault.ts";
import { PING_MS, PING_TIMEOUT_MS, WRITE_TIMEOUT_MS } from "./limits.ts";
import type { EngineAddress, Supervisor } from "./engine/supervisor.ts";

export interface Home {
  /** Throws `index_unavailable` while there is no server to ask. */
  client(): ClickHouseClient;
  isUp(): boolean;
  /** A number that changes whenever the server was or may have been another one. */
  generation(): number;
  onChange(listener: () => void): void;
  /** Why there is no server to ask, for an operator; null where nothing is known. Holds no secret. */
  trouble(): string | null;
  readonly database: string;
  /** Settings that tables of this home need. */
  readonly tableSettings: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

function clientOf(
  address: EngineAddress,
  database: string | undefined,
  timeoutMs = WRITE_TIMEOUT_MS,
): ClickHouseClient {
  return createClient({
    url: address.url,
    username: address.user,
    password: address.password,
    ...(database === undefined ? {} : { database }),
    request_timeout: timeoutMs,
    max_open_connections: 64,
    compression: { request: false, response: false },
    log: { level: ClickHouseLogLevel.OFF },
  });
}

export const unavailable = (cause?: unknown): TallystickError =>
  new TallystickError("index_unavailable", "the index does not answer at the moment", {
    hint: "Records are taken and kept meanwhile; try again in a few seconds.",
    retryAfterS: 2,
    ...(cause === undefined ? {} : { cause }),
  });

class ChangingHome {
  readonly database: string;
  readonly tableSettings: Readonly<Record<string, string>>;
  private current: ClickHouseClient | null = null;
  private count = 0;
  private readonly listeners: (() => void)[] = [];

  constructor(database: string, tableSettings: Readonly<Record<string, string>>) {
    this.database = database;
    this.tableSettings = tableSettings;
  }

  client(): ClickHouseClient {
    if (this.current === null) throw unavailable();
    return this.current;
  }

  trouble(): string | null {
    return null;
  }

  isUp(): boolean {
    return this.current !== null;
  }

  generation(): number {
    return this.count;
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** `client` null: gone. */
  change(client: ClickHouseClient | null): void {
    const before = this.current;
    this.current = client;
    this.count += 1;
    before?.close().catch(() => {});
    for (const listener of this.listeners) listener();
  }
}

export function embeddedHome(
  supervisor: Supervisor,
  database: string,
  tableSettings: Readonly<Record<string, string>>,
): Home {
  const changing = new ChangingHome(database, tableSettings);
  supervisor.onChange((address) => changing.change(address === null ? null : clientOf(address, database)));
  return Object.assign(changing, {
    async close() {
      changing.change(null);
      await supervisor.close();
    },
  });
}

export interface ExternalOptions {
  readonly address: EngineAddress;
  readonly clock: Clock;
  /** Told why the server cannot be used, once for each reason. Never holds content. */
  readonly onTrouble: (message: string) => void;
}

/** A server that is already there: asked every few seconds whether it still is. */
export function externalHome(options: ExternalOptions): Home {
  const { address, clock, onTrouble } = options;
  const changing = new ChangingHome(address.database, {});
  // Without a database, since it may not exist yet.
  const probe = clientOf(address, undefined, PING_TIMEOUT_MS);
  let closed = false;
  let cancel = (): void => {};
  let trouble: string | null = null;
  const look = async (): Promise<void> => {
    const found = await troubleWith(probe, address, changing.isUp());
    if (closed) return;
    if (found !== null && found !== trouble) onTrouble(found);
    trouble = found;
    if (found === null && !changing.isUp()) changing.change(clientOf(address, address.database));
    if (found !== null && changing.isUp()) changing.change(null);
    cancel = clock.after(PING_MS, () => void look());
  };
  void look();
  return Object.assign(changing, {
    trouble: () => trouble,
    async close() {
      closed = true;
      cancel();
      changing.change(null);
      await probe.close();
    },
  });
}

const VERSION = /^\d{1,4}(\.\d{1,9}){1,5}$/;

/** What keeps the server from being used, in words for its operator; null: nothing. */
async function troubleWith(
  probe: ClickHouseClient,
  { url, database }: EngineAddress,
  isKnown: boolean,
): Promise<string | null> {
  try {
    const [version] = await column(probe, "SELECT version() AS value");
    if (version === undefined || !VERSION.test(version)) return externalFault(null, url);
    if (isKnown) return null;
    if (isOldServer(version)) return oldServer(version);
    const listed = await column(probe, `SELECT name AS value FROM system.databases WHERE name = '${database}'`);
    if (listed.length === 0) await probe.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` });
    return null;
  } catch (error) {
    return externalFault(error, url);
  }
}

async function column(client: ClickHouseClient, query: string): Promise<readonly string[]> {
  const result = await client.query({ query, format: "JSONEachRow", clickhouse_settings: { wait_end_of_query: 1 } });
  return (await result.json<{ readonly value: string }>()).map(({ value }) => value);
}
