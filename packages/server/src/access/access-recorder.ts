/**
 * Who read what, as ACCESS records of the log `access`.
 *
 * Guarantees: the record of a read is durable before the answer is sent, or there is no answer. What goes on (a tail,
 * a screen that polls, page after page) is one record at its start and one at its end with the totals, so that who
 * watches the records of access does not fill the log by watching. A screen of the last minutes is one reading also
 * when it names its times; its end says how far they came. A query stands in the attribute `access.query`, with known
 * secrets as their fingerprints.
 * Left out on purpose: totals of what was going on when the process was killed; its start is there.
 */
import { fingerprintSecrets, redactText } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { ACCESS_LOG } from "../control/own-logs.ts";
import { ownRecord, waitsForKms } from "../control/own-record.ts";
import type { OwnFields } from "../control/own-record.ts";
import type { Random } from "../control/secret.ts";
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { movingWindow } from "./moving-window.ts";
import {
  MAX_READINGS,
  MAX_RECORDED_QUESTION,
  MAX_RECORDED_REASON,
  MAX_RECORDED_RESOURCE,
  READING_IDLE_MS,
  READING_LONGEST_MS,
} from "./limits.ts";

/** What somebody asks to read. */
export interface ReadRequest {
  /** `user:ada`, `key:grafana` */
  readonly principal: string;
  readonly address: string;
  /** `GET /api/search` */
  readonly operation: string;
  /** The path that was asked for. */
  readonly resource: string;
  /** In the query language; null when there is none. */
  readonly query: string | null;
  /** What else was asked, without where a page begins. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Why, where a reason is asked for. */
  readonly reason: string | null;
}

/** What an answer gives away. */
export interface Given {
  readonly records: number;
  /** `tree:index/part` of each body that was opened. */
  readonly payloads?: readonly string[];
}

/** A stream of records, from its beginning to its end. */
export interface OpenReading {
  add(records: number): void;
  /** Records the totals. Never rejects: the beginning is recorded, and there is nobody to answer any more. */
  end(): Promise<void>;
}

interface GoingOn {
  readonly asked: ReadRequest;
  readonly startId: string;
  /** By which it is known: as it was asked, and by a window that moves. */
  readonly keys: readonly string[];
  /** The newest window, where it moves. */
  window: string | null;
  readonly startedMs: number;
  lastMs: number;
  requests: number;
  records: number;
  cancel: () => void;
}

export interface AccessRecorderParts {
  readonly journal: Pick<Journal, "appendOwn">;
  /** What stands for a secret that was typed into a question. */
  readonly fingerprint: (secret: string) => string;
  readonly clock: Clock;
  readonly random: Random;
  readonly onTrouble: (message: string) => void;
}

export class AccessRecorder {
  readonly #parts: AccessRecorderParts;
  readonly #goingOn = new Map<string, GoingOn>();
  /** Starts that are being recorded, so that two at once do not both begin a reading. */
  readonly #starting = new Map<string, Promise<string>>();
  readonly #open = new Set<OpenReading>();
  readonly #ending = new Set<Promise<void>>();

  constructor(parts: AccessRecorderParts) {
    this.#parts = parts;
  }

  /** Durable when it returns, as the start of a reading or as a part of one. TallystickError `access_unrecorded`. */
  async answered(asked: ReadRequest, given: Given): Promise<void> {
    const isPayload = given.payloads !== undefined && given.payloads.length > 0;
    if (isPayload) return void (await this.#record(asked, "answered", given, {}));
    await this.#partOf(asked, given.records, () => this.#record(asked, "answered", given, {}));
  }

  /** Somebody known asked for what his role may not. */
  async denied(asked: ReadRequest): Promise<void> {
    await this.#partOf({ ...asked, operation: `${asked.operation} (denied)` }, 0, () =>
      this.#append(asked, { status: "denied", auth_decision: "deny" }, { "access.state": "denied" }),
    );
  }

  /** Durable when it returns. TallystickError `access_unrecorded`. */
  async begin(asked: ReadRequest): Promise<OpenReading> {
    const startId = await this.#record(asked, "begun", null, {});
    let records = 0;
    let ended: Promise<void> | null = null;
    const reading: OpenReading = {
      add: (count) => void (records += count),
      end: () => {
        this.#open.delete(reading);
        ended ??= this.#tellEnd(asked, startId, 1, records);
        return ended;
      },
    };
    this.#open.add(reading);
    return reading;
  }

