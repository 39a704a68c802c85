/**
 * Where the index lives: the embedded engine or a ClickHouse server by URL. Both are spoken to by the one client;
 * what differs is only how an address comes and goes. While there is none, `client()` throws `index_unavailable`.
 */
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import { PING_MS, WRITE_TIMEOUT_MS } from "./limits.ts";
import type { EngineAddress, Supervisor } from "./engine/supervisor.ts";

export interface Home {
  /** Throws `index_unavailable` while there is no server to ask. */
  client(): ClickHouseClient;
  isUp(): boolean;
  /** A number that changes whenever the server was or may have been another one. */
  generation(): number;
  onChange(listener: () => void): void;
  readonly database: string;
  /** Settings that tables of this home need. */
  readonly tableSettings: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

function clientOf(address: EngineAddress, database: string | undefined): ClickHouseClient {
  return createClient({
    url: address.url,
    username: address.user,
    password: address.password,
    ...(database === undefined ? {} : { database }),
    request_timeout: WRITE_TIMEOUT_MS,
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
}

/** A server that is already there: asked every few seconds whether it still is. */
export function externalHome(options: ExternalOptions): Home {
  const { address, clock } = options;
  const changing = new ChangingHome(address.database, {});
  // Without a database, since it may not exist yet.
  const probe = clientOf(address, undefined);
  let closed = false;
  let cancel = (): void => {};
  const look = async (): Promise<void> => {
    const { success } = await probe.ping({ select: true }).catch(() => ({ success: false }));
    if (closed) return;
    if (success && !changing.isUp()) {
      await probe.command({ query: `CREATE DATABASE IF NOT EXISTS ${address.database}` }).catch(() => {});
      changing.change(clientOf(address, address.database));
    }
    if (!success && changing.isUp()) changing.change(null);
    cancel = clock.after(PING_MS, () => void look());
  };
  void look();
  return Object.assign(changing, {
    async close() {
      closed = true;
      cancel();
      changing.change(null);
      await probe.close();
    },
  });
}
