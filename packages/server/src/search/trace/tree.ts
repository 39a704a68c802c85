/** The calls of a trace as one tree, measured: the pure part of a trace, without any reading. */
import { formatTimestamp } from "@tallystick/record";

import { attachCalls } from "./attach.ts";
import type { Attached } from "./attach.ts";
import { callsOf, isDetached, missingHalves, partiesOf } from "./call.ts";
import type { Call } from "./call.ts";
import { callClockBounds, estimateClocks, middleOf } from "./clocks.ts";
import type { ClockOffset, Clocks } from "./clocks.ts";
import type { FoundRow } from "./collect.ts";
import { criticalPath } from "./critical-path.ts";
import { findAttempts, firstFailure } from "./failures.ts";
import type { Attempts, TreeShape } from "./failures.ts";
import { coveredUs, outsideUs } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import { countOrNull, halfOf, textOrNull } from "./node.ts";
import type { TraceNode } from "./node.ts";
import type { TraceRow } from "./row.ts";

export interface TraceTree {
  readonly nodes: readonly TraceNode[];
  /** The root that lasted longest: what duration and critical path speak of. */
  readonly root: number;
  readonly first_failure: number | null;
  /** The beginning of the earliest call, by the reference clock. */
  readonly startUs: number;
  /** From there to the end of the last one. */
  readonly durationUs: number;
  readonly clocks: readonly ClockOffset[];
  /** Nodes that would have closed a circle. */
  readonly circles: readonly number[];
}

export function buildTree(found: readonly FoundRow[]): TraceTree {
  const calls = callsOf(found);
  const attached = attachCalls(calls);
  const parents = attached.attachments.map((attachment) => attachment?.parent ?? null);
  const root = longestRoot(calls, parents);
  const clocks = estimateClocks(calls, calls[root]!);
  const intervals = calls.map(({ main }) => intervalOf(main, clocks));
  const order = treeOrder(parents, intervals);
  const shape = { calls, parents, children: order.children, intervals };
  const startUs = intervals.reduce((least, { fromUs }) => Math.min(least, fromUs), Infinity);
  const endUs = intervals.reduce((most, { toUs }) => Math.max(most, toUs), -Infinity);
  const attempts = findAttempts(shape);
  const failure = firstFailure(shape, root, attempts);
  const waiting = calls.map((call, place) => ({
    interval: call.main.duration_us < 0 ? null : intervals[place]!,
    children: order.children[place]!.filter((child) => !isDetached(calls[child]!)),
  }));
  const measured = { shape, attached, clocks, attempts, order, startUs, critical: criticalPath(waiting, root) };
  return {
    nodes: order.places.map((place) => nodeOf(place, measured)),
    root: order.nodes[root]!,
    first_failure: failure === null ? null : order.nodes[failure]!,
    startUs,
    durationUs: endUs - startUs,
    clocks: clocks.offsets,
    circles: [...attached.circles].map((place) => order.nodes[place]!),
  };
}

function longestRoot(calls: readonly Call[], parents: readonly (number | null)[]): number {
  const roots = [...calls.keys()].filter((place) => parents[place] === null);
  const longest = (a: number, b: number) =>
    calls[b]!.main.duration_us - calls[a]!.main.duration_us || calls[a]!.main.start_us - calls[b]!.main.start_us;
  return roots.toSorted(longest)[0] ?? 0;
}

function intervalOf(row: TraceRow, clocks: Clocks): Interval {
  const fromUs = clocks.startUs(row);
  return { fromUs, toUs: fromUs + Math.max(row.duration_us, 0) };
}

interface TreeOrder {
  /** Places in the order of a waterfall. */
  readonly places: readonly number[];
  /** Of each place, its node. */
  readonly nodes: readonly number[];
  readonly depths: readonly number[];
  readonly children: readonly (readonly number[])[];
}

/** Depth first, calls of one parent by their beginning. */
function treeOrder(parents: readonly (number | null)[], intervals: readonly Interval[]): TreeOrder {
  const children: number[][] = parents.map(() => []);
  const roots: number[] = [];
  for (const [place, parent] of parents.entries()) (parent === null ? roots : children[parent]!).push(place);
  const byTime = (a: number, b: number) => intervals[a]!.fromUs - intervals[b]!.fromUs || a - b;
  for (const list of [roots, ...children]) list.sort(byTime);
  const [places, nodes, depths]: number[][] = [[], [], []];
  const open = roots.toReversed();
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const parent = parents[place] ?? null;
    depths![place] = parent === null ? 0 : depths![parent]! + 1;
    nodes![place] = places!.length;
    places!.push(place);
    for (const child of children[place]!.toReversed()) open.push(child);
  }
  return { places: places!, nodes: nodes!, depths: depths!, children };
}

