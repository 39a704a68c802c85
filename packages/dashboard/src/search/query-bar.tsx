import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { ApiProblem } from "../client/api.ts";
import { Button } from "../page/button.tsx";
import { QueryInput } from "./query-input.tsx";
import type { ChangeSearch, SearchState } from "./search-state.ts";
import { TimeRange } from "./time-range.tsx";

interface QueryBarProps {
  readonly state: SearchState;
  readonly change: ChangeSearch;
  readonly refresh: () => void;
  readonly problem: Error | null;
  readonly children: ReactNode;
}

/** Further to the right the box is scrolled, or its fault has no room: then only the words say where it is. */
const FURTHEST_POINTED = 24;

/** The query box (`/` comes here from anywhere), the time range, and under it what was wrong and at which column. */
export function QueryBar({ state, change, refresh, problem, children }: QueryBarProps) {
  const [text, setText] = useState(state.q ?? "");
  useEffect(() => setText(state.q ?? ""), [state.q]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const q = text.trim() === "" ? undefined : text.trim();
    if (q === state.q) refresh();
    else change({ q, record: undefined });
  };
  const fault = problem instanceof ApiProblem && problem.column !== null ? problem : null;
  return (
    <form className="flex flex-wrap items-start gap-2" role="search" onSubmit={submit}>
      <div className="min-w-72 grow basis-96">
        <QueryInput change={setText} faultId={fault === null ? null : "query-fault"} state={state} text={text} />
        {fault !== null && (
          <p className="mt-1 flex font-mono text-bad" id="query-fault" role="alert">
            {fault.column !== null && fault.column <= FURTHEST_POINTED && (
              <span aria-hidden="true" className="shrink-0 whitespace-pre pl-3">
                {" ".repeat(fault.column - 1)}^{" "}
              </span>
            )}
            <span className="min-w-0">{fault.message}</span>
          </p>
        )}
      </div>
      <TimeRange state={state} change={change} />
      <Button type="submit" kind="main">
        Search
      </Button>
      {children}
    </form>
  );
}
