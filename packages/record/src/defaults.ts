/**
 * What the server fills in where the producer said nothing (docs/formats/record.md). Everything follows from the record
 * and who sent it.
 */
import { slotOf } from "./slots.ts";
import type { Slots, SlotValue } from "./slots.ts";

/** Who sent a record, and what a record without an id gets. */
export interface Sender {
  /** The service that the sender's key stands for; null for a key of no single service. */
  readonly service: string | null;
  /** Of a sender of several services: whether a name is one of them. */
  readonly speaksFor?: (name: string) => boolean;
  readonly principal: string;
  newId(): string;
}

const AT = {
  id: slotOf("id"),
  phase: slotOf("phase"),
  side: slotOf("side"),
  service: slotOf("service_id"),
  target: slotOf("target_id"),
  recorder: slotOf("recorder_id"),
  request: slotOf("request_id"),
  attempt: slotOf("attempt"),
  operation: slotOf("operation"),
  eventType: slotOf("event_type"),
  protocol: slotOf("protocol"),
} as const;

/** Fills the slots of a record that has what its producer must send. Returns whether the id came with it. */
export function fillDefaults(slots: Slots, sender: Sender): boolean {
  const identified = slots[AT.id] !== undefined;
  const target = slots[AT.target];
  slots[AT.id] ??= sender.newId();
  slots[AT.phase] ??= "outcome";
  slots[AT.side] ??= sideOf(slots[AT.service], target, sender);
  slots[AT.recorder] ??= recorderOf(slots, sender.principal);
  slots[AT.target] ??= "none";
  // Its own id, so that a call that nobody else recorded stands alone and a retried record stays the same.
  slots[AT.request] ??= slots[AT.id];
  slots[AT.attempt] ??= 0;
  slots[AT.operation] ??= slots[AT.eventType];
  slots[AT.protocol] ??= "other";
  return identified;
}

function sideOf(service: SlotValue, target: SlotValue, sender: Sender): string {
  if (isOwn(service, sender)) return "caller";
  return isOwn(target, sender) ? "callee" : "observer";
}

function isOwn(name: SlotValue, { service, speaksFor }: Sender): boolean {
  if (typeof name !== "string") return false;
  return service === name || speaksFor?.(name) === true;
}

/** A callee that does not say which service it is, is known by its principal alone. */
function recorderOf(slots: Slots, principal: string): SlotValue {
  if (slots[AT.side] === "caller") return slots[AT.service];
  return slots[AT.side] === "callee" ? (slots[AT.target] ?? principal) : principal;
}