interface Measured {
  readonly shape: TreeShape;
  readonly attached: Attached;
  readonly clocks: Clocks;
  readonly attempts: Attempts;
  readonly order: TreeOrder;
  readonly startUs: number;
  readonly critical: ReadonlyMap<number, number>;
}

function nodeOf(place: number, measured: Measured): TraceNode {
  const { shape, attached, clocks, attempts, order, startUs, critical } = measured;
  const call = shape.calls[place]!;
  const { main, caller, callee } = call;
  const attachment = attached.attachments[place] ?? null;
  const { service, target } = partiesOf(call);
  const half = (row: TraceRow) => halfOf(row, formatTimestamp(row.start_us), clocks.startUs(row) - startUs);
  const others = call.rows.filter((row) => row !== caller && row !== callee);
  const first = attempts.retryOf.get(place);
  return {
    node: order.nodes[place]!,
    parent: attachment === null ? null : order.nodes[attachment.parent]!,
    depth: order.depths[place]!,
    evidence: attachment?.evidence ?? call.foundBy,
    call_id: main.call_id,
    trace_id: textOrNull(main.trace_id),
    request_id: main.request_id,
    attempt: main.attempt,
    event_type: main.event_type,
    service_id: service,
    target_id: target,
    operation: (callee ?? main).operation,
    protocol: main.protocol,
    status: main.status,
    status_code: textOrNull(main.status_code),
    error_type: textOrNull(main.error_type || (callee?.error_type ?? "")),
    error_message: textOrNull(main.error_message || (callee?.error_message ?? "")),
    offset_us: shape.intervals[place]!.fromUs - startUs,
    duration_us: countOrNull(main.duration_us),
    caller: caller === null ? null : half(caller),
    callee: callee === null ? null : half(callee),
    observers: others.filter((row) => row.side === "observer").map(half),
    more: others.filter((row) => row.side !== "observer").map(half),
    missing: missingHalves(call, isAnswered(place, measured)),
    orphan: attached.orphans.has(place),
    ...timesOf(call),
    outside_parent_us: outsideParentUs(place, measured),
    self_us: selfUs(place, measured),
    critical_us: critical.get(place) ?? 0,
    retry_of: first === undefined ? null : order.nodes[first]!,
    recovered: attempts.recovered.has(place),
    status_differs: caller !== null && callee !== null && caller.status !== callee.status,
  };
}

/** A publisher with a consumer below it, or a consumer below its publisher. */
function isAnswered(place: number, { shape, attached }: Measured): boolean {
  const attachment = attached.attachments[place] ?? null;
  const isType = (other: number, type: string) => shape.calls[other]!.main.event_type === type;
  if (isType(place, "MESSAGE_CONSUME"))
    return shape.calls[place]!.caller !== null || (attachment !== null && isType(attachment.parent, "MESSAGE_PUBLISH"));
  return (
    shape.calls[place]!.callee !== null || shape.children[place]!.some((child) => isType(child, "MESSAGE_CONSUME"))
  );
}

function timesOf(call: Call): Pick<TraceNode, "network_us" | "outlasts_us" | "clock_offset_us"> {
  const { caller, callee } = call;
  const bounds = callClockBounds(call);
  const both = caller !== null && callee !== null && caller.duration_us >= 0 && callee.duration_us >= 0;
  const longer = both ? caller.duration_us - callee.duration_us : null;
  return {
    network_us: longer !== null && longer >= 0 ? longer : null,
    outlasts_us: longer !== null && longer < 0 ? -longer : null,
    clock_offset_us: bounds === null ? null : middleOf(bounds),
  };
}

function outsideParentUs(place: number, { shape, attached, clocks }: Measured): number | null {
  const attachment = attached.attachments[place] ?? null;
  if (attachment === null || isDetached(shape.calls[place]!)) return null;
  const parent = shape.calls[attachment.parent]!;
  const above = (attachment.under === "callee" ? parent.callee : parent.caller) ?? parent.main;
  if (above.duration_us < 0) return null;
  const by = outsideUs(intervalOf(above, clocks), shape.intervals[place]!);
  return by === 0 ? null : by;
}

/** Of the callee's half where there is one: the rest of the caller's is the network. */
function selfUs(place: number, { shape, attached, clocks }: Measured): number | null {
  const { caller, callee, main } = shape.calls[place]!;
  const base = callee ?? caller ?? main;
  if (base.duration_us < 0) return null;
  const waited = shape.children[place]!.filter((child) => {
    const isInside = callee === null || attached.attachments[child]?.under !== "caller";
    return isInside && !isDetached(shape.calls[child]!);
  });
  const within = intervalOf(base, clocks);
  return (
    base.duration_us -
    coveredUs(
      within,
      waited.map((child) => shape.intervals[child]!),
    )
  );
}
