import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, type ReactNode } from "react";
import { edgeName } from "../client/edge-name.ts";
import { formatCount } from "../page/format.ts";
import { PeriodPicker } from "../page/period-picker.tsx";
import { SelectBox } from "../page/select-box.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { useNowMs } from "../service/use-health.ts";
import { periodAt } from "../service/window.ts";
import { EdgeTable } from "./edge-table.tsx";
import { EdgeView } from "./edge-view.tsx";
import { isFound } from "./emphasis.ts";
import { MapDrawing } from "./map-drawing.tsx";
import { NodeView } from "./node-view.tsx";
import { COMPARISONS, useMap, type MapEdge, type ServiceMap } from "./use-map.ts";

type Name = "from" | "to" | "edge" | "at" | "service" | "compare" | "as" | "find" | "only";
type Changes = Partial<Record<Name, string | undefined>>;

const EVERY_MS = 60_000;
const ALL_BUT_WELL = "trouble";

/** Who calls whom, how well, and what is otherwise than it was. */
export function MapPage() {
  const state = useSearch({ from: "/map" });
  const navigate = useNavigate({ from: "/map" });
  const nowMs = useNowMs(EVERY_MS);
  const { from, to, edge, at, service, compare } = state;
  const period = useMemo(() => periodAt(nowMs, from, to), [nowMs, from, to]);
  const found = useMap(period, service, compare);
  const change = useCallback(
    (changes: Changes, replace = false) => void navigate({ search: (before) => ({ ...before, ...changes }), replace }),
    [navigate],
  );
  const chooseEdge = useCallback((key: string) => change({ edge: key }), [change]);
  const chooseService = useCallback((name: string) => change({ at: name, edge: undefined }), [change]);
  const shown = useMemo(() => (found.map === null ? null : only(found.map, state.only)), [found.map, state.only]);
  const find = state.find ?? "";
  const chosen = found.map?.edges.find((one) => edgeName(one.edge) === edge);
  return (
    <main
      className="relative flex h-full min-h-0 flex-col gap-3 overflow-y-auto p-4 lg:overflow-hidden lg:px-6"
      tabIndex={-1}
    >
      <Bar change={change} map={shown} state={state} />
      <Answer
        empty={{ when: ({ edges }) => edges.length === 0, says: "No call was settled in this period." }}
        lines={12}
        of={found.now}
      >
        {(graph) => (
          <>
            <div className="relative flex grow flex-col gap-3 lg:min-h-0">
              {shown !== null &&
                (state.as === "list" ? (
                  <EdgeTable chosen={edge} map={withWords(shown, find)} />
                ) : (
                  <MapDrawing
                    chooseEdge={chooseEdge}
                    chooseService={chooseService}
                    edge={edge}
                    find={find}
                    map={shown}
                    service={at}
                  />
                ))}
              {chosen !== undefined && (
                <Aside label="Edge">
                  <EdgeView close={() => change({ edge: undefined })} found={chosen} period={period} />
                </Aside>
              )}
              {chosen === undefined && at !== undefined && shown !== null && (
                <Aside label="Service">
                  <NodeView close={() => change({ at: undefined })} from={from} map={shown} name={at} to={to} />
                </Aside>
              )}
            </div>
            <Settled partial={graph.partial} through={graph.settled_through} />
          </>
        )}
      </Answer>
    </main>
  );
}

/** Beside the list and over the drawing, so that opening it moves nothing. */
function Aside({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <aside
      aria-label={label}
      className="w-full shrink-0 overflow-y-auto rounded-lg border border-line bg-ground lg:absolute lg:top-0 lg:right-0 lg:max-h-full lg:w-96 lg:shadow-lg"
      tabIndex={0}
    >
      {children}
    </aside>
  );
}

interface BarProps {
  readonly state: Changes;
  readonly map: ServiceMap | null;
  readonly change: (changes: Changes, replace?: boolean) => void;
}

const BOX = "h-8.75 rounded border border-line bg-raised px-2";

function Bar({ state, map, change }: BarProps) {
  const find = state.find ?? "";
  const matches = map === null || find === "" ? [] : map.services.filter(({ name }) => isFound(name, find));
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
        onChange={(event) => change({ find: event.target.value || undefined }, true)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && matches[0] !== undefined) change({ at: matches[0].name, edge: undefined });
        }}
        placeholder="Find a service"
        value={find}
      />
      <label className="flex cursor-pointer items-center gap-1.5">
        <input
          checked={state.only === ALL_BUT_WELL}
          onChange={(event) => change({ only: event.target.checked ? ALL_BUT_WELL : undefined })}
          type="checkbox"
        />
        trouble only
      </label>
      <label className="flex items-center gap-2 text-quiet">
        compare with
        <SelectBox
          choices={COMPARISONS}
          choose={(chosen) => change({ compare: chosen || undefined })}
          value={state.compare ?? ""}
        />
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
        : `Calls are counted by when they were received, once they are settled, which all are that came due before ${clock(through)} ${label}.`}
      {partial && " The least used edges were left out."} A dashed frame: it records nothing itself.
    </p>
  );
}

/** Edges that are not well, and the services at their ends. */
function only(map: ServiceMap, what: string | undefined): ServiceMap {
  return what === ALL_BUT_WELL ? withEdges(map, ({ look }) => look !== "well") : map;
}

function withWords(map: ServiceMap, find: string): ServiceMap {
  return find === "" ? map : withEdges(map, ({ edge }) => isFound(edge.caller, find) || isFound(edge.callee, find));
}

function withEdges(map: ServiceMap, isKept: (edge: MapEdge) => boolean): ServiceMap {
  const edges = map.edges.filter(isKept);
  const names = new Set(edges.flatMap(({ edge }) => [edge.caller, edge.callee]));
  return { services: map.services.filter(({ name }) => names.has(name)), edges };
}
