/**
 * Keeps the engine process alive. Guarantees: at most one engine of ours at a time; a dead one is started again after
 * a pause that doubles up to a bound; each start has its own port and password; `close` returns after the process has
 * ended. What the engine holds is derived: a folder that it refuses to open several times in a row is deleted and
 * built anew from the journal.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../clock.ts";
import {
  ENGINE_DRAIN_MS,
  ENGINE_POOL_THREADS,
  ENGINE_READERS,
  ENGINE_RESTART_MAX_MS,
  ENGINE_RESTART_MIN_MS,
  ENGINE_STABLE_MS,
  ENGINE_START_MS,
} from "../limits.ts";
import { OPTIONS_VARIABLE } from "./child-options.ts";
import type { ChildMessage, ChildOptions } from "./child-options.ts";
import { DISK_KEY_VARIABLE } from "./engine-config.ts";

export interface EngineAddress {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface SupervisorOptions {
  /** The index's own folder; all in it is derived. */
  readonly folder: string;
  readonly database: string;
  readonly memoryBytes: number;
  /** 32 bytes; the key of the disk. */
  readonly diskKey: Uint8Array;
  readonly clock: Clock;
  /** The environment of the server process, without secrets of its own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told when the engine ended or could not start. Never holds content. */
  readonly onTrouble: (message: string) => void;
}

export interface Supervisor {
  /** Where the engine answers; null while there is none. */
  address(): EngineAddress | null;
  /** Called at once when there is an engine, and at each start and end. */
  onChange(listener: (address: EngineAddress | null) => void): void;
  /** The running engine's process id; null while there is none. */
  pid(): number | null;
  close(): Promise<void>;
}

/** Refusals in a row after which the folder is built anew. */
const REFUSALS_BEFORE_REBUILD = 3;
const LAST_WORDS_LENGTH = 8_192;

/** The engine's program: built beside this file, or its source when this file is run from source. */
function program(): readonly string[] {
  const own = fileURLToPath(import.meta.url);
  return own.endsWith(".ts")
    ? ["--import", "tsx", fileURLToPath(new URL("child.ts", import.meta.url))]
    : [fileURLToPath(new URL("child.js", import.meta.url))];
}

class EngineSupervisor implements Supervisor {
  private readonly options: SupervisorOptions;
  private readonly listeners: ((address: EngineAddress | null) => void)[] = [];
  private current: EngineAddress | null = null;
  private child: ChildProcess | null = null;
  private pauseMs = ENGINE_RESTART_MIN_MS;
  private refusals = 0;
  private startedMs = 0;
  /** The end of the engine's standard error, looked at for one sign and never passed on: it may hold content. */
  private lastWords = "";
  private closing = false;
  private cancelTimer: () => void = () => {};

  constructor(options: SupervisorOptions) {
    this.options = options;
    this.start();
  }

  address(): EngineAddress | null {
    return this.current;
  }

  pid(): number | null {
    return this.child?.pid ?? null;
  }

  onChange(listener: (address: EngineAddress | null) => void): void {
    this.listeners.push(listener);
    if (this.current !== null) listener(this.current);
  }

  private change(address: EngineAddress | null): void {
    this.current = address;
    for (const listener of this.listeners) listener(address);
  }

  private start(): void {
    if (this.closing) return;
    const password = randomBytes(24).toString("base64url");
    const { folder, database, memoryBytes, diskKey, environment, clock } = this.options;
    const childOptions: ChildOptions = { folder, database, memoryBytes, readers: ENGINE_READERS, password };
    const child = spawn(process.execPath, [...program()], {
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...environment,
        UV_THREADPOOL_SIZE: String(ENGINE_POOL_THREADS),
        [OPTIONS_VARIABLE]: JSON.stringify(childOptions),
        [DISK_KEY_VARIABLE]: Buffer.from(diskKey).toString("hex"),
      },
    });
    this.child = child;
    this.startedMs = clock.monotonicMs();
    this.cancelTimer = clock.after(ENGINE_START_MS, () => child.kill("SIGKILL"));
    child.stdin.on("error", () => {});
    this.lastWords = "";
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      this.lastWords = (this.lastWords + part).slice(-LAST_WORDS_LENGTH);
    });
    this.listen(child, { database, password });
    child.once("error", (error) => this.options.onTrouble(`the engine could not be started: ${error.message}`));
    child.once("close", (code, signal) => this.ended(signal ?? `code ${String(code)}`));
  }

  private listen(child: ChildProcess, known: { readonly database: string; readonly password: string }): void {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      if (this.current !== null || text.length > 65_536) return;
      text += part;
      const end = text.indexOf("\n");
      if (end === -1) return;
      const message = parseMessage(text.slice(0, end));
      text = "";
      if (message?.kind === "listening") {
        this.cancelTimer();
        this.refusals = 0;
        this.change({ url: `http://127.0.0.1:${message.port}`, user: "default", ...known });
      } else if (message !== null) this.refused(message.reason);
    });
  }

  private refused(reason: string): void {
    this.refusals += 1;
    this.options.onTrouble(`the engine could not open its folder: ${reason.slice(0, 500)}`);
    // A folder that another engine holds is not deleted under it.
    if (this.refusals < REFUSALS_BEFORE_REBUILD || this.lastWords.includes("Cannot lock file")) return;
    this.options.onTrouble("the index's folder is deleted and built anew from the journal");
    this.refusals = 0;
    for (const part of ["engine", "sealed"]) rmSync(join(this.options.folder, part), { recursive: true, force: true });
  }

  private ended(how: string): void {
    this.cancelTimer();
    this.child = null;
    if (this.current !== null) this.change(null);
    if (this.closing) return;
    const { clock, onTrouble } = this.options;
    if (clock.monotonicMs() - this.startedMs > ENGINE_STABLE_MS) this.pauseMs = ENGINE_RESTART_MIN_MS;
    onTrouble(`the engine ended (${how}); it is started again in ${this.pauseMs} ms`);
    this.cancelTimer = clock.after(this.pauseMs, () => this.start());
    this.pauseMs = Math.min(this.pauseMs * 2, ENGINE_RESTART_MAX_MS);
  }

  async close(): Promise<void> {
    this.closing = true;
    this.cancelTimer();
    const { child } = this;
    if (child === null) return;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.stdin?.end();
    const cancel = this.options.clock.after(ENGINE_DRAIN_MS + 1_000, () => child.kill("SIGKILL"));
    await ended;
    cancel();
  }
}

function parseMessage(line: string): ChildMessage | null {
  try {
    return JSON.parse(line) as ChildMessage;
  } catch {
    return null;
  }
}

export function superviseEngine(options: SupervisorOptions): Supervisor {
  return new EngineSupervisor(options);
}
