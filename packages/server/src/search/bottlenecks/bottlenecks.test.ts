import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { StoredRecord } from "@tallystick/record";
import { openSearchFixture } from "../search-fixture.contract.ts";
import type { SearchFixture } from "../search-fixture.contract.ts";
import type { TraceNode } from "../trace/node.ts";
import type { TraceRow } from "../trace/row.ts";
import { storedOf } from "../trace/stored.contract.ts";
import { buildTree } from "../trace/tree.ts";
import { plannedTraces, T0_US } from "../trace/trees.contract.ts";
import type { BottlenecksRequest } from "./bottlenecks.ts";
import { WHOLE_SCOPE } from "../scope.ts";

const TRACES = 40;
const SAMPLE_STEP_US = 1_000_000;
let fixture: SearchFixture;
/** Each trace's nodes, as the tree has them, the newest trace first. */
let trees: readonly (readonly TraceNode[])[];

function stored(row: TraceRow, number: number, trace: string, at: number): StoredRecord {
  const { span_id, parent_span_id, side, service_id, target_id, operation, event_type, status, duration_us } = row;
  return storedOf(number, {
    trace_id: trace,
    span_id,
    ...(parent_span_id === "" ? {} : { parent_span_id }),
    side,
    service_id,
    target_id,
    operation,
    event_type,
    status,
    duration_us,
    request_id: row.request_id,
    at: row.start_us - T0_US + at,
  });
}

beforeAll(async () => {
  fixture = await openSearchFixture();
  const planned = fc.sample(plannedTraces({ losses: true, skew: false }), { numRuns: TRACES, seed: 7 });
  let number = 0;
  const records = planned.flatMap(({ rows }, at) => {
    const trace = (at + 1).toString(16).padStart(32, "0");
    return rows.map((row) => stored(row, ++number, trace, -at * SAMPLE_STEP_US));
  });
  trees = planned.map(({ rows }) => buildTree(rows.map((row) => ({ row, by: "trace" as const }))).nodes);
  await fixture.insert(records);
});
afterAll(() => fixture.close());

const ask = (request: BottlenecksRequest = {}) => fixture.search.bottlenecks(WHOLE_SCOPE, { limit: 200, ...request });

function expectedOperations(of: readonly (readonly TraceNode[])[]) {
  const totals = new Map<
    string,
    { calls: number; traces: Set<number>; self_us: number; network_us: number; lasted: number }
  >();
  for (const [trace, nodes] of of.entries()) {
    const lasted = Math.max(...nodes.flatMap((node) => [node.caller?.duration_us ?? 0, node.callee?.duration_us ?? 0]));
    for (const { target_id: service, operation, self_us: self, network_us: network } of nodes) {
      const key = `${service} ${operation}`;
      const total = totals.get(key) ?? { calls: 0, traces: new Set(), self_us: 0, network_us: 0, lasted: 0 };
      total.calls += 1;
      if (!total.traces.has(trace)) total.lasted += lasted;
      total.traces.add(trace);
      total.self_us += self ?? 0;
      total.network_us += network ?? 0;
      totals.set(key, total);
    }
  }
  return totals;
}

function firstFailures(of: readonly (readonly TraceNode[])[]): readonly string[] {
  return of.flatMap((nodes) => {
    const failed = nodes.filter(({ status }) => status === "error");
    const deepest = failed.filter(({ node }) => !failed.some(({ parent }) => parent === node));
    const end = (node: TraceNode) => node.offset_us + (node.duration_us ?? 0);
    const [first] = deepest.toSorted((a, b) => end(a) - end(b) || (a.call_id < b.call_id ? -1 : 1));
    return first === undefined ? [] : [`${first.target_id} ${first.operation}`];
  });
}

const counted = (names: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

describe("bottlenecks", () => {
  it("add up the same own times as the traces' trees do", async () => {
    const answer = await ask();
    expect(answer).toMatchObject({ sample_traces: TRACES, more_traces: false, partial: false, notes: [] });
    const expected = expectedOperations(trees);
    const found = new Map(answer.operations.map((row) => [`${row.service} ${row.operation}`, row]));
    expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, { calls, traces, self_us, network_us, lasted }] of expected) {
      expect(found.get(name), name).toMatchObject({ calls, traces: traces.size, self_us, network_us });
      expect(found.get(name)!.share).toBeCloseTo(self_us / lasted, 9);
      expect(found.get(name)!.self_us_per_trace).toBe(Math.floor(self_us / traces.size));
    }
    const ranked = answer.operations.map(({ self_us }) => self_us);
    expect(ranked).toEqual(ranked.toSorted((a, b) => b - a));
  });

  it("count each trace's failure once, at the call that failed first", async () => {
    const { failures, failed_traces: failed } = await ask();
    const expected = counted(firstFailures(trees));
    expect(Object.fromEntries(failures.map((row) => [`${row.service} ${row.operation}`, row.traces]))).toEqual(
      expected,
    );
    expect(failed).toBe(firstFailures(trees).length);
    expect(failures.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(failures[0]).toMatchObject({ status: "error", error_type: null });
  });

  it("give an example that is there", async () => {
    const { operations, failures } = await ask();
    for (const { example, operation } of [...operations, ...failures]) {
      const record = await fixture.search.recordAt(WHOLE_SCOPE, example.tree, example.leaf_index);
      expect(record).toMatchObject({ call_id: example.call_id, record: { trace_id: example.trace_id, operation } });
    }
  });

  it("sample the newest traces, and say so", async () => {
    const answer = await ask({ traces: 5 });
    expect([answer.sample_traces, answer.more_traces]).toEqual([5, true]);
    const expected = expectedOperations(trees.slice(0, 5));
    expect(answer.operations.reduce((sum, { self_us }) => sum + self_us, 0)).toBe(
      [...expected.values()].reduce((sum, { self_us }) => sum + self_us, 0),
    );
    await expect(ask({ traces: 0 })).rejects.toThrow(/traces/);
    await expect(ask({ limit: 201 })).rejects.toThrow(/limit/);
  });

  it("of a service are those of the traces that pass through it, and of nothing are none", async () => {
    const through = trees.filter((nodes) =>
      nodes.some(({ service_id, target_id }) => [service_id, target_id].includes("mail")),
    );
    expect(through.length).toBeLessThan(TRACES);
    expect((await ask({ service: "mail" })).sample_traces).toBe(through.length);
    const nothing = await ask({ service: "nobody" });
    expect(nothing).toMatchObject({
      operations: [],
      failures: [],
      sample_traces: 0,
      sample_from: null,
      partial: false,
    });
    const unseen = await fixture.search.bottlenecks({ ...WHOLE_SCOPE, logs: ["other"] }, {});
    expect(unseen.sample_traces).toBe(0);
  });
});
