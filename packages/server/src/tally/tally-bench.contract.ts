/**
 * The tally over a real engine. Time of receipt is what the test says, so that an hour passes at once; verdicts go to
 * the same trees as the records, as in a server.
 */
import { encodeLeaf, formatReceivedAt, formatTimestamp } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import { afterEach } from "vitest";

import type { AliasInfo, PartyInfo } from "../control/control.ts";
import type { Deriver } from "../index/derived-tables.ts";
import { asJournal, openTemporaryIndex } from "../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../index/engine/temporary-index.ts";
import type { Statement } from "../index/index-seam.ts";
import { until } from "../index/sample.contract.ts";
import { realClock } from "../real-clock.ts";
import type { CallNames } from "../search/call-names.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { callFacts, FACT_COLUMNS } from "./call-facts.ts";
import type { FactRow } from "./call-facts.ts";
import { deadlines } from "./deadlines.ts";
import type { BreaksAnswer, BreaksRequest } from "./breaks.ts";
import { breaksOf } from "./rules.ts";
import { STANDING, TALLY_TABLES } from "./schema.ts";
import type { CallView } from "./call-view.ts";
import { TallyReader } from "./reader.ts";
import type { TallySettings } from "./settings.ts";
import { Tally } from "./tally.ts";
import { SUMMARY } from "./verdict.ts";

export const START_US = Date.UTC(2026, 10, 25, 8) * 1_000;
export const SECOND_US = 1_000_000;
export const TREE = "default/2026-11";

export const SETTINGS: TallySettings = {
  deadlines: deadlines(60 * SECOND_US, []),
  tolerances: { sizeBytes: 0, timeUs: SECOND_US, unknownSkewUs: 60 * SECOND_US },
  oneSided: [],
  aliases: [],
};

const TEST_LIMITS = { timeoutMs: 30_000, maxMemoryBytes: 500_000_000 };

export interface Half {
  readonly record: AuditRecord;
  readonly observed: Observed;
}

let serial = 0;

/** One half of the call `request` from orders to payments. `atS`: when it was received, after the start. */
export function half(side: "caller" | "callee", request: string, atS: number, fields: Partial<AuditRecord> = {}): Half {
  serial += 1;
  const receivedUs = START_US + Math.round(atS * SECOND_US);
  const { service_id: caller = "orders", target_id: callee = "payments" } = fields;
  return {
    record: {
      id: `01a211b7-fe4d-758a-bfe8-${serial.toString(16).padStart(12, "0")}`,
      timestamp: formatTimestamp(receivedUs - 100_000),
      event_type: "API_CALL",
      phase: "outcome",
      side,
      service_id: caller,
      target_id: callee,
      recorder_id: side === "caller" ? caller : callee,
      request_id: request,
      attempt: 0,
      operation: "POST /payments",
      protocol: "http",
      status: "success",
      duration_us: 50_000,
      ...fields,
    },
    observed: {
      received_at: formatReceivedAt(receivedUs),
      principal: "key:test",
      standing: "authenticated",
      source_address: "127.0.0.1",
      intake: "json",
    },
  };
}

/** Both halves of a call, received a moment apart. */
export function pair(
  request: string,
  atS: number,
  caller: Partial<AuditRecord> = {},
  callee: Partial<AuditRecord> = caller,
): readonly Half[] {
  return [half("caller", request, atS, caller), half("callee", request, atS + 0.05, callee)];
}

export interface CallRow {
  readonly call_id: string;
  readonly caller: string;
  readonly callee: string;
  readonly state: string;
  readonly reason: string;
  readonly kinds: readonly string[];
  readonly fields: readonly string[];
}

export interface TallyBench {
  readonly index: TemporaryIndex;
  /** What was said of calls, in the order in which it was. */
  readonly verdicts: readonly AuditRecord[];
  readonly summaries: readonly AuditRecord[];
  readonly troubles: readonly string[];
  /** What the control log declares. */
  readonly declared: { readonly aliases: AliasInfo[]; readonly parties: PartyInfo[] };
  names(): CallNames;
  /** Adds halves and waits until they are searchable. */
  add(...halves: readonly Half[]): Promise<void>;
  /** Lets time come to `atS` seconds after the start and waits until all that is due by then is settled. */
  passTo(atS: number): Promise<void>;
  calls(): Promise<readonly CallRow[]>;
  /** As `/api/calls` shows it to who may see everything. */
  view(callId: string): Promise<CallView | null>;
  /** As `/api/tally` answers. */
  breaks(request?: BreaksRequest): Promise<BreaksAnswer>;
  select<Row>(sql: string): Promise<readonly Row[]>;
  /** Ends the tally and begins another one over the same tables. */
  restart(): Promise<void>;
  /** The same after all tables of the tally are gone. */
  startOver(): Promise<void>;
  /** The next append of verdicts fails. */
  failAppend(): void;
  close(): Promise<void>;
}

