import { useState } from "react";
import { Halves } from "../call/halves.tsx";
import type { Alert } from "../client/alerts.ts";
import { callPath, type Call } from "../client/call.ts";
import { useApi } from "../client/use-api.ts";
import { formatCount } from "../page/format.ts";
import { CallLink, SearchLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";

/** The records that show it, and both halves of the call of one of them. */
export function Evidence({ alert: { records, count } }: { readonly alert: Alert }) {
  const [at, setAt] = useState(0);
  const chosen = records[at];
  const call = useApi<Call>(
    callPath(chosen?.call_id ?? ""),
    {},
    { enabled: chosen !== undefined && chosen.call_id !== "" },
  );
  if (chosen === undefined) return null;
  return (
    <>
      <Panel note={`${formatCount(count)} in all, ${formatCount(records.length)} kept with it`} title="What shows it">
        <ol className="flex flex-wrap gap-2">
          {records.map(({ tree, leaf_index: index }, place) => (
            <li key={`${tree}/${index}`}>
              <button
                aria-pressed={place === at}
                className="cursor-pointer rounded border border-line bg-raised px-2 py-1 font-mono text-xs aria-pressed:border-accent aria-pressed:bg-accent-ground aria-pressed:text-accent"
                onClick={() => setAt(place)}
                type="button"
              >
                {tree}/{index}
              </button>
            </li>
          ))}
        </ol>
        <p className="mt-3 flex flex-wrap gap-x-4">
          {chosen.call_id !== "" && <CallLink id={chosen.call_id}>The call and its proof</CallLink>}
          <SearchLink
            from="all"
            own
            q={`${term("tree", chosen.tree)} AND leaf_index:${chosen.leaf_index}`}
            record={`${chosen.tree}/${chosen.leaf_index}`}
          >
            The record
          </SearchLink>
        </p>
      </Panel>
      {call.data !== undefined && <Halves call={call.data} />}
    </>
  );
}
