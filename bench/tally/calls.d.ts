/**
 * Seeded calls with both their halves. Call `n` is a function of the seed and `n` alone, so that a loader, a resend
 * and the truth that a run is compared with all have it without keeping it.
 *
 * One call in a hundred is broken, in one of eleven ways; one in a thousand gets its second half minutes late, which is
 * no break. Everything else is honest and must not become one: clocks that are off, clients that gave up or know no
 * route, retries, messages with several consumers, callers from outside, parties that never record, refused
 * connections, a proxy in between.
 */
import { type Edge } from "./world.ts";
export declare const BREAK_KINDS: readonly [
  "unpaired_caller",
  "unpaired_callee",
  "late_success",
  "replay",
  "discrepancy_status",
  "discrepancy_operation",
  "discrepancy_request_digest",
  "discrepancy_response_digest",
  "discrepancy_size",
  "discrepancy_identity",
  "discrepancy_time",
];
export type BreakKind = (typeof BREAK_KINDS)[number];
export declare const HONEST_SHAPES: readonly [
  "pair",
  "message",
  "retried",
  "observed",
  "third_party",
  "outside_caller",
  "refused",
  "cancelled",
  "cut_off",
];
export type HonestShape = (typeof HONEST_SHAPES)[number];
/** `caller 1`: the caller's second record of the call; `callee 1`: the callee's second execution, or consumer. */
export interface Half {
  readonly side: "caller" | "callee" | "observer";
  readonly number: number;
  readonly attempt: number;
}
export interface Call {
  readonly n: number;
  readonly edge: Edge;
  readonly shape: HonestShape | BreakKind;
  readonly broken: BreakKind | null;
  /** The second half is sent minutes after the first. */
  readonly late: boolean;
  /** In the order in which they are sent. */
  readonly halves: readonly Half[];
}
export interface Draw {
  (): number;
}
export declare function callOf(seed: number, n: number): Call;
/** Numbers of call `n`'s own, the same each time: xorshift32 from a mix of the two. */
export declare function drawOf(seed: number, n: number): Draw;
//# sourceMappingURL=calls.d.ts.map
