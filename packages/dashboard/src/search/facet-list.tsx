import { memo, useState } from "react";
import type { Facet, Facets } from "../client/search.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { formatCount } from "../page/format.ts";
import { Answer, Loading } from "../page/states.tsx";
import { hasTerm, withoutTerm, withTerm } from "./query-text.ts";
import { bounds, type ChangeSearch, type SearchState } from "./search-state.ts";

interface FacetListProps {
  readonly state: SearchState;
  readonly change: ChangeSearch;
  /** False: not yet, as something else comes first. */
  readonly isAsked: boolean;
}

const FIELDS =
  "status,caller,callee,operation,side,event_type,protocol,error_type,service_version,environment,standing,auth_method";
const FEW = 6;
const MANY = 60;

/** The most frequent values of the result; a click adds one to the query, or leaves it out. */
export const FacetList = memo(function FacetList({ state, change, isAsked }: FacetListProps) {
  const { from, to } = bounds(state);
  const { q, own } = state;
  const asked = { q, from, to, own, fields: FIELDS, limit: MANY };
  const facets = useApi<Facets>("/api/facets", asked, { keep: true, enabled: isAsked });
  const isWaiting = !isAsked && facets.data === undefined;
  return (
    <aside aria-label="Values" className="flex flex-col gap-4">
      {isWaiting ? (
        <Loading lines={12} />
      ) : (
        <Answer lines={12} of={facets}>
          {({ facets: found }) => (
            <>
              {found.map((facet) =>
                facet.values.length === 0 ? null : <FacetView change={change} facet={facet} key={facet.field} q={q} />,
              )}
            </>
          )}
        </Answer>
      )}
    </aside>
  );
});

interface FacetViewProps {
  readonly facet: Facet;
  readonly q: string | undefined;
  readonly change: ChangeSearch;
}

function FacetView({ facet: { field, values, more }, q, change }: FacetViewProps) {
  const [isLong, setIsLong] = useState(false);
  const shown = isLong ? values : values.slice(0, FEW);
  const highest = values[0]?.count ?? 1;
  return (
    <section aria-label={field}>
      <h2 className="mb-1 font-mono text-xs text-quiet">{field}</h2>
      <ul>
        {shown.map(({ value, count }) => (
          <Value change={change} count={count} field={field} highest={highest} key={value} q={q} value={value} />
        ))}
      </ul>
      {values.length > FEW && (
        <button
          className="min-h-6 cursor-pointer text-xs text-accent underline"
          onClick={() => setIsLong(!isLong)}
          type="button"
        >
          {isLong ? "fewer" : more ? "more" : `${values.length - FEW} more`}
        </button>
      )}
    </section>
  );
}

interface ValueProps extends Omit<FacetViewProps, "facet"> {
  readonly field: string;
  readonly value: string;
  readonly count: number;
  readonly highest: number;
}

function Value({ field, value, count, highest, q, change }: ValueProps) {
  const state = hasTerm(q, field, value);
  const set = (wanted: "in" | "out") =>
    change({
      q: (state === wanted ? withoutTerm(q, field, value) : withTerm(q, field, value, wanted === "out")) || undefined,
    });
  const look = state === "in" ? "bg-accent-ground text-accent" : state === "out" ? "text-quiet line-through" : "";
  return (
    <li className="group relative flex items-center gap-1 rounded hover:bg-raised">
      <span
        aria-hidden="true"
        className="absolute inset-y-0.5 left-0 rounded bg-raised"
        style={{ width: `${Math.max(1, (count / highest) * 100)}%` }}
      />
      <button
        aria-pressed={state === "in"}
        className={`relative flex min-h-6 min-w-0 grow cursor-pointer items-center gap-2 rounded px-1.5 py-0.5 text-left text-xs ${look}`}
        onClick={() => set("in")}
        title={value}
        type="button"
      >
        <span className="min-w-0 truncate">{value}</span>
        <span className="ml-auto tabular-nums text-quiet">{formatCount(count)}</span>
      </button>
      <Button
        aria-label={`Without ${field} ${value}`}
        aria-pressed={state === "out"}
        className="relative min-h-6 border-transparent! bg-transparent! px-2! py-0! text-quiet opacity-60 group-hover:opacity-100 focus-visible:opacity-100"
        onClick={() => set("out")}
      >
        −
      </Button>
    </li>
  );
}
