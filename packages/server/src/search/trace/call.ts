/**
 * Records to calls. Both halves of a call, and who watched it between them, are one node, keyed by call id; each
 * consumer of a message is a node of its own, because a message has any number of them.
 */
import type { FoundBy, FoundRow } from "./collect.ts";
import { isMessage } from "./row.ts";
import type { TraceRow } from "./row.ts";

export type Side = "caller" | "callee" | "observer";

/** Statuses of a call that did not do what it was called for. */
export const FAILED: ReadonlySet<string> = new Set(["error", "timeout", "denied"]);

/** One call before it has its place in the tree. */
export interface Call {
  readonly rows: readonly TraceRow[];
  readonly caller: TraceRow | null;
  readonly callee: TraceRow | null;
  readonly observer: TraceRow | null;
  /** The half that stands for the call where one must: the caller's, whose the waiting is, else what there is. */
  readonly main: TraceRow;
  readonly foundBy: FoundBy;
}

export function callsOf(found: readonly FoundRow[]): readonly Call[] {
  const groups = new Map<string, FoundRow[]>();
  for (const one of found) {
    const key = groupKey(one.row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].map(callOf);
}

function groupKey(row: TraceRow): string {
  if (row.event_type !== "MESSAGE_CONSUME") return row.call_id;
  const run = row.span_id === "" ? `${row.request_id}/${row.attempt}` : row.span_id;
  return `consume ${row.recorder_id} ${row.trace_id} ${run} ${row.call_id}`;
}

function callOf(group: readonly FoundRow[]): Call {
  const rows = group.map(({ row }) => row).toSorted(byWeight);
  const half = (side: Side) => rows.find((row) => row.side === side) ?? null;
  const [caller, callee, observer] = [half("caller"), half("callee"), half("observer")];
  return { rows, caller, callee, observer, main: caller ?? callee ?? observer ?? rows[0]!, foundBy: group[0]!.by };
}

/** What happened before what was meant to happen, then the earliest. */
function byWeight(a: TraceRow, b: TraceRow): number {
  return (
    Number(a.phase === "intent") - Number(b.phase === "intent") ||
    a.start_us - b.start_us ||
    (a.tree < b.tree ? -1 : a.tree > b.tree ? 1 : a.leaf_index - b.leaf_index)
  );
}

/** Who called and who was called, each by its own record where there is one. */
export function partiesOf({ caller, callee, main }: Call): { readonly service: string; readonly target: string } {
  return { service: (caller ?? main).service_id, target: (callee ?? main).target_id };
}

export function isFailed({ main }: Call): boolean {
  return FAILED.has(main.status);
}

/** The caller goes on without waiting for it, so its time is none of the caller's. */
export function isDetached({ main }: Call): boolean {
  return main.event_type === "MESSAGE_CONSUME";
}

/** Events that one party records alone. A database records nothing of its queries. */
const ONE_SIDED: ReadonlySet<string> = new Set([
  "DB_QUERY",
  "INTERNAL",
  "CONFIG_CHANGE",
  "LOG_LIFECYCLE",
  "TALLY_VERDICT",
  "ALERT",
  "RESPONSE",
  "ACCESS",
]);

/**
 * Halves that somebody should have recorded. A caller of which only an address was seen cannot be asked; a message's
 * halves are its publisher and its consumers.
 */
export function missingHalves(call: Call, isAnswered: boolean): readonly ("caller" | "callee")[] {
  const { main, caller, callee } = call;
  const { service, target } = partiesOf(call);
  if (isMessage(main)) {
    if (isAnswered) return [];
    return main.event_type === "MESSAGE_PUBLISH" ? ["callee"] : ["caller"];
  }
  if (ONE_SIDED.has(main.event_type) || target === "none") return [];
  const isUnknown = service === "unknown" || service.startsWith("address:");
  return [
    ...(caller === null && !isUnknown ? (["caller"] as const) : []),
    ...(callee === null ? (["callee"] as const) : []),
  ];
}
