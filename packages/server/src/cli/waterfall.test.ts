import { describe, expect, it } from "vitest";

import type { TraceRow } from "../search/trace/row.ts";
import type { TraceAnswer } from "../search/trace/trace.ts";
import { buildTree } from "../search/trace/tree.ts";
import { T0_US, traceRowOf } from "../search/trace/trees.contract.ts";
import { terminal } from "./terminal.ts";
import { waterfall } from "./waterfall.ts";

function linesOf(rows: readonly Partial<TraceRow>[], columns = 80): readonly string[] {
  const found = rows.map((row, leaf_index) => ({ row: traceRowOf({ leaf_index, ...row }), by: "trace" as const }));
  const { nodes, root, first_failure, durationUs, clocks } = buildTree(found);
  const counts = {
    records: rows.length,
    calls: nodes.length,
    roots: 1,
    failed: 0,
    unpaired: 0,
    retries: 0,
    orphans: 0,
  };
  const trace: TraceAnswer = {
    id: "t",
    found_by: ["trace"],
    trace_ids: [],
    started: "2026-11-25T08:00:00Z",
    duration_us: durationUs,
    root,
    first_failure,
    counts,
    services: ["a"],
    clocks,
    nodes,
    records: null,
    elapsed_ms: 0,
    scanned_rows: 0,
    partial: false,
    notes: [],
  };
  const stream = { write: () => undefined, isTTY: true, columns };
  const shown = waterfall(terminal(stream, stream, { NO_COLOR: "1" }), trace);
  return shown.slice(shown.indexOf("") + 1);
}

const both = (fields: Partial<TraceRow>, callee: Partial<TraceRow>) => [
  { ...fields, call_id: "c" },
  { ...fields, ...callee, call_id: "c", side: "callee" },
];

describe("a waterfall", () => {
  it("is as wide as the terminal, and a label that is too long is cut", () => {
    const operation = `GET /${"long/".repeat(40)}`;
    for (const columns of [60, 80, 200]) {
      const [line] = linesOf([{ operation }], columns);
      expect(line!.length).toBeLessThanOrEqual(columns);
      expect(line).toContain("…");
      expect(line).toMatch(/▒$/);
    }
  });

  it("shows both halves of a call, the gap between them, and a callee that went on", () => {
    const [whole] = linesOf(both({ duration_us: 1_000 }, { start_us: T0_US + 250, duration_us: 500 }));
    const bar = /[░█]+$/.exec(whole!)![0];
    expect(bar).toMatch(/^░+█+░+$/);
    expect(bar.split("█").length - 1).toBeCloseTo(bar.length / 2, -1);
    const [late, oddity] = linesOf(both({ duration_us: 2_000 }, { duration_us: 9_000, status: "error" }));
    expect(late).toMatch(/ █+$/);
    expect(oddity!.trim()).toBe("caller says success, callee error; callee went on 7.0 ms longer than its caller");
  });

  it("shows a call of no duration, and one before the others", () => {
    const lines = linesOf([
      { call_id: "a", duration_us: 10_000 },
      { call_id: "b", duration_us: -1, start_us: T0_US + 10_000, target_id: "none", operation: "tick" },
    ]);
    expect(lines.at(-1)).toMatch(/^ {2}orders tick +\? +█$/);
  });

  it("says by what a call hangs where it is no parent span", () => {
    const lines = linesOf([
      { call_id: "a", id: "first", target_id: "stock", duration_us: 5_000 },
      { call_id: "b", id: "second", service_id: "stock", target_id: "mail", causation_id: "first" },
    ]);
    expect(lines.join("\n")).toContain("by its cause");
  });
});