/** Opens a bench in a test, which is closed after it. */
export function benchesOfTests(): typeof openTallyBench {
  let open: TallyBench | null = null;
  afterEach(async () => {
    await open?.close();
    open = null;
  });
  return async (...args) => {
    open = await openTallyBench(...args);
    return open;
  };
}

/** `derived` is told of each statement by which the tally derives rows, when they are there. */
export async function openTallyBench(
  settings: Partial<TallySettings> = {},
  derived: (deriver: Deriver, statement: Statement) => Promise<void> = async () => {},
): Promise<TallyBench> {
  const index = await openTemporaryIndex();
  const verdicts: AuditRecord[] = [];
  const summaries: AuditRecord[] = [];
  const ids = new Set<string>();
  const troubles: string[] = [];
  const declared: TallyBench["declared"] = { aliases: [], parties: [] };
  let failures = 0;
  const journal = {
    ...asJournal(index.journal),
    appendOwn: async (log: string, records: readonly AuditRecord[]) => {
      if (failures > 0) {
        failures -= 1;
        return { kind: "pushback" as const, reason: "failed" as const, retryAfterS: 1 };
      }
      const fresh = records.filter(({ id }) => !ids.has(id));
      for (const record of fresh) ids.add(record.id);
      for (const record of fresh) (record.operation === SUMMARY ? summaries : verdicts).push(record);
      const observed = ownObserved(index.journal.receivedBefore);
      if (fresh.length > 0)
        index.journal.add(
          `${log}/2026-11`,
          fresh.map((record) => encodeLeaf(observed, record)),
        );
      const duplicates = records.length - fresh.length;
      return { kind: "stored" as const, tree: TREE, firstIndex: 0, count: fresh.length, duplicates, copies: [] };
    },
  };
  const open = () =>
    new Tally({
      deriver: watched(index.index.deriver, derived),
      index: index.index.follower,
      journal,
      clock: realClock(),
      settings: { ...SETTINGS, ...settings },
      control: { aliases: () => declared.aliases, parties: () => declared.parties },
      onTrouble: (message) => troubles.push(message),
      tickMs: 10,
      countPause: 1,
    });
  let tally = open();
  const reader = () => new TallyReader({ reader: index.index.reader, clock: realClock() }, tally);
  const select = <Row>(sql: string) => index.index.deriver.select<Row>({ sql, params: {} }, TEST_LIMITS);
  return {
    index,
    verdicts,
    summaries,
    troubles,
    declared,
    names: () => tally.names(),
    add: (...halves) => index.add(TREE, halves),
    async passTo(atS) {
      const untilUs = START_US + Math.round(atS * SECOND_US);
      index.journal.receivedBefore = untilUs;
      const isPassed = () => tally.figures().settledUs >= untilUs && tally.isIdle();
      await until(isPassed, 50_000).catch((cause: unknown) => {
        throw new Error(`the tally came to no rest: ${troubles.at(-1) ?? "it told no trouble"}`, { cause });
      });
    },
    async calls() {
      const rows = await select<FactRow & Omit<CallRow, "kinds" | "fields">>(
        `SELECT call_id, callee, state, reason, ${FACT_COLUMNS} FROM calls WHERE ${STANDING} ORDER BY call_id, branch`,
      );
      const context = { tolerances: settings.tolerances ?? SETTINGS.tolerances, usedBy: new Map() };
      return rows.map((row) => {
        const breaks = breaksOf(callFacts(row), context);
        const { call_id, caller, callee, state, reason } = row;
        return {
          call_id,
          caller,
          callee,
          state,
          reason,
          kinds: breaks.map((found) => found.kind),
          fields: breaks.map((found) => found.field),
        };
      });
    },
    view: (callId) => reader().call(WHOLE_SCOPE, callId),
    breaks: (request = {}) => reader().breaks(WHOLE_SCOPE, request),
    select,
    async restart() {
      await tally.close();
      tally = open();
    },
    async startOver() {
      await tally.close();
      for (const { name } of TALLY_TABLES)
        await index.index.deriver.derive({ sql: `DROP TABLE ${name} SYNC`, params: {} }, TEST_LIMITS);
      tally = open();
    },
    failAppend: () => void (failures += 1),
    async close() {
      await tally.close();
      await index.close();
    },
  };
}

function watched(deriver: Deriver, derived: (deriver: Deriver, statement: Statement) => Promise<void>): Deriver {
  return {
    prepare: (tables) => deriver.prepare(tables),
    async derive(statement, limits) {
      await deriver.derive(statement, limits);
      await derived(deriver, statement);
    },
    select: (statement, limits) => deriver.select(statement, limits),
    empty: (table) => deriver.empty(table),
    remove: (table, condition) => deriver.remove(table, condition),
    generation: () => deriver.generation(),
    isUp: () => deriver.isUp(),
  };
}

function ownObserved(receivedUs: number): Observed {
  return {
    received_at: formatReceivedAt(receivedUs),
    principal: "tallystick",
    standing: "authenticated",
    source_address: "local",
    intake: "tallystick",
  };
}
