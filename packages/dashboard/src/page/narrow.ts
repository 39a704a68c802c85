import { useSyncExternalStore } from "react";

const NARROW = matchMedia("(width < 40rem)");

/** Whether there is as little room as a telephone has. */
export function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      NARROW.addEventListener("change", listener);
      return () => NARROW.removeEventListener("change", listener);
    },
    () => NARROW.matches,
  );
}
