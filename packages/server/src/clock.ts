/** Time is passed in (STYLE 8). The real clock is made in main.ts; tests use their own. */
export interface Clock {
  /** Microseconds since the epoch, UTC; an integer below 2^53. May jump when the machine's clock is set. */
  nowUs(): number;
  /** Milliseconds that never go back; for intervals only. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`; the returned function cancels. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}
