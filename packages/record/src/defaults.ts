/** What the server fills in where the producer said nothing (docs/formats/record.md). Everything follows from the record and who sent it. */
import type { AuditRecord } from "./types.ts";

/** Who sent a record, and what a record without an id gets. */
export interface Sender {
  /** The service that the sender's key stands for; null for a key of no single service. */
  readonly service: string | null;
  readonly principal: string;
  newId(): string;
}

type Filled = Pick<
  AuditRecord,
  "id" | "phase" | "side" | "target_id" | "recorder_id" | "request_id" | "attempt" | "operation" | "protocol"
>;

/** What must be there before defaults can be told. */
export type Draft = Pick<AuditRecord, "service_id" | "event_type"> & Partial<Filled>;

export function defaultsFor(draft: Draft, sender: Sender): Filled {
  const id = draft.id ?? sender.newId();
  const target = draft.target_id ?? "none";
  const side = draft.side ?? sideOf(draft, target, sender);
  return {
    id,
    phase: draft.phase ?? "outcome",
    side,
    target_id: target,
    recorder_id: draft.recorder_id ?? recorderOf(draft, side, sender),
    // Its own id, so that a call that nobody else recorded stands alone and a retried record stays the same.
    request_id: draft.request_id ?? id,
    attempt: draft.attempt ?? 0,
    operation: draft.operation ?? draft.event_type,
    protocol: draft.protocol ?? "other",
  };
}

function sideOf(draft: Draft, target: string, sender: Sender): string {
  if (sender.service === null) return "observer";
  if (sender.service === draft.service_id) return "caller";
  return sender.service === target ? "callee" : "observer";
}

function recorderOf(draft: Draft, side: string, sender: Sender): string {
  if (side === "caller") return draft.service_id;
  return side === "callee" && draft.target_id !== undefined ? draft.target_id : sender.principal;
}
