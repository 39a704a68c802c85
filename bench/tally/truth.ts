/** What the tally says of a seeded load, read through the API, against what was seeded. */
import { callId, type AuditRecord } from "@tallystick/record";
import type { RunningServer } from "../../integrity/running-server.ts";
import { BREAK_KINDS, callOf, type BreakKind } from "./calls.ts";
import { halfRecord, SEEDED_ATTRIBUTE, type Timeline } from "./half-record.ts";

const PAGE = 1_000;
const LISTED = 10;

export interface Break {
  readonly kind: string;
  readonly call_id: string;
  readonly field: string | null;
}

export interface TallyAnswer {
  readonly breaks: readonly Break[];
  readonly counts: Readonly<Record<string, number>>;
}

interface Page extends TallyAnswer {
  readonly next: string | null;
}

/** The field that a seeded discrepancy is in; of other kinds the call is enough. */
const FIELDS: Partial<Readonly<Record<BreakKind, string>>> = {
  discrepancy_status: "status",
  discrepancy_operation: "operation",
  discrepancy_request_digest: "request_digest",
  discrepancy_response_digest: "response_digest",
  discrepancy_size: "response_size",
  discrepancy_identity: "peer_identity",
};

/** All breaks that hold, and the counts by state. */
export async function readTally(server: RunningServer): Promise<TallyAnswer> {
  const breaks: Break[] = [];
  let counts: TallyAnswer["counts"] = {};
  let cursor: string | null = "";
  while (cursor !== null) {
    const more: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page = await server.json<Page>(`/api/tally?limit=${PAGE}${more}`);
    if (cursor === "") counts = page.counts;
    breaks.push(...page.breaks);
    cursor = page.next;
  }
  return { breaks, counts };
}

/** Call id to the break that was seeded. */
export function seededBreaks(timeline: Timeline, calls: number): ReadonlyMap<string, BreakKind> {
  const breaks = new Map<string, BreakKind>();
  for (let n = 0; n < calls; n += 1) {
    const call = callOf(timeline.seed, n);
    if (call.broken === null) continue;
    breaks.set(callId(JSON.parse(halfRecord(call, call.halves[0]!, timeline)) as AuditRecord), call.broken);
  }
  return breaks;
}

export interface Comparison {
  readonly seeded: number;
  readonly found: number;
  readonly missed: number;
  /** A seeded call with a break of another kind or in another field. */
  readonly wrong: number;
  /** A break of a call that was honest, or one more than was seeded. */
  readonly false_breaks: number;
  readonly found_by_kind: Readonly<Record<string, number>>;
  /** The first few of what is not as seeded, to look into. */
  readonly examples: readonly Example[];
}

export interface Example {
  readonly call_id: string;
  /** Why it is not as it has to be. */
  readonly fault: string;
}

export function compare(seeded: ReadonlyMap<string, BreakKind>, breaks: readonly Break[]): Comparison {
  const found = new Set<string>();
  const examples: Example[] = [];
  const byKind = Object.fromEntries(BREAK_KINDS.map((kind) => [kind, 0]));
  let wrong = 0;
  let falseBreaks = 0;
  for (const { kind, call_id: id, field } of breaks) {
    const right = seeded.get(id);
    if (right === kind && !found.has(id) && (FIELDS[right] ?? field) === field) {
      found.add(id);
      byKind[kind]! += 1;
      continue;
    }
    if (right === undefined || right === kind) falseBreaks += 1;
    else wrong += 1;
    examples.push({ call_id: id, fault: `seeded ${right ?? "honest"} and is ${kind} ${field ?? ""}` });
  }
  for (const [id, kind] of seeded)
    if (!found.has(id)) examples.push({ call_id: id, fault: `seeded ${kind} and not found` });
  return {
    seeded: seeded.size,
    found: found.size,
    missed: seeded.size - found.size,
    wrong,
    false_breaks: falseBreaks,
    found_by_kind: byKind,
    examples: examples.slice(0, LISTED),
  };
}

/** What the tally says of one call, in a line. */
export async function stateOf(server: RunningServer, id: string): Promise<string> {
  const { state, reason } = await server.json<{ readonly state: string; readonly reason: string | null }>(
    `/api/calls/${encodeURIComponent(id)}`,
  );
  return reason === null ? state : `${state}: ${reason}`;
}

interface Exported {
  readonly call_id: string;
  readonly record: AuditRecord;
  readonly observed: { readonly received_at: string };
}

/**
 * Milliseconds from when a verdict was due (`deadlineMs` after its call's first half was received) to when it was
 * received, of the first verdict on each seeded call, in ascending order. A discrepancy may be told before it is due.
 */
export async function verdictDelays(server: RunningServer, deadlineMs: number): Promise<readonly number[]> {
  const dueMs = new Map<string, number>();
  for (const { call_id: id, observed } of await exported(server, `attributes.${SEEDED_ATTRIBUTE}:*`)) {
    const due = Date.parse(observed.received_at) + deadlineMs;
    dueMs.set(id, Math.min(due, dueMs.get(id) ?? due));
  }
  const toldMs = new Map<string, number>();
  for (const { record, observed } of await verdicts(server)) {
    const id = record.attributes?.["tally.call_id"];
    if (id === undefined) continue;
    const told = Date.parse(observed.received_at);
    toldMs.set(id, Math.min(told, toldMs.get(id) ?? told));
  }
  const delays = [...toldMs].flatMap(([id, told]) => (dueMs.has(id) ? [told - dueMs.get(id)!] : []));
  return delays.sort((a, b) => a - b);
}

/** Every TALLY_VERDICT record of the log, and the minutes' summaries among them. */
export async function verdicts(server: RunningServer): Promise<readonly Exported[]> {
  return exported(server, "event_type:TALLY_VERDICT");
}

async function exported(server: RunningServer, query: string): Promise<readonly Exported[]> {
  const path = `/api/export?format=ndjson&own=true&q=${encodeURIComponent(query)}`;
  const response = await server.fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${(await response.text()).slice(0, 500)}`);
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Exported);
}
