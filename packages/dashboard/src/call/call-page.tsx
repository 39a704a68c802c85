import { useSearch } from "@tanstack/react-router";
import { callPath, type Call } from "../client/call.ts";
import { useApi } from "../client/use-api.ts";
import { Chip } from "../page/chip.tsx";
import { SearchLink, ServiceLink, term, TraceLink } from "../page/links.tsx";
import { Panel, Screen } from "../page/panel.tsx";
import { Answer, Empty } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { breakMeaning, stateMeaning } from "./call-words.ts";
import { Halves } from "./halves.tsx";
import { Recorded } from "./recorded.tsx";

/** One call: what each side says of it, where they differ, who says so, and the proof of it. */
export function CallPage() {
  const { id } = useSearch({ from: "/call" });
  const call = useApi<Call>(callPath(id ?? ""), {}, { enabled: id !== undefined && id !== "", everyMs: 15_000 });
  if (id === undefined || id === "")
    return (
      <Screen title="Call">
        <Empty>The address names no call.</Empty>
      </Screen>
    );
  const found = call.data;
  return (
    <Screen
      actions={found === undefined ? undefined : <Ways call={found} />}
      says={<span className="font-mono text-xs break-all">{id}</span>}
      title={
        found === undefined ? (
          "Call"
        ) : (
          <>
            <ServiceLink name={found.caller}>{named(found.caller)}</ServiceLink> →{" "}
            <ServiceLink name={found.callee}>{named(found.callee)}</ServiceLink>
          </>
        )
      }
    >
      <Answer lines={10} of={call}>
        {(shown) => (
          <>
            <Judged call={shown} />
            <Halves call={shown} />
            <div className="grid gap-4 xl:grid-cols-2">
              {[...shown.halves.caller, ...shown.halves.callee, ...shown.halves.observer].map((stored) => (
                <Recorded key={`${stored.tree}/${stored.leaf_index}`} record={`${stored.tree}/${stored.leaf_index}`} />
              ))}
            </div>
          </>
        )}
      </Answer>
    </Screen>
  );
}

const named = (service: string) => (service === "" ? "unknown" : service);

function Ways({ call }: { readonly call: Call }) {
  const half = call.halves.caller[0] ?? call.halves.callee[0] ?? call.halves.observer[0];
  const trace = half?.record.trace_id;
  return (
    <>
      <TraceLink call={call.call_id} id={trace ?? half?.record.request_id ?? call.call_id}>
        {trace === undefined ? "What belongs to it" : "Its trace"}
      </TraceLink>
      <SearchLink from="all" own q={term("call_id", call.call_id)}>
        Its records
      </SearchLink>
    </>
  );
}

/** What the tally says: the state, each break, and the records that say so. */
function Judged({ call }: { readonly call: Call }) {
  const { clock, label } = useMoments();
  const state = stateMeaning(call.state);
  const operation = (call.halves.caller[0] ?? call.halves.callee[0])?.record.operation;
  return (
    <Panel
      note={
        call.settled
          ? `settled when it was due, ${clock(call.due)} ${label}`
          : `not settled before ${clock(call.due)} ${label}`
      }
      title="Tally"
    >
      <p className="flex flex-wrap items-center gap-2">
        <Chip tone={state.tone}>{state.title}</Chip>
        <span>{state.says}</span>
        {operation !== undefined && <span className="font-mono text-quiet">{operation}</span>}
      </p>
      {call.breaks.length > 0 && (
        <ul className="mt-3 flex flex-col gap-1.5">
          {call.breaks.map((one) => (
            <li key={`${one.kind} ${one.field}`}>
              <span className="font-medium text-bad">{breakMeaning(one.kind)}</span>
              {one.field !== "" && (
                <span className="text-quiet">
                  {" "}
                  ({one.field}: caller <Value text={one.caller_value} />, callee <Value text={one.callee_value} />
                  {one.tolerance === "" ? "" : `; allowed: ${one.tolerance}`})
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      {call.verdicts.length > 0 && (
        <p className="mt-3 text-quiet">
          Said for ever in{" "}
          {call.verdicts.map(({ tree, leaf_index: index, record }, at) => (
            <span key={`${tree}/${index}`}>
              {at > 0 && ", "}
              <SearchLink from="all" own q={term("id", record.id)} record={`${tree}/${index}`}>
                {tree}/{index}
              </SearchLink>{" "}
              ({record.operation})
            </span>
          ))}
        </p>
      )}
    </Panel>
  );
}

function Value({ text }: { readonly text: string }) {
  return text === "" ? <>nothing</> : <span className="font-mono text-ink [overflow-wrap:anywhere]">{text}</span>;
}
