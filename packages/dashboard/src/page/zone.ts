import { useSyncExternalStore } from "react";
import { formatClock, formatMoment, formatTimeOfDay, type Zone } from "./format.ts";

/** In which zone times are shown: a person's own choice, the same on every screen, kept in this browser. */
const KEPT = "tallystick.zone";
const listeners = new Set<() => void>();
let zone: Zone = localStorage.getItem(KEPT) === "local" ? "local" : "UTC";

export function chooseZone(chosen: Zone): void {
  zone = chosen;
  localStorage.setItem(KEPT, chosen);
  for (const listener of listeners) listener();
}

export interface Moments {
  readonly zone: Zone;
  /** `UTC`, or the name of the zone here. */
  readonly label: string;
  /** With day and fraction. */
  readonly moment: (text: string) => string;
  /** With the fraction, without the day. */
  readonly timeOfDay: (text: string) => string;
  /** To the second, the day only when it is not today. */
  readonly clock: (text: string) => string;
}

const NAMES: Readonly<Record<Zone, string>> = { UTC: "UTC", local: localName() };
const MOMENTS: Readonly<Record<Zone, Moments>> = { UTC: momentsIn("UTC"), local: momentsIn("local") };

export function useMoments(): Moments {
  const current = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => zone,
  );
  return MOMENTS[current];
}

function momentsIn(which: Zone): Moments {
  return {
    zone: which,
    label: NAMES[which],
    moment: (text) => formatMoment(text, which),
    timeOfDay: (text) => formatTimeOfDay(text, which),
    clock: (text) => formatClock(text, which),
  };
}

function localName(): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name === "" ? "local" : name;
}
