/**
 * The order in which a fleet's exporters send: the first half of a call at once, each other one up to `WITHIN_MS`
 * later, so that halves of a hundred thousand calls lie between the two of one.
 */
import { callOf, drawOf, type Call, type Half } from "./calls.ts";
import { halfRecord, type Timeline } from "./half-record.ts";

/** Below the deadline of the benches, so that what is honest is paired by it. */
const WITHIN_MS = 5_000;
const SLOT_MS = 20;
const SLOTS = WITHIN_MS / SLOT_MS + 1;
/** A waiting half is one number: call × HALVES_OF_CALL + its place. */
const HALVES_OF_CALL = 8;

/** At most `count` records as NDJSON; null when there are no more. */
export type Source = (count: number) => Buffer | null;

/** All halves of `calls` calls but the late ones. `nowMs` says how time goes on. */
export function shuffledHalves(timeline: Timeline, calls: number, nowMs: () => number): Source {
  const slots: number[][] = Array.from({ length: SLOTS }, () => []);
  let due: number[] = [];
  let slot = Math.floor(nowMs() / SLOT_MS);
  let n = 0;
  const collect = (): void => {
    const now = n < calls ? Math.floor(nowMs() / SLOT_MS) : slot + SLOTS;
    for (const end = Math.min(now, slot + SLOTS); slot < end; slot += 1) {
      const place = slot % SLOTS;
      if (slots[place]!.length === 0) continue;
      due = due.length === 0 ? slots[place]! : due.concat(slots[place]!);
      slots[place] = [];
    }
    slot = Math.max(slot, now);
  };
  const begin = (): string => {
    const call = callOf(timeline.seed, n);
    const draw = drawOf(timeline.seed ^ 0x0dde_1a75, n);
    for (let place = 1; place < sentInTime(call); place += 1) {
      const inSlots = 1 + (draw() % (SLOTS - 1));
      slots[(slot + inSlots) % SLOTS]!.push(n * HALVES_OF_CALL + place);
    }
    n += 1;
    return halfRecord(call, call.halves[0]!, timeline);
  };
  return (count) => {
    collect();
    let text = "";
    const waiting = due.splice(0, count);
    for (const half of waiting) text += waitingHalf(timeline, half);
    const fresh = Math.min(count - waiting.length, calls - n);
    for (let begun = 0; begun < fresh; begun += 1) text += begin();
    return text === "" ? null : Buffer.from(text, "latin1");
  };
}

/** The halves that `shuffledHalves` kept back. */
export function lateHalves(timeline: Timeline, calls: number): Source {
  let n = 0;
  return (count) => {
    let text = "";
    for (let left = count; left > 0 && n < calls; n += 1) {
      const call = callOf(timeline.seed, n);
      if (!call.late) continue;
      text += halfRecord(call, lastOf(call), timeline);
      left -= 1;
    }
    return text === "" ? null : Buffer.from(text, "latin1");
  };
}

function waitingHalf(timeline: Timeline, waiting: number): string {
  const call = callOf(timeline.seed, Math.floor(waiting / HALVES_OF_CALL));
  return halfRecord(call, call.halves[waiting % HALVES_OF_CALL]!, timeline);
}

function sentInTime(call: Call): number {
  return call.late ? call.halves.length - 1 : call.halves.length;
}

function lastOf(call: Call): Half {
  return call.halves.at(-1)!;
}
