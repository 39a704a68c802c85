import { useIsFetching, useQueryClient, type QueryKey, type UseQueryResult } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { Button } from "./button.tsx";
import { ProblemView } from "./problem-view.tsx";

interface AnswerProps<T> {
  readonly of: UseQueryResult<T>;
  readonly children: (found: T) => ReactNode;
  /** Said instead when there is nothing. */
  readonly empty?: { readonly when: (found: T) => boolean; readonly says: ReactNode };
  /** As high as what will stand there, so that nothing jumps. */
  readonly lines?: number;
}

/** What an answer of the server looks like while it comes, when it fails, when there is nothing, and when it is there. */
export function Answer<T>({ of, children, empty, lines = 4 }: AnswerProps<T>) {
  if (of.data === undefined) {
    if (of.error !== null) return <ProblemView problem={of.error} retry={() => void of.refetch()} />;
    return of.fetchStatus === "idle" ? <Stopped again={() => void of.refetch()} /> : <Loading lines={lines} />;
  }
  if (empty?.when(of.data) === true) return <Empty>{empty.says}</Empty>;
  return children(of.data);
}

/** Grey lines where text will be. */
export function Loading({ lines = 4 }: { readonly lines?: number }) {
  return (
    <div aria-busy="true" aria-label="Loading" className="flex flex-col gap-2.5 p-4" role="status">
      {Array.from({ length: lines }, (_, at) => (
        <div className="h-4 rounded bg-raised" key={at} style={{ width: `${92 - ((at * 23) % 45)}%` }} />
      ))}
    </div>
  );
}

export function Empty({ children }: { readonly children: ReactNode }) {
  return <div className="px-4 py-8 text-center text-quiet">{children}</div>;
}

function Stopped({ again }: { readonly again: () => void }) {
  return (
    <div className="px-4 py-6 text-center text-quiet" role="status">
      Stopped. <Button onClick={again}>Ask again</Button>
    </div>
  );
}

const SHOWN_AFTER_S = 1;

/** A question that takes longer than a second: how long already, and the way to stop it, here and in the engine. */
export function Busy({ queryKey }: { readonly queryKey: QueryKey }) {
  const queries = useQueryClient();
  const isAsking = useIsFetching({ queryKey }) > 0;
  const seconds = useSeconds(isAsking);
  if (!isAsking || seconds < SHOWN_AFTER_S) return null;
  return (
    <span className="inline-flex items-center gap-2 whitespace-nowrap text-quiet" role="status">
      <span className="tabular-nums">{seconds} s …</span>
      <Button className="py-0.5!" onClick={() => void queries.cancelQueries({ queryKey })}>
        Stop
      </Button>
    </span>
  );
}

function useSeconds(running: boolean): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    setSeconds(0);
    if (!running) return undefined;
    const timer = setInterval(() => setSeconds((before) => before + 1), 1_000);
    return () => clearInterval(timer);
  }, [running]);
  return seconds;
}
