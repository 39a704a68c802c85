import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { TraceNode } from "./node.ts";
import type { TraceRow } from "./row.ts";
import { buildTree } from "./tree.ts";
import type { TraceTree } from "./tree.ts";
import { callIdOf, plannedTraces, T0_US, TRACE_ID, traceRowOf } from "./trees.contract.ts";
import type { PlannedCall } from "./trees.contract.ts";

const treeOf = (rows: readonly TraceRow[]): TraceTree =>
  buildTree(rows.map((row, place) => ({ row: { ...row, leaf_index: place }, by: "trace" as const })));

const byCall = (tree: TraceTree) => new Map(tree.nodes.map((node) => [node.call_id, node]));
const parentCall = (tree: TraceTree, node: TraceNode) =>
  node.parent === null ? null : tree.nodes[node.parent]!.call_id;

/** Where the records that are left say the call belongs. */
function expectedParent({ lost, parent }: PlannedCall): string | null {
  return lost === "caller" || parent === null || parent.lost === "callee" ? null : callIdOf(parent);
}

describe("a random tree of calls", () => {
  it("is rebuilt exactly, whatever halves are lost and whatever the clocks say", () => {
    fc.assert(
      fc.property(plannedTraces({ losses: true, skew: true }), ({ calls, rows }) => {
        const tree = treeOf(rows);
        const nodes = byCall(tree);
        expect(tree.nodes).toHaveLength(calls.length);
        for (const call of calls) {
          const node = nodes.get(callIdOf(call))!;
          expect(parentCall(tree, node)).toBe(expectedParent(call));
          expect([node.caller === null, node.callee === null]).toEqual([
            call.lost === "caller",
            call.lost === "callee" || call.database,
          ]);
          expect(node.missing).toEqual(call.lost === null ? [] : [call.lost]);
          expect(node.orphan).toBe(call.lost !== "caller" && call.parent?.lost === "callee");
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is listed in the order of a waterfall, every record once", () => {
    fc.assert(
      fc.property(plannedTraces({ losses: true, skew: true }), ({ rows }) => {
        const { nodes } = treeOf(rows);
        for (const [place, node] of nodes.entries()) {
          expect(node.node).toBe(place);
          if (node.parent !== null) expect(node.parent).toBeLessThan(place);
          expect(node.depth).toBe(node.parent === null ? 0 : nodes[node.parent]!.depth + 1);
        }
        const leaves = nodes.flatMap((node) => [node.caller, node.callee, ...node.observers, ...node.more]);
        expect(leaves.flatMap((half) => half?.leaf_index ?? []).sort((a, b) => a - b)).toEqual([...rows.keys()]);
      }),
      { numRuns: 100 },
    );
  });

  it("has its times put right when every half is there, and nothing sticks out of its parent", () => {
    fc.assert(
      fc.property(plannedTraces({ losses: false, skew: true }), ({ calls, rows }) => {
        const tree = treeOf(rows);
        const nodes = byCall(tree);
        let own = 0;
        for (const call of calls) {
          const node = nodes.get(callIdOf(call))!;
          expect(node.outside_parent_us).toBeNull();
          expect(node.network_us).toBe(call.database ? null : call.networkUs);
          const below = calls
            .filter(({ parent }) => parent === call)
            .reduce((sum, { durationUs }) => sum + durationUs, 0);
          expect(node.self_us).toBe(call.durationUs - (call.database ? 0 : call.networkUs) - below);
          own += node.critical_us;
        }
        expect(own).toBe(calls[0]!.durationUs);
        expect(tree.durationUs).toBe(calls[0]!.durationUs);
      }),
      { numRuns: 200 },
    );
  });

  it("keeps the times of clocks that agree", () => {
    fc.assert(
      fc.property(plannedTraces({ losses: true, skew: false }), ({ calls, rows }) => {
        const tree = treeOf(rows);
        expect(tree.clocks).toEqual([]);
        const nodes = byCall(tree);
        for (const call of calls) {
          const { offset_us: offset } = nodes.get(callIdOf(call))!;
          const halfway = call.lost === "caller" ? Math.floor(call.networkUs / 2) : 0;
          expect(tree.startUs + offset).toBe(call.startUs + halfway);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("names a first failure that no failed call of its own explains", () => {
    fc.assert(
      fc.property(plannedTraces({ losses: true, skew: true }), ({ calls, rows }) => {
        const tree = treeOf(rows);
        expect(tree.first_failure === null).toBe(!calls.some(({ failed }) => failed));
        if (tree.first_failure === null) return;
        const first = tree.nodes[tree.first_failure]!;
        expect(first.status).toBe("error");
        const below = tree.nodes.filter(
          ({ parent, status, recovered }) => parent === first.node && status === "error" && !recovered,
        );
        expect(below).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

const span = (name: string) => name.padStart(16, "0");

/** A caller's half, and a callee's, of a call within the trace. */
function pair(
  name: string,
  parent: string,
  fields: Partial<TraceRow>,
  callee: Partial<TraceRow> = {},
): readonly TraceRow[] {
  const both = { trace_id: TRACE_ID, call_id: `${TRACE_ID}/${span(name)}`, request_id: span(name), ...fields };
  return [
    traceRowOf({ ...both, span_id: span(name), parent_span_id: parent === "" ? "" : span(`${parent}f`) }),
    traceRowOf({ ...both, ...callee, side: "callee", span_id: span(`${name}f`), parent_span_id: span(name) }),
  ];
}

describe("retries", () => {
  const attempt = (name: string, at: number, status: string) =>
    pair(name, "1", { service_id: "payments", target_id: "bank", start_us: T0_US + at, duration_us: 50, status });
  const root = pair("1", "", { start_us: T0_US, duration_us: 1_000 });

  it("are told by repeated calls after a failure, and by how they ended", () => {
    const rows = [
      ...root,
      ...attempt("2", 10, "error"),
      ...attempt("3", 100, "timeout"),
      ...attempt("4", 200, "success"),
    ];
    const { nodes } = treeOf(rows);
    expect(nodes.map((node) => node.retry_of)).toEqual([null, null, 1, 1]);
    expect(nodes.map((node) => node.recovered)).toEqual([false, true, true, false]);
  });

  it("are none when the same operation is called again after a success, or at the same time", () => {
    const { nodes } = treeOf([...root, ...attempt("2", 10, "success"), ...attempt("3", 100, "success")]);
    expect(nodes.map((node) => node.retry_of)).toEqual([null, null, null]);
    const parallel = treeOf([...root, ...attempt("2", 10, "error"), ...attempt("3", 20, "error")]);
    expect(parallel.nodes.map((node) => node.retry_of)).toEqual([null, null, null]);
  });

  it("that worked hide their failures from the first one", () => {
    const failedRoot = pair("1", "", { start_us: T0_US, duration_us: 1_000, status: "error" });
    const other = pair("5", "1", { service_id: "payments", target_id: "mail", start_us: T0_US + 400, status: "error" });
    const { nodes, first_failure: first } = treeOf([
      ...failedRoot,
      ...attempt("2", 10, "error"),
      ...attempt("3", 100, "success"),
      ...other,
    ]);
    expect(nodes[first!]!.target_id).toBe("mail");
  });
});

describe("messages", () => {
  const publish = traceRowOf({
    event_type: "MESSAGE_PUBLISH",
    trace_id: TRACE_ID,
    span_id: span("1"),
    call_id: `${TRACE_ID}/${span("1")}`,
    target_id: "broker",
    request_id: span("1"),
    message_id: "m-1",
    operation: "publish orders.created",
  });
  const consume = (name: string, fields: Partial<TraceRow>) =>
    traceRowOf({
      event_type: "MESSAGE_CONSUME",
      side: "callee",
      service_id: "broker",
      target_id: name,
      span_id: span(name),
      request_id: span(name),
      start_us: T0_US + 60_000_000,
      call_id: "m-1",
      ...fields,
    });

  it("have any number of consumers below their publisher, by link or message id", () => {
    const linked = consume("c1", {
      trace_id: "1".repeat(32),
      call_id: publish.call_id,
      link_trace_id: TRACE_ID,
      link_span_id: span("1"),
    });
    const named = consume("c2", { message_id: "m-1" });
    const { nodes } = treeOf([named, publish, linked]);
    expect(nodes.map(({ parent, evidence, missing }) => [parent, evidence, missing])).toEqual([
      [null, "trace", []],
      [0, "message", []],
      [0, "message", []],
    ]);
    expect(nodes[1]!.outside_parent_us).toBeNull();
    expect(nodes[0]!.self_us).toBe(1_000);
  });

  it("that nobody consumed, or whose publisher is unknown, say so", () => {
    expect(treeOf([publish]).nodes[0]!.missing).toEqual(["callee"]);
    expect(treeOf([consume("c1", {})]).nodes[0]!.missing).toEqual(["caller"]);
  });
});

describe("without traces", () => {
  const call = (service: string, target: string, side: string, fields: Partial<TraceRow> = {}) =>
    traceRowOf({
      service_id: service,
      target_id: target,
      side,
      request_id: "r-1",
      call_id: `${service}/${target}/r-1/0`,
      ...fields,
    });

  it("a request id leads from callee to caller", () => {
    const rows = ["caller", "callee"].flatMap((side) => [
      call("b", "c", side, { start_us: T0_US + 20 }),
      call("a", "b", side),
      call("c", "d", side, { start_us: T0_US + 30 }),
    ]);
    const { nodes } = treeOf(rows);
    expect(nodes.map(({ service_id: service, parent, evidence }) => [service, parent, evidence])).toEqual([
      ["a", null, "trace"],
      ["b", 0, "request_id"],
      ["c", 1, "request_id"],
    ]);
  });

  it("calls back and forth become no circle", () => {
    const rows = ["caller", "callee"].flatMap((side) => [
      call("a", "b", side, { duration_us: 500 }),
      call("b", "a", side, { start_us: T0_US + 100, duration_us: 100 }),
    ]);
    const { nodes } = treeOf(rows);
    expect(nodes.map(({ service_id: service, parent }) => [service, parent])).toEqual([
      ["a", null],
      ["b", 0],
    ]);
  });

  it("two possible parents are no parent", () => {
    const above = (caller: string) => call(caller, "b", "caller");
    const { nodes } = treeOf([above("a"), above("x"), call("b", "c", "caller", { start_us: T0_US + 10 })]);
    expect(nodes.filter(({ parent }) => parent !== null)).toEqual([]);
  });

  it("a cause leads to its effect by record, request and message id, and a circle is said", () => {
    const cause = call("a", "b", "caller", { id: "cause" });
    const effect = traceRowOf({ call_id: "effect", causation_id: "cause", start_us: T0_US + 9, leaf_index: 7 });
    const { nodes } = treeOf([effect, cause]);
    expect([nodes[1]!.parent, nodes[1]!.evidence]).toEqual([0, "causation"]);
    const one = traceRowOf({ call_id: "one", id: "one", request_id: "one", causation_id: "two" });
    const two = traceRowOf({ call_id: "two", id: "two", request_id: "two", causation_id: "one" });
    const circle = treeOf([one, two]);
    expect(circle.nodes.map(({ parent }) => parent)).toEqual([null, 0]);
    expect(circle.circles).toHaveLength(1);
  });
});

describe("what is odd", () => {
  it("a callee that goes on after its caller gave up is said, and its network time is unknown", () => {
    const rows = pair("1", "", { duration_us: 1_000, status: "timeout" }, { duration_us: 3_000, status: "success" });
    expect(treeOf(rows).nodes[0]).toMatchObject({ network_us: null, outlasts_us: 2_000, status_differs: true });
  });

  it("a call outside of its parent is marked and not cut", () => {
    const root = pair("1", "", { duration_us: 1_000 });
    const late = pair("2", "1", { service_id: "payments", target_id: "mail", start_us: T0_US + 900, duration_us: 400 });
    const { nodes } = treeOf([...root, ...late]);
    expect(nodes[1]).toMatchObject({ parent: 0, outside_parent_us: 300, duration_us: 400, offset_us: 900 });
    expect(nodes[0]!.self_us).toBe(900);
  });

  it("a call whose parent span was left out hangs below the only call that its recorder had open", () => {
    const root = pair("1", "", { duration_us: 1_000 });
    const below = pair("2", "9", { service_id: "payments", target_id: "mail", start_us: T0_US + 100, duration_us: 10 });
    const attached = treeOf([...root, ...below]).nodes[1]!;
    expect([attached.parent, attached.evidence, attached.orphan]).toEqual([0, "enclosed", false]);
    const second = pair("3", "", { duration_us: 1_000 });
    const undecided = treeOf([...root, ...second, ...below]).nodes.find(({ target_id }) => target_id === "mail")!;
    expect([undecided.parent, undecided.orphan]).toEqual([null, true]);
  });

  it("nobody misses the other half of what one party records alone", () => {
    const missing = (fields: Partial<TraceRow>) => treeOf([traceRowOf(fields)]).nodes[0]!.missing;
    expect(missing({ event_type: "DB_QUERY" })).toEqual([]);
    expect(missing({ event_type: "INTERNAL", target_id: "none" })).toEqual([]);
    expect(missing({ side: "observer", event_type: "CONFIG_CHANGE" })).toEqual([]);
    expect(missing({ side: "callee", service_id: "address:10.0.0.7" })).toEqual([]);
    expect(missing({ side: "observer" })).toEqual(["caller", "callee"]);
  });

  it("several executions under one call are kept, and so is an intent", () => {
    const [caller, callee] = pair("1", "", {});
    const replay = { ...callee!, start_us: T0_US + 5_000, span_id: span("2f") };
    const intent = { ...caller!, phase: "intent", status: "unknown" };
    const [node] = treeOf([intent, replay, callee!, caller!]).nodes;
    expect(node!.status).toBe("success");
    expect(node!.more.map(({ phase, side }) => [phase, side])).toEqual([
      ["outcome", "callee"],
      ["intent", "caller"],
    ]);
  });

  it("ten thousand calls in one chain are no trouble", () => {
    const rows = Array.from(
      { length: 10_000 },
      (_, at) =>
        pair(at.toString(16).padStart(5, "0"), at === 0 ? "" : (at - 1).toString(16).padStart(5, "0"), {
          service_id: `s${at}`,
          target_id: `s${at + 1}`,
          start_us: T0_US + at,
          duration_us: 30_000 - 2 * at,
        })[0]!,
    ).map((row, at) => ({ ...row, parent_span_id: at === 0 ? "" : span((at - 1).toString(16).padStart(5, "0")) }));
    const { nodes } = treeOf(rows.toReversed());
    expect(nodes.at(-1)!.depth).toBe(9_999);
  });
});
