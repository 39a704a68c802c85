/** The two records of a deletion: that the log decided it, before anything goes, and that everything is gone. */
import { formatTimestamp } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { parseCheckpoint, parseNote } from "@tallystick/tlog";
import { DELETION_OPERATION } from "@tallystick/verify";
import { lifecycleRecord } from "../journal/own-records.ts";
import type { TreeFacts } from "./plan.ts";

export interface Decision {
  readonly facts: TreeFacts;
  /** The final checkpoint, a signed note. */
  readonly note: Uint8Array;
  /** Why it goes, as `retention: keep 13 months`. */
  readonly reason: string;
  readonly dueUs: number;
}

/** Once this is under a published checkpoint the tree may go. Told again after a crash it is another record. */
export function decisionRecord({ facts, note, reason, dueUs }: Decision, nowUs: number): AuditRecord {
  const form = parseNote(note);
  const said = parseCheckpoint(form.kind === "ok" ? form.value.text : "");
  if (said.kind === "refused") throw new Error(`the final checkpoint of ${facts.tree} cannot be read`);
  const root = Buffer.from(said.value.root).toString("base64");
  const record = lifecycleRecord(DELETION_OPERATION, `${facts.tree}\0${nowUs}`, nowUs, {
    "tallystick.tree": facts.tree,
    "tallystick.size": String(said.value.size),
    "tallystick.root": root,
    "tallystick.bytes": String(facts.bytes),
    "tallystick.first_received_at": formatTimestamp(facts.firstReceivedUs),
    "tallystick.last_received_at": formatTimestamp(facts.lastReceivedUs),
    "tallystick.due_at": formatTimestamp(dueUs),
    "tallystick.reason": reason,
  });
  return { ...record, phase: "intent", action: "delete", resource: facts.tree };
}

/** The same record however often it is told: it began when the deletion was decided. */
export function outcomeRecord(tree: string, decidedUs: number): AuditRecord {
  const record = lifecycleRecord("epoch deleted", tree, decidedUs, { "tallystick.tree": tree });
  return { ...record, action: "delete", resource: tree };
}

/** Opens the next tree of a log that nobody writes to, so that its last records go when their time has come. */
export function epochEndedRecord(tree: string, nowUs: number): AuditRecord {
  const record = lifecycleRecord("epoch ended", tree, nowUs, { "tallystick.tree": tree });
  return { ...record, resource: tree };
}
