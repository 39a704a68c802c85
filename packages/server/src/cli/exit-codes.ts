/** What a command's exit code says; the same for every command, printed by `tallystick help exit-codes`. */
export const EXIT = {
  /** Done, and the answer is good. */
  ok: 0,
  /** Done, and the answer is not: a fault was found, nothing was found, a check failed. */
  negative: 1,
  /** Could not be done: wrong usage, no connection, not permitted, a broken configuration or folder. */
  failed: 2,
} as const;

export const EXIT_CODES_TEXT = `Exit codes of every command:
  0  done, and the answer is good
  1  done, and the answer is not: verify found a fault, prove or trace found no record, doctor found something broken
  2  could not be done: wrong usage, no connection, not permitted, a broken configuration or folder`;
