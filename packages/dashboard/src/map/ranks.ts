/** How far behind the first callers a service stands. */
import type { LayoutEdge } from "./shape.ts";

export type Forward = ReadonlyMap<string, readonly string[]>;

/** Callees by caller, calls back along a way already taken left out; the most used ways are kept. */
export function withoutCycles(names: readonly string[], edges: readonly LayoutEdge[]): Forward {
  const out = new Map<string, LayoutEdge[]>(names.map((name) => [name, []]));
  const called = new Set<string>();
  for (const edge of edges) {
    if (edge.caller === edge.callee) continue;
    out.get(edge.caller)?.push(edge);
    called.add(edge.callee);
  }
  const kept = new Map<string, string[]>(names.map((name) => [name, []]));
  const state = new Map<string, "open" | "done">();
  const visit = (name: string): void => {
    state.set(name, "open");
    for (const { callee } of (out.get(name) ?? []).toSorted((a, b) => b.calls - a.calls)) {
      if (state.get(callee) === "open") continue;
      kept.get(name)?.push(callee);
      if (!state.has(callee)) visit(callee);
    }
    state.set(name, "done");
  };
  const roots = names.filter((name) => !called.has(name));
  for (const name of [...roots, ...names]) if (!state.has(name)) visit(name);
  return kept;
}

/** Each service stands right of all who call it. */
export function ranksOf(names: readonly string[], forward: Forward): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>(names.map((name) => [name, 0]));
  const waiting = new Map<string, number>(names.map((name) => [name, 0]));
  for (const callees of forward.values())
    for (const callee of callees) waiting.set(callee, (waiting.get(callee) ?? 0) + 1);
  const ready = names.filter((name) => waiting.get(name) === 0);
  for (let name = ready.pop(); name !== undefined; name = ready.pop()) {
    for (const callee of forward.get(name) ?? []) {
      ranks.set(callee, Math.max(ranks.get(callee) ?? 0, (ranks.get(name) ?? 0) + 1));
      const left = (waiting.get(callee) ?? 1) - 1;
      waiting.set(callee, left);
      if (left === 0) ready.push(callee);
    }
  }
  return ranks;
}
