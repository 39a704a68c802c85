import type { ReactNode } from "react";
import type { Facet } from "../client/search.ts";
import { formatCount } from "./format.ts";

interface ValueBarsProps {
  readonly facet: Facet | undefined;
  readonly shown: (value: string, count: number) => ReactNode;
  readonly empty?: string;
  readonly limit?: number;
}

/** Values with how often each is there, as bars. */
export function ValueBars({ facet, shown, empty = "None.", limit = 8 }: ValueBarsProps) {
  const values = facet?.values ?? [];
  const highest = values[0]?.count ?? 1;
  if (values.length === 0) return <p className="text-quiet">{empty}</p>;
  return (
    <ul className="flex flex-col gap-1">
      {values.slice(0, limit).map(({ value, count }) => (
        <li className="relative flex items-baseline gap-3 px-1.5 py-0.5" key={value}>
          <span
            aria-hidden="true"
            className="absolute inset-y-0 left-0 rounded bg-raised"
            style={{ width: `${Math.max(1, (count / highest) * 100)}%` }}
          />
          <span className="relative min-w-0 [overflow-wrap:anywhere]">{shown(value, count)}</span>
          <span className="relative ml-auto tabular-nums text-quiet">{formatCount(count)}</span>
        </li>
      ))}
      {(values.length > limit || facet?.more === true) && <li className="px-1.5 text-xs text-quiet">and more</li>}
    </ul>
  );
}
