import { setTimeout as pause } from "node:timers/promises";

/** True in about `share` of the calls, scaled by the fleet's trouble. */
export function happens(share: number, trouble: number): boolean {
  return Math.random() < share * trouble;
}

/** Work that takes a while: between `leastMs` and `mostMs`. */
export async function work(leastMs: number, mostMs: number): Promise<void> {
  await pause(leastMs + Math.random() * (mostMs - leastMs));
}
