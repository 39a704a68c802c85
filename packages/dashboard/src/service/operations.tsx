import type { CallFigures, Graph } from "../client/graph.ts";
import type { SlowOperation } from "../client/search.ts";
import { formatCount, formatDuration, formatShare } from "../page/format.ts";
import { ServiceLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { DataTable, type DataColumn } from "../table/data-table.tsx";
import { ExampleButton } from "./example-button.tsx";
import type { ServiceFound } from "./use-health.ts";
import type { Period } from "./window.ts";

interface OperationsProps {
  readonly found: ServiceFound;
  readonly name: string;
  readonly period: Period;
}

/** One thing the service does, or has others do: an operation of its own, a query, a call, a message. */
interface Work {
  readonly operation: string;
  /** Whom it asks; null: the service's own operation. */
  readonly callee: string | null;
  readonly calls: number;
  readonly errors: number;
  readonly p95Us: number | null;
  /** Time of its own in the newest traces, all calls together. */
  readonly selfUs: number | null;
}

/** What it serves and what it asks of others, by errors or by the time each takes itself. */
export function Operations({ found, name, period }: OperationsProps) {
  return (
    <Panel
      flush
      note="what it serves and asks of others, as callers saw it, by when it was received"
      title="Operations and queries"
    >
      <Answer of={found.graph}>
        {(graph) => (
          <DataTable
            columns={columns(name, period, found.q)}
            empty="No call was settled in this period."
            keyOf={({ callee, operation }) => `${callee ?? ""} ${operation}`}
            label="Operations and queries"
            rows={worksOf(graph, name, found.bottlenecks.data?.operations ?? [])}
            sortBy="errors"
          />
        )}
      </Answer>
    </Panel>
  );
}

function columns(name: string, period: Period, q: string): readonly DataColumn<Work>[] {
  return [
    {
      title: "operation",
      className: "font-mono text-xs max-w-96 break-words",
      sort: ({ operation }) => operation,
      cell: ({ operation, callee }) => (
        <>
          {operation}
          {callee !== null && (
            <span className="font-sans text-quiet">
              {" "}
              at <ServiceLink name={callee} />
            </span>
          )}
        </>
      ),
    },
    { title: "calls", numeric: true, sort: ({ calls }) => calls, cell: ({ calls }) => formatCount(calls) },
    {
      title: "errors",
      numeric: true,
      sort: ({ errors }) => errors,
      cell: ({ errors, calls }) =>
        errors === 0 ? (
          "0"
        ) : (
          <span className="text-bad">{`${formatCount(errors)} · ${formatShare(errors / calls)}`}</span>
        ),
    },
    {
      title: "p95",
      numeric: true,
      sort: ({ p95Us }) => p95Us ?? -1,
      cell: ({ p95Us }) => (p95Us === null ? "–" : formatDuration(p95Us)),
    },
    {
      title: "self time",
      numeric: true,
      sort: ({ selfUs }) => selfUs ?? -1,
      cell: ({ selfUs }) => (selfUs === null ? "–" : formatDuration(selfUs)),
    },
    {
      title: "",
      cell: (work) => (
        <ExampleButton
          period={period}
          q={exampleOf(work, name, q)}
          says={`An example of ${work.operation}${work.errors > 0 ? " that failed" : ""}`}
        />
      ),
    },
  ];
}

function exampleOf({ operation, callee, errors }: Work, name: string, q: string): string {
  const calls = callee === null ? q : `${term("caller", name)} AND ${term("callee", callee)} AND side:caller`;
  return `${calls} AND ${term("operation", operation)}${errors > 0 ? " AND status:(error OR timeout)" : ""}`;
}

/** Operations of several callers are one; their slowest p95 stands, since quantiles do not add up. */
function worksOf({ edges }: Graph, name: string, slow: readonly SlowOperation[]): readonly Work[] {
  const works = new Map<string, Work>();
  const add = (figures: CallFigures & { readonly operation: string }, callee: string | null) => {
    const key = `${callee ?? ""} ${figures.operation}`;
    const before = works.get(key);
    const self = slow.find((one) => one.service === (callee ?? name) && one.operation === figures.operation);
    works.set(key, {
      operation: figures.operation,
      callee,
      calls: figures.calls + (before?.calls ?? 0),
      errors: figures.errors + (before?.errors ?? 0),
      p95Us: largest(figures.p95_us, before?.p95Us ?? null),
      selfUs: self?.self_us ?? null,
    });
  };
  for (const edge of edges) {
    const callee = edge.callee === name ? null : edge.caller === name ? edge.callee : undefined;
    if (callee !== undefined) for (const operation of edge.operations ?? []) add(operation, callee);
  }
  return [...works.values()];
}

function largest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}
