import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { formatCount } from "../page/format.ts";
import { PeriodPicker } from "../page/period-picker.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { useNowMs } from "../service/use-health.ts";
import { periodAt } from "../service/window.ts";
import { EdgeTable } from "./edge-table.tsx";
import { EdgeView } from "./edge-view.tsx";
import { MapDrawing } from "./map-drawing.tsx";
import { COMPARISONS, edgeKey, useMap, type ServiceMap } from "./use-map.ts";

type Changes = Partial<Record<"from" | "to" | "edge" | "service" | "compare" | "as", string | undefined>>;

const EVERY_MS = 60_000;
const ALL_BUT_WELL = "trouble";

/** Who calls whom, how well, and what is otherwise than it was. */
export function MapPage() {
  const state = useSearch({ from: "/map" });
  const navigate = useNavigate({ from: "/map" });
  const nowMs = useNowMs(EVERY_MS);
  const { from, to, edge, service, compare } = state;
  const period = useMemo(() => periodAt(nowMs, from, to), [nowMs, from, to]);
  const found = useMap(period, service, compare);
  const [filter, setFilter] = useState("");
  const change = useCallback(
    (changes: Changes) => void navigate({ search: (before) => ({ ...before, ...changes }) }),
    [navigate],
  );
  const openService = useCallback(
    (name: string) => void navigate({ to: "/service", search: { name, from, to } }),
    [navigate, from, to],
  );
  const choose = useCallback((key: string) => change({ edge: key }), [change]);
  const shown = useMemo(() => (found.map === null ? null : filtered(found.map, filter)), [found.map, filter]);
  const chosen = found.map?.edges.find((one) => edgeKey(one.edge) === edge);
  return (
    <main
      className="relative flex h-full min-h-0 flex-col gap-3 overflow-y-auto p-4 lg:overflow-hidden lg:px-6"
      tabIndex={-1}
    >
      <Bar change={change} filter={filter} map={found.map} setFilter={setFilter} state={state} />
      <Answer
        empty={{ when: ({ edges }) => edges.length === 0, says: "No call was settled in this period." }}
        lines={12}
        of={found.now}
      >
        {(graph) => (
          <>
            <div className="flex grow flex-col gap-3 lg:min-h-0 lg:flex-row">
              {shown !== null &&
                (state.as === "list" ? (
                  <EdgeTable chosen={edge} map={shown} />
                ) : (
                  <MapDrawing choose={choose} chosen={edge} map={shown} openService={openService} />
                ))}
              {chosen !== undefined && (
                <EdgeView close={() => change({ edge: undefined })} found={chosen} period={period} />
              )}
            </div>
            <Settled partial={graph.partial} through={graph.settled_through} />
          </>
        )}
      </Answer>
    </main>
  );
}

interface BarProps {
  readonly state: Changes;
  readonly map: ServiceMap | null;
  readonly filter: string;
  readonly setFilter: (filter: string) => void;
  readonly change: (changes: Changes) => void;
}

const BOX = "rounded border border-line bg-raised px-2 py-1.5";

function Bar({ state, map, filter, setFilter, change }: BarProps) {
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-2">
      <h1 className="mr-2 text-xl font-semibold">Map</h1>
      <span className="mr-auto text-quiet">
        {map !== null && `${formatCount(map.services.length)} services, ${formatCount(map.edges.length)} edges`}
        {state.service !== undefined && (
          <>
            {" "}
            around {state.service}{" "}
            <button
              className="cursor-pointer text-accent underline"
              onClick={() => change({ service: undefined })}
              type="button"
            >
              all
            </button>
          </>
        )}
      </span>
      <input
        aria-label="Find a service"
        className={`${BOX} w-44`}
        onChange={(event) => setFilter(event.target.value === ALL_BUT_WELL ? "" : event.target.value)}
        placeholder="Find a service"
        value={filter === ALL_BUT_WELL ? "" : filter}
      />
      <label className="flex cursor-pointer items-center gap-1.5">
        <input
          checked={filter === ALL_BUT_WELL}
          onChange={(event) => setFilter(event.target.checked ? ALL_BUT_WELL : "")}
          type="checkbox"
        />
        trouble only
      </label>
      <label className="flex items-center gap-2 text-quiet">
        compare with
        <select
          className={`${BOX} text-ink`}
          onChange={(event) => change({ compare: event.target.value || undefined })}
          value={state.compare ?? ""}
        >
          {COMPARISONS.map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <PeriodPicker choose={({ from, to }) => change({ from, to })} from={state.from} to={state.to} />
      <button
        aria-pressed={state.as === "list"}
        className={`${BOX} cursor-pointer aria-pressed:border-accent aria-pressed:text-accent`}
        onClick={() => change({ as: state.as === "list" ? undefined : "list" })}
        type="button"
      >
        As a list
      </button>
    </div>
  );
}

function Settled({ through, partial }: { readonly through: string | null; readonly partial: boolean }) {
  const { clock, label } = useMoments();
  return (
    <p className="shrink-0 text-xs text-quiet">
      {through === null
        ? "Nothing is settled yet."
        : `Calls are counted once they are settled, which all are that came due before ${clock(through)} ${label}.`}
      {partial && " The least used edges were left out."} A dashed frame: it records nothing itself.
    </p>
  );
}

/** Services whose name has the words, with whom they call and who calls them; or edges that are not well. */
function filtered(map: ServiceMap, filter: string): ServiceMap {
  if (filter === "") return map;
  const words = filter.toLowerCase();
  const edges = map.edges.filter(({ edge, look }) =>
    filter === ALL_BUT_WELL
      ? look !== "well"
      : edge.caller.toLowerCase().includes(words) || edge.callee.toLowerCase().includes(words),
  );
  const names = new Set(edges.flatMap(({ edge }) => [edge.caller, edge.callee]));
  return { services: map.services.filter(({ name }) => names.has(name)), edges };
}
