import type { StoredRecord } from "@tallystick/record";
import { useEffect, useRef, useState } from "react";
import { withQuery } from "../client/api.ts";
import type { SearchState } from "./search-state.ts";

export interface Tail {
  /** Newest first, at most MAX_KEPT. */
  readonly records: readonly StoredRecord[];
  /** Came while the tail was paused. */
  readonly waiting: number;
  readonly state: "off" | "connecting" | "open" | "broken";
}

const MAX_KEPT = 5_000;
const SHOWN_EVERY_MS = 250;
const NOTHING: Tail = { records: [], waiting: 0, state: "off" };

/** Records as they come. While it is paused they wait and nothing moves on the screen. */
export function useTail({ q, own, live }: SearchState, isPaused: boolean): Tail {
  const [tail, setTail] = useState<Tail>(NOTHING);
  const paused = useRef(isPaused);
  paused.current = isPaused;
  useEffect(() => {
    if (live !== true) return setTail(NOTHING);
    const waiting: StoredRecord[] = [];
    let state: Tail["state"] = "connecting";
    setTail({ ...NOTHING, state });
    const source = new EventSource(withQuery("/api/tail", { q, own }));
    source.addEventListener("open", () => (state = "open"));
    // The browser connects again by itself, from where it was; when it has given up it is closed.
    source.addEventListener(
      "error",
      () => (state = source.readyState === EventSource.CLOSED ? "broken" : "connecting"),
    );
    source.addEventListener("record", (event: MessageEvent<string>) => {
      waiting.push(JSON.parse(event.data) as StoredRecord);
      if (waiting.length > MAX_KEPT) waiting.shift();
    });
    const show = setInterval(() => {
      if (paused.current) return setTail((before) => kept(before, { ...before, waiting: waiting.length, state }));
      const come = waiting.splice(0).toReversed();
      return setTail((before) =>
        kept(before, {
          records: come.length === 0 ? before.records : [...come, ...before.records].slice(0, MAX_KEPT),
          waiting: 0,
          state,
        }),
      );
    }, SHOWN_EVERY_MS);
    return () => {
      clearInterval(show);
      source.close();
    };
  }, [q, own, live]);
  return tail;
}

/** The one before when nothing changed, so that nothing is drawn again. */
function kept(before: Tail, now: Tail): Tail {
  const isSame = before.records === now.records && before.waiting === now.waiting && before.state === now.state;
  return isSame ? before : now;
}
