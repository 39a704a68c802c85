/** How long a call's second half may take, by edge. */
import type { Params } from "../search/compile/sql.ts";

export interface EdgeDeadline {
  readonly caller: string;
  readonly callee: string;
  readonly deadlineUs: number;
}

export interface Deadlines {
  readonly shortestUs: number;
  readonly longestUs: number;
  /** Some edges have one of their own. */
  readonly isByEdge: boolean;
  /** The deadline of a group of halves in microseconds, by the names that the halves give. */
  sql(params: Params): string;
  /** Of one edge. */
  of(caller: string, callee: string): number;
}

export function deadlines(defaultUs: number, edges: readonly EdgeDeadline[]): Deadlines {
  const all = [defaultUs, ...edges.map(({ deadlineUs }) => deadlineUs)];
  return {
    shortestUs: Math.min(...all),
    longestUs: Math.max(...all),
    isByEdge: edges.length > 0,
    of: (caller, callee) =>
      edges.find((edge) => edge.caller === caller && edge.callee === callee)?.deadlineUs ?? defaultUs,
    sql(params) {
      const byDefault = params.add(defaultUs, "Int64");
      if (edges.length === 0) return byDefault;
      const names = params.add(
        edges.map(({ caller, callee }) => edgeName(caller, callee)),
        "Array(String)",
      );
      const times = params.add(
        edges.map(({ deadlineUs }) => deadlineUs),
        "Array(Int64)",
      );
      return `transform(${EDGE_OF_HALVES}, ${names}, ${times}, ${byDefault})`;
    },
  };
}

/** Both names of an edge in one text; a line feed is in no name. */
export const edgeName = (caller: string, callee: string): string => `${caller}\n${callee}`;

/** A side's own name is known from its half; the other's half says what it saw. */
const EDGE_OF_HALVES = `concat(if(countIf(side = 'caller') > 0, anyIf(service_id, side = 'caller'),
  anyIf(service_id, side = 'callee')), '\\n', if(countIf(side = 'callee') > 0, anyIf(target_id, side = 'callee'),
  anyIf(target_id, side = 'caller')))`;
