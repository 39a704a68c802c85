/**
 * Who called whom, by evidence alone. A call hangs below another because its record says so (parent span, link,
 * message, cause), or because one request id leads from the one's callee to the other's caller. Where the evidence
 * names two parents, or none that is recorded, the call is a root: nothing is guessed, nothing is cut.
 */
import type { Call, Side } from "./call.ts";
import { partiesOf } from "./call.ts";
import { isOwnRequestId } from "./row.ts";
import type { TraceRow } from "./row.ts";

/** Strongest first. */
const EVIDENCE = ["trace", "message", "causation", "request_id", "enclosed"] as const;
export type Evidence = (typeof EVIDENCE)[number];

export interface Attachment {
  /** Place of the parent among the calls. */
  readonly parent: number;
  readonly evidence: Evidence;
  /** Which half of the parent the call belongs to. */
  readonly under: Side;
}

export interface Attached {
  /** Of each call; null: a root. */
  readonly attachments: readonly (Attachment | null)[];
  /** Calls whose records name a parent span that no record has. */
  readonly orphans: ReadonlySet<number>;
  /** Calls that would have closed a circle and became roots. */
  readonly circles: ReadonlySet<number>;
}

export function attachCalls(calls: readonly Call[]): Attached {
  const known = indexCalls(calls);
  const proposals = calls
    .map((call, place) => ({ place, attachment: proposal(call, place, calls, known) }))
    .toSorted((a, b) => rank(a.attachment) - rank(b.attachment));
  const attachments: (Attachment | null)[] = calls.map(() => null);
  const circles = new Set<number>();
  for (const { place, attachment } of proposals) {
    if (attachment === null) continue;
    if (leadsTo(attachment.parent, place, attachments)) circles.add(place);
    else attachments[place] = attachment;
  }
  const orphans = new Set(
    [...calls.keys()].filter((place) => !attachments[place] && hasLostParent(calls[place]!, known)),
  );
  return { attachments, orphans, circles };
}

function rank(attachment: Attachment | null): number {
  return attachment === null ? EVIDENCE.length : EVIDENCE.indexOf(attachment.evidence);
}

function leadsTo(from: number, place: number, attachments: readonly (Attachment | null)[]): boolean {
  let at: number | undefined = from;
  while (at !== undefined) {
    if (at === place) return true;
    at = attachments[at]?.parent;
  }
  return false;
}

interface Place {
  readonly place: number;
  readonly side: Side;
}

/** The calls by every name that another record may call them. */
interface Known {
  readonly bySpan: ReadonlyMap<string, Place>;
  readonly publishers: ReadonlyMap<string, readonly number[]>;
  readonly byName: ReadonlyMap<string, readonly number[]>;
  readonly byRequest: ReadonlyMap<string, readonly number[]>;
  /** By trace and recorder: calls that it was called with, and calls to it that only the caller recorded. */
  readonly entered: ReadonlyMap<string, readonly number[]>;
  readonly unanswered: ReadonlyMap<string, readonly Call[]>;
}

function indexCalls(calls: readonly Call[]): Known {
  const bySpan = new Map<string, Place>();
  const [publishers, byName, byRequest, entered] = [lists<number>(), lists<number>(), lists<number>(), lists<number>()];
  const unanswered = lists<Call>();
  for (const [place, call] of calls.entries()) {
    const names = new Set<string>();
    for (const row of call.rows) {
      if (row.span_id !== "") bySpan.set(`${row.trace_id}/${row.span_id}`, { place, side: row.side as Side });
      names.add(row.id).add(row.message_id).add(row.call_id);
      if (!isOwnRequestId(row)) names.add(row.request_id);
    }
    for (const name of names) if (name !== "") byName.add(name, place);
    if (!isOwnRequestId(call.main)) byRequest.add(call.main.request_id, place);
    if (call.main.event_type === "MESSAGE_PUBLISH")
      for (const name of new Set([call.main.call_id, call.main.message_id]))
        if (name !== "") publishers.add(name, place);
    if (call.callee !== null) entered.add(`${call.callee.trace_id} ${call.callee.recorder_id}`, place);
    else if (call.main.event_type !== "DB_QUERY" && call.main.target_id !== "none")
      unanswered.add(call.main.trace_id, call);
  }
  return {
    bySpan,
    publishers: publishers.map,
    byName: byName.map,
    byRequest: byRequest.map,
    entered: entered.map,
    unanswered: unanswered.map,
  };
}

function lists<Item>() {
  const map = new Map<string, Item[]>();
  return {
    map,
    add(key: string, item: Item) {
      const list = map.get(key);
      if (list === undefined) map.set(key, [item]);
      else list.push(item);
    },
  };
}

