import { createHash } from "node:crypto";
import { uuidv8 } from "@tallystick/record";

import type { Finding } from "../detect/finding.ts";

/** What makes two findings the same: rule and labels, in no order. 16 hex digits. */
export function fingerprintOf({ ruleId, labels }: Pick<Finding, "ruleId" | "labels">): string {
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return digest(JSON.stringify([ruleId, sorted]))
    .toString("hex")
    .slice(0, 16);
}

/** The same beginning of the same thing has the same id, whatever is killed in between. */
export function alertIdOf(fingerprint: string, startsAtUs: number): string {
  return uuidv8(digest(`tallystick alert\0${fingerprint}\0${startsAtUs}`).subarray(0, 16));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
