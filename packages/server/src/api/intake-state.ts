import { isOwnLog } from "../control/own-logs.ts";
import type { WriteTrouble } from "../journal/write-trouble.ts";
import { PUSHBACK } from "./store-parts.ts";

/** A log whose records are answered 503 now. */
export interface RefusingLog {
  readonly log: string;
  readonly reason: WriteTrouble;
}

export type IntakeState =
  | { readonly state: "open" }
  | { readonly state: "refused"; readonly reason: WriteTrouble; readonly says: string };

interface IntakeStores {
  readonly journal: { figures(): ReadonlyMap<string, { readonly broken: WriteTrouble | null }> };
  readonly payloads: { refusing(): ReadonlyMap<string, WriteTrouble> };
}

/** By log, as the journal knows it, and as the payload store does where the journal is not even asked. */
export function refusingLogsOf({ journal, payloads }: IntakeStores): readonly RefusingLog[] {
  const reasons = new Map(payloads.refusing());
  for (const [log, { broken }] of journal.figures()) if (broken !== null) reasons.set(log, broken);
  return [...reasons].map(([log, reason]) => ({ log, reason }));
}

/** For who may know nothing of logs: whether producers' records are taken. */
export function intakeState(refusing: readonly RefusingLog[]): IntakeState {
  const first = refusing.find(({ log }) => !isOwnLog(log));
  if (first === undefined) return { state: "open" };
  return { state: "refused", reason: first.reason, says: PUSHBACK[first.reason][1] };
}
