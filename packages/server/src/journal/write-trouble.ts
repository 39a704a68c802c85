import { isTallystickError } from "../errors.ts";

/** full: no space. failed: I/O error. locked: a new epoch's key cannot be made, the KMS does not answer. */
export type WriteTrouble = "full" | "failed" | "locked";

/**
 * A broken invariant, here or in a worker (where an error's class gets lost), or an error that says of itself that it
 * is fatal.
 */
export function stops(error: Error): boolean {
  return isTallystickError(error) ? error.fatal : "code" in error && error.code === "ERR_ASSERTION";
}

export function reasonOf(error: unknown): WriteTrouble {
  if (isTallystickError(error, "journal_full")) return "full";
  return isTallystickError(error, "kms_unreachable") ? "locked" : "failed";
}
