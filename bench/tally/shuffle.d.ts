import { type Timeline } from "./half-record.ts";
/** At most `count` records as NDJSON; null when there are no more. */
export type Source = (count: number) => Buffer | null;
/** All halves of `calls` calls but the late ones. `nowMs` says how time goes on. */
export declare function shuffledHalves(timeline: Timeline, calls: number, nowMs: () => number): Source;
/** The halves that `shuffledHalves` kept back. */
export declare function lateHalves(timeline: Timeline, calls: number): Source;
//# sourceMappingURL=shuffle.d.ts.map
