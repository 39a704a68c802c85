/** An edge whose last hour is as usual, for tests to change. */
import type { Judged } from "./traffic.ts";

export const USUAL: Judged = {
  log: "default",
  caller: "orders",
  callee: "payments",
  operation: "POST /payments",
  calls: 40,
  errors: 0,
  timed: 40,
  log_duration: 40 * 12,
  bytes: 40_000,
  credentials: 1,
  usual_hours: 240,
  usual_calls: 40,
  usual_calls_spread: 7,
  usual_calls_most: 60,
  usual_error_share: 0.005,
  usual_log_duration: 12,
  usual_log_duration_spread: 0.1,
  usual_bytes: 40_000,
  usual_bytes_most: 70_000,
  usual_credentials: 1,
  shift: 0,
  slower: 0,
};
