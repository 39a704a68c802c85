import { isTallystickError, TallystickError } from "../errors.ts";
import type { Kms } from "./kms.ts";

/** Wraps with the one and opens what either wrapped: for moving a folder's keys. Closes the one that comes after. */
export function succeedingKms(before: Kms, after: Kms): Kms {
  return {
    get keyId() {
      return after.keyId;
    },
    wrap: (plain, context) => after.wrap(plain, context),
    async unwrap(wrapped, context, keyId) {
      if (keyId === after.keyId) return after.unwrap(wrapped, context, keyId);
      return before.unwrap(wrapped, context, keyId).catch((error: unknown) => {
        // A move that was stopped, and a rotation since: the one that comes after may have older keys as well.
        if (!isTallystickError(error, "key_unavailable")) throw error;
        return after.unwrap(wrapped, context, keyId);
      });
    },
    rotate: () => Promise.reject(new TallystickError("bad_request", "A folder is rotated after it was moved.")),
    // The one before may wrap other folders too.
    retire: async () => {},
    close: () => after.close(),
  };
}
