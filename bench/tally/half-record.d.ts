import { type Call, type Half } from "./calls.ts";
/** A load: its seed, its first call's time, and the time from one call to the next. */
export interface Timeline {
  readonly seed: number;
  readonly startMs: number;
  readonly stepUs: number;
}
/** Attribute by which a run finds the records of the calls that it broke or delayed; pairing does not look at it. */
export declare const SEEDED_ATTRIBUTE = "bench.seeded";
export declare const SEEDED_LATE = "late";
export declare function halfRecord(call: Call, half: Half, timeline: Timeline): string;
//# sourceMappingURL=half-record.d.ts.map
