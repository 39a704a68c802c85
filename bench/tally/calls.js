/**
 * Seeded calls with both their halves. Call `n` is a function of the seed and `n` alone, so that a loader, a resend
 * and the truth that a run is compared with all have it without keeping it.
 *
 * One call in a hundred is broken, in one of eleven ways; one in a thousand gets its second half minutes late, which is
 * no break. Everything else is honest and must not become one: clocks that are off, clients that gave up or know no
 * route, retries, messages with several consumers, callers from outside, parties that never record, refused
 * connections, a proxy in between.
 */
import { ALL_EDGES, CONSUMERS, edgesOf } from "./world.js";
export const BREAK_KINDS = [
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
export const HONEST_SHAPES = [
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
const SHARES = 10_000;
const BROKEN_SHARE = 100;
const LATE_SHARE = 10;
/** Honest shapes beside the plain pair, out of SHARES; chosen so that a call has two records on average. */
const HONEST_SHARES = [
  ["message", 200],
  ["retried", 100],
  ["observed", 100],
  ["third_party", 500],
  ["outside_caller", 100],
  ["refused", 30],
  ["cancelled", 50],
  ["cut_off", 20],
];
/** Where a way to break can be told at all: only who writes digests can write a wrong one. */
const STYLES = {
  unpaired_caller: ["named", "traced"],
  unpaired_callee: ["named", "traced"],
  late_success: ["named", "traced", "addressed"],
  replay: ["named", "traced", "addressed"],
  discrepancy_status: ["named", "traced", "addressed"],
  discrepancy_operation: ["named", "traced", "addressed"],
  discrepancy_request_digest: ["named"],
  discrepancy_response_digest: ["named"],
  discrepancy_size: ["named", "traced"],
  discrepancy_identity: ["named"],
  discrepancy_time: ["named", "traced", "addressed"],
};
const EDGES_OF_BREAK = new Map(BREAK_KINDS.map((kind) => [kind, edgesOf(...STYLES[kind])]));
const OPEN_TELEMETRY = edgesOf("traced", "addressed");
const NAMED = edgesOf("named");
const TELLING = edgesOf("named", "traced");
const EDGES_OF_SHAPE = {
  retried: OPEN_TELEMETRY,
  cancelled: OPEN_TELEMETRY,
  cut_off: OPEN_TELEMETRY,
  observed: NAMED,
};
const CALLER = { side: "caller", number: 0, attempt: 0 };
const CALLEE = { side: "callee", number: 0, attempt: 0 };
const BOTH = [CALLER, CALLEE];
const BOTH_CALLEE_FIRST = [CALLEE, CALLER];
const HALVES = {
  message: [CALLER, ...Array.from({ length: CONSUMERS }, (_, number) => ({ ...CALLEE, number }))],
  retried: [CALLER, { side: "caller", number: 1, attempt: 1 }, CALLEE],
  observed: [CALLER, { side: "observer", number: 0, attempt: 0 }, CALLEE],
  third_party: [CALLER],
  refused: [CALLER],
  outside_caller: [CALLEE],
  unpaired_caller: [CALLER],
  unpaired_callee: [CALLEE],
  replay: [CALLER, CALLEE, { ...CALLEE, number: 1 }],
};
export function callOf(seed, n) {
  const draw = drawOf(seed, n);
  const roll = draw() % SHARES;
  const broken = roll < BROKEN_SHARE ? BREAK_KINDS[draw() % BREAK_KINDS.length] : null;
  const late = broken === null && roll < BROKEN_SHARE + LATE_SHARE;
  const shape = broken ?? (late ? "pair" : honestShape(roll - BROKEN_SHARE - LATE_SHARE));
  const edges = broken === null ? EDGES_OF_SHAPE[shape] : EDGES_OF_BREAK.get(broken);
  const among = edges ?? (late ? TELLING : ALL_EDGES);
  const edge = among[draw() % among.length];
  const halves = HALVES[shape] ?? (draw() % 2 === 0 ? BOTH : BOTH_CALLEE_FIRST);
  return { n, edge, shape, broken, late, halves };
}
/** Numbers of call `n`'s own, the same each time: xorshift32 from a mix of the two. */
export function drawOf(seed, n) {
  let state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(n + 1, 0xc2b2_ae35);
  state = Math.imul(state ^ (state >>> 16), 0x7feb_352d);
  state = (state ^ (state >>> 15)) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
function honestShape(roll) {
  let rest = roll;
  for (const [shape, share] of HONEST_SHARES) {
    if (rest < share) return shape;
    rest -= share;
  }
  return "pair";
}
//# sourceMappingURL=calls.js.map
