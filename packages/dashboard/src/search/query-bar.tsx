import { useEffect, useRef, useState, type FormEvent } from "react";
import { ApiProblem } from "../client/api.ts";
import { Button } from "../page/button.tsx";
import type { SearchState } from "./search-state.ts";
import { TimeRange } from "./time-range.tsx";

interface QueryBarProps {
  readonly state: SearchState;
  readonly change: (changes: Partial<SearchState>) => void;
  readonly refresh: () => void;
  readonly problem: Error | null;
}

/** The query box (`/` comes here from anywhere), the time range, and under it what was wrong and at which column. */
export function QueryBar({ state, change, refresh, problem }: QueryBarProps) {
  const [text, setText] = useState(state.q ?? "");
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => setText(state.q ?? ""), [state.q]);
  useSlashKey(() => box.current?.focus());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const q = text.trim() === "" ? undefined : text;
    if (q === state.q) refresh();
    else change({ q, record: undefined });
  };
  const fault = problem instanceof ApiProblem && problem.column !== null ? problem : null;
  return (
    <form className="flex flex-wrap items-start gap-2" role="search" onSubmit={submit}>
      <div className="min-w-72 grow">
        <input
          ref={box}
          aria-label="Query"
          aria-invalid={fault !== null}
          aria-describedby={fault === null ? undefined : "query-fault"}
          autoComplete="off"
          className="w-full rounded border border-line bg-raised px-3 py-1.5 font-mono"
          onChange={(event) => setText(event.target.value)}
          placeholder={"service_id:payments AND status:error, or any words   (press / to come here)"}
          spellCheck={false}
          value={text}
        />
        {fault !== null && (
          <p className="mt-1 font-mono text-bad" id="query-fault" role="alert">
            <span aria-hidden="true" className="whitespace-pre pl-3">
              {" ".repeat(Math.max((fault.column ?? 1) - 1, 0))}^{" "}
            </span>
            column {fault.column}: {fault.message}
          </p>
        )}
      </div>
      <TimeRange state={state} change={change} />
      <Button type="submit" kind="main">
        Search
      </Button>
    </form>
  );
}

function useSlashKey(focus: () => void): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      focus();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [focus]);
}