function proposal(call: Call, place: number, calls: readonly Call[], known: Known): Attachment | null {
  return (
    (call.main.event_type === "MESSAGE_CONSUME" ? byMessage(call, place, known) : null) ??
    bySpan(call, place, known) ??
    byCause(call, place, calls, known) ??
    byRequest(call, place, calls, known) ??
    byEnclosure(call, place, calls, known)
  );
}

/** The publisher that the link names, else the one publisher of the message. */
function byMessage({ main }: Call, place: number, known: Known): Attachment | null {
  for (const name of [main.call_id, main.message_id]) {
    const found = (known.publishers.get(name) ?? []).filter((publisher) => publisher !== place);
    if (found.length === 1) return { parent: found[0]!, evidence: "message", under: "caller" };
  }
  return null;
}

/** The half that knows the parent: the caller's. The callee's own parent is the caller's span, which is this call. */
function parentSpans({ caller, callee, observer }: Call): readonly string[] {
  const halves = caller === null ? [callee, observer] : [caller];
  return halves.flatMap((row) =>
    row === null || row.parent_span_id === "" ? [] : [`${row.trace_id}/${row.parent_span_id}`],
  );
}

function bySpan(call: Call, place: number, known: Known): Attachment | null {
  for (const span of parentSpans(call)) {
    const owner = known.bySpan.get(span);
    if (owner !== undefined && owner.place !== place)
      return { parent: owner.place, evidence: "trace", under: owner.side };
  }
  return null;
}

/** A callee's parent is its caller's span: that the caller's half is missing is said apart. */
function hasLostParent(call: Call, known: Known): boolean {
  if (call.caller === null && call.observer === null) return false;
  return parentSpans(call).some((span) => !known.bySpan.has(span));
}

function byCause(call: Call, place: number, calls: readonly Call[], known: Known): Attachment | null {
  for (const { causation_id: cause } of call.rows) {
    const found = (cause === "" ? [] : (known.byName.get(cause) ?? [])).filter((other) => other !== place);
    const parent = found.length === 1 ? found[0] : theOneThatCalled(call, found, calls);
    if (parent !== undefined) return { parent, evidence: "causation", under: "callee" };
  }
  return null;
}

function byRequest(call: Call, place: number, calls: readonly Call[], known: Known): Attachment | null {
  if (isOwnRequestId(call.main)) return null;
  const { service, target } = partiesOf(call);
  const others = (known.byRequest.get(call.main.request_id) ?? []).filter((other) => {
    const parties = partiesOf(calls[other]!);
    return other !== place && !(parties.service === service && parties.target === target);
  });
  const parent = theOneThatCalled(call, others, calls);
  return parent === undefined ? null : { parent, evidence: "request_id", under: "callee" };
}

/** Of several calls the one that this call's caller was called with; of several such, the one it had open. */
function theOneThatCalled(call: Call, among: readonly number[], calls: readonly Call[]): number | undefined {
  const { service } = partiesOf(call);
  const reaching = among.filter((place) => partiesOf(calls[place]!).target === service);
  if (reaching.length === 1 && !beganAfter(calls[reaching[0]!]!, call)) return reaching[0];
  const open = reaching.filter((place) => wasOpen(calls[place]!.callee, call.caller));
  return open.length === 1 ? open[0] : undefined;
}

/** By one recorder's clock: the parent began later than the child, so it is none. */
function beganAfter(parent: Call, child: Call): boolean {
  const [above, below] = [parent.callee, child.caller];
  return above !== null && below !== null && haveOneClock(above, below) && above.start_us > below.start_us;
}

function haveOneClock(one: TraceRow, other: TraceRow): boolean {
  return one.recorder_id === other.recorder_id && one.host === other.host;
}

function wasOpen(above: TraceRow | null, below: TraceRow | null): boolean {
  if (above === null || below === null || above.duration_us < 0 || !haveOneClock(above, below)) return false;
  return above.start_us <= below.start_us && below.start_us <= above.start_us + above.duration_us;
}

/**
 * Intake leaves spans of kind INTERNAL out by default, and with them the link from a call to the one that made it.
 * The parent is then the only call of this trace that the same recorder had open, if no call to it lacks its
 * callee's half and could be the parent as well.
 */
function byEnclosure(call: Call, place: number, calls: readonly Call[], known: Known): Attachment | null {
  const { caller } = call;
  if (caller === null || caller.trace_id === "" || caller.parent_span_id === "") return null;
  const others = known.entered.get(`${caller.trace_id} ${caller.recorder_id}`) ?? [];
  const open = others.filter((other) => other !== place && wasOpen(calls[other]!.callee, caller));
  const rivals = (known.unanswered.get(caller.trace_id) ?? []).filter(
    (rival) => rival !== call && mayReach(rival.main.target_id, caller.recorder_id),
  );
  if (open.length !== 1 || rivals.length > 0) return null;
  return { parent: open[0]!, evidence: "enclosed", under: "callee" };
}

function mayReach(target: string, service: string): boolean {
  return target === service || target === "unknown" || target.startsWith("address:");
}
