import { isFailed, type Trace, type TraceNode } from "../client/trace.ts";

export type TraceView = "all" | "errors" | "critical";

/** The calls of a view, each with those that it lies below. */
export function shownNodes(trace: Trace, view: TraceView): readonly TraceNode[] {
  if (view === "all") return trace.nodes;
  const wanted = (node: TraceNode) =>
    view === "errors" ? isFailed(node) || node.missing.length > 0 : node.critical_us > 0;
  const kept = new Set<number>();
  for (const node of trace.nodes) {
    if (!wanted(node)) continue;
    for (let at: TraceNode | undefined = node; at !== undefined && !kept.has(at.node);) {
      kept.add(at.node);
      at = at.parent === null ? undefined : trace.nodes[at.parent];
    }
  }
  return trace.nodes.filter(({ node }) => kept.has(node));
}