  /** Somebody came in, or tried to and could not be told apart from a stranger. */
  async login(fields: {
    readonly principal: string;
    readonly address: string;
    readonly method: string;
  }): Promise<void> {
    const { principal, address, method } = fields;
    await this.#store(
      {
        event_type: "AUTH",
        operation: "login",
        action: "login",
        auth_subject: principal,
        client_address: address,
        attributes: { "access.method": method },
      },
      "The login could not be recorded, so it was not made.",
    );
  }

  /** Ends everything that goes on, and waits until that is recorded. */
  async close(): Promise<void> {
    for (const reading of new Set(this.#goingOn.values())) this.#over(reading);
    await Promise.all([...this.#open].map((reading) => reading.end()));
    await Promise.all(this.#ending);
  }

  async #partOf(asked: ReadRequest, records: number, start: () => Promise<string>): Promise<void> {
    const { exact, moving, window } = keysOf(asked, this.#parts.clock.nowUs() / 1_000);
    const key = moving ?? exact;
    for (let other = this.#starting.get(key); other !== undefined; other = this.#starting.get(key)) await other;
    const known = this.#goingOn.get(exact) ?? this.#goingOn.get(key);
    const nowMs = this.#parts.clock.monotonicMs();
    if (known !== undefined && nowMs - known.startedMs < READING_LONGEST_MS) {
      known.lastMs = nowMs;
      known.requests += 1;
      known.records += records;
      if (window !== null) known.window = window;
      return;
    }
    if (known !== undefined) this.#over(known);
    const starting = start();
    this.#starting.set(key, starting);
    try {
      this.#goOn({ asked, startId: await starting, keys: [exact, key], window, records });
    } finally {
      this.#starting.delete(key);
    }
  }

  #goOn(begun: Pick<GoingOn, "asked" | "startId" | "keys" | "window" | "records">): void {
    const oldest = this.#goingOn.values().next();
    if (this.#goingOn.size >= MAX_READINGS && oldest.done !== true) this.#over(oldest.value);
    const nowMs = this.#parts.clock.monotonicMs();
    const reading: GoingOn = { ...begun, startedMs: nowMs, lastMs: nowMs, requests: 1, cancel: () => {} };
    for (const key of begun.keys) this.#goingOn.set(key, reading);
    this.#watch(reading, READING_IDLE_MS);
  }

  #watch(reading: GoingOn, afterMs: number): void {
    reading.cancel = this.#parts.clock.after(afterMs, () => {
      const restMs = reading.lastMs + READING_IDLE_MS - this.#parts.clock.monotonicMs();
      if (restMs > 0) this.#watch(reading, restMs);
      else this.#over(reading);
    });
  }

  /** A single answer was recorded whole; what went on has totals. */
  #over(reading: GoingOn): void {
    reading.cancel();
    for (const key of reading.keys) if (this.#goingOn.get(key) === reading) this.#goingOn.delete(key);
    const { asked, startId, requests, records, window } = reading;
    if (requests > 1) void this.#tellEnd(asked, startId, requests, records, window);
  }

  #tellEnd(
    asked: ReadRequest,
    startId: string,
    requests: number,
    records: number,
    window: string | null = null,
  ): Promise<void> {
    const counts = { "access.start": startId, "access.requests": String(requests) };
    const totals = window === null ? counts : { ...counts, "access.last_window": this.#recordable(window) };
    const told = this.#record(asked, "ended", { records }, totals).then(
      () => {},
      () => this.#parts.onTrouble(`the end of a reading by ${asked.principal} could not be recorded`),
    );
    this.#ending.add(told);
    return told.finally(() => this.#ending.delete(told));
  }

  #record(
    asked: ReadRequest,
    state: "answered" | "begun" | "ended",
    given: Given | null,
    more: Readonly<Record<string, string>>,
  ): Promise<string> {
    const payloads = given?.payloads ?? [];
    return this.#append(
      asked,
      {},
      {
        "access.state": state,
        ...(given === null ? {} : { "access.records": String(given.records) }),
        ...(payloads.length === 0 ? {} : { "access.payloads": payloads.join(" ") }),
        ...more,
      },
    );
  }

  /** The id of the record. */
  #append(asked: ReadRequest, fields: Partial<OwnFields>, about: Readonly<Record<string, string>>): Promise<string> {
    const { query, parameters, reason } = asked;
    const told = Object.entries(parameters);
    return this.#store(
      {
        event_type: "ACCESS",
        operation: asked.operation,
        action: "read",
        resource: redactText(asked.resource).slice(0, MAX_RECORDED_RESOURCE),
        auth_subject: asked.principal,
        client_address: asked.address,
        ...fields,
        attributes: {
          ...about,
          ...(query === null ? {} : { "access.query": this.#recordable(query) }),
          ...(told.length === 0 ? {} : { "access.parameters": this.#recordable(JSON.stringify(parameters)) }),
          ...(reason === null ? {} : { "access.reason": redactText(reason).slice(0, MAX_RECORDED_REASON) }),
        },
      },
      "This read could not be recorded, so it was not answered.",
    );
  }

  #recordable(text: string): string {
    const shown = fingerprintSecrets(text, this.#parts.fingerprint);
    return shown.length <= MAX_RECORDED_QUESTION ? shown : `${shown.slice(0, MAX_RECORDED_QUESTION)} …`;
  }

  async #store(fields: OwnFields, otherwise: string): Promise<string> {
    const record = ownRecord(this.#parts.clock, this.#parts.random, fields);
    const outcome = await this.#parts.journal.appendOwn(ACCESS_LOG, [record]);
    if (outcome.kind === "stored") return record.id;
    const { reason, retryAfterS } = outcome;
    if (reason === "closing")
      throw new TallystickError("shutting_down", "The server is shutting down.", { retryAfterS });
    if (reason === "locked") throw waitsForKms(otherwise, retryAfterS);
    throw new TallystickError("access_unrecorded", otherwise, {
      retryAfterS,
      ...(reason === "full" ? {} : { hint: "Try again; see the server's log when it stays." }),
    });
  }
}

interface ReadingKeys {
  readonly exact: string;
  /** Null when what is asked for does not move with the clock. */
  readonly moving: string | null;
  readonly window: string | null;
}

function keysOf(asked: ReadRequest, nowMs: number): ReadingKeys {
  const exact = keyOf(asked);
  const moving = movingWindow(asked.parameters, nowMs);
  if (moving === null) return { exact, moving: null, window: null };
  const { from: _, to: __, ...parameters } = asked.parameters;
  const key = keyOf({ ...asked, parameters: { ...parameters, window: moving.key } });
  return { exact, moving: key, window: moving.shown };
}

function keyOf({ principal, address, operation, resource, query, parameters, reason }: ReadRequest): string {
  const told = Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([principal, address, operation, resource, query, told, reason]);
}
