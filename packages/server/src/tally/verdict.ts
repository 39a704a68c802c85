/** A break as a record of the log: what is said of a call, over which halves, for ever the same bytes. */
import { createHash } from "node:crypto";
import { formatTimestamp, uuidv8 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { ownRecordOf } from "../journal/own-records.ts";
import type { HalfPlace } from "./places.ts";

export interface JudgedCall {
  readonly log: string;
  readonly call_id: string;
  readonly call_key: string;
  readonly caller: string;
  readonly callee: string;
  readonly state: string;
  readonly due_us: number;
  /** 1: the call was settled before, and a half came later. */
  readonly late: 0 | 1;
  readonly halves: readonly HalfPlace[];
  /** Leaf hashes of `halves`, hexadecimal, in their order. */
  readonly hashes: readonly string[];
  /** The credential with which it was executed last; empty where none was seen. */
  readonly lastCredential: string;
}

export interface Break {
  readonly kind: string;
  readonly field: string;
  readonly caller_value: string;
  readonly callee_value: string;
  readonly tolerance: string;
}

/** The kind that says of a call that was broken that a later half mended it. */
export const PAIRED = "paired";
const BREAK_KINDS = [
  "unpaired_caller",
  "unpaired_callee",
  "late_success",
  "replay",
  "discrepancy_status",
  "discrepancy_operation",
  "discrepancy_request_digest",
  "discrepancy_response_digest",
  "discrepancy_size",
  "discrepancy_identity",
  "discrepancy_time",
] as const;
export type BreakKind = (typeof BREAK_KINDS)[number];
/** What is said of an edge or of two clocks rather than of a call. */
export const FINDING_KINDS = ["coverage", "clock_skew"] as const;
export const VERDICT_KINDS = [...BREAK_KINDS, ...FINDING_KINDS] as const;
export const VERDICT_TYPE = "TALLY_VERDICT";
/** The operation of a minute's counts. */
export const SUMMARY = "summary";

export const ATTRIBUTE = {
  callId: "tally.call_id",
  field: "tally.field",
  caller: "tally.caller",
  callee: "tally.callee",
  callerValue: "tally.caller_value",
  calleeValue: "tally.callee_value",
  tolerance: "tally.tolerance",
  credential: "tally.credential_id",
  state: "tally.state",
  halves: "tally.halves",
  halfCount: "tally.half_count",
  part: "tally.part",
  parts: "tally.parts",
  calls: "tally.calls",
  edges: "tally.edges",
} as const;

const MAX_ID_BYTES = 256;
const MAX_VALUE_LENGTH = 1_024;

/** By what all verdicts on a call are found: its call id, or the key made of it where that is too long for an id. */
export function verdictRequest(callId: string, callKey: string): string {
  return Buffer.byteLength(callId) <= MAX_ID_BYTES ? callId : `call:${callKey}`;
}

/** `about` null: the call is paired now and has no break of its own. */
export function verdictRecord(call: JudgedCall, about: Break | null): AuditRecord {
  const kind = about?.kind ?? PAIRED;
  const told = (name: string, value: string | undefined) =>
    value === undefined || value === "" ? {} : { [name]: value.slice(0, MAX_VALUE_LENGTH) };
  return ownVerdict({
    about: [call.call_id, kind, about?.field ?? "", ...call.hashes],
    operation: kind,
    timestampUs: call.due_us,
    requestId: verdictRequest(call.call_id, call.call_key),
    status: about === null ? "success" : "error",
    attempt: call.late === 1 ? call.halves.length : 0,
    attributes: {
      [ATTRIBUTE.callId]: call.call_id,
      [ATTRIBUTE.caller]: call.caller,
      [ATTRIBUTE.callee]: call.callee,
      [ATTRIBUTE.state]: call.state,
      [ATTRIBUTE.halves]: call.halves.map(({ tree, leaf_index: index }) => `${tree}:${index}`).join(" "),
      [ATTRIBUTE.halfCount]: String(call.halves.length),
      ...told(ATTRIBUTE.field, about?.field),
      ...told(ATTRIBUTE.callerValue, about?.caller_value),
      ...told(ATTRIBUTE.calleeValue, about?.callee_value),
      ...told(ATTRIBUTE.tolerance, about?.tolerance),
      ...told(ATTRIBUTE.credential, kind === "replay" ? call.lastCredential : ""),
    },
  });
}

export interface OwnVerdict {
  /** What makes the id: the same said again is the same record. */
  readonly about: readonly string[];
  readonly operation: string;
  readonly timestampUs: number;
  readonly requestId: string | null;
  /** Grows when a call is judged again: what holds is what the last attempt said. */
  readonly attempt?: number;
  readonly status: "success" | "error";
  readonly attributes: Readonly<Record<string, string>>;
}

export function ownVerdict(verdict: OwnVerdict): AuditRecord {
  const text = JSON.stringify(["tallystick verdict", ...verdict.about]);
  const id = uuidv8(createHash("sha256").update(text).digest().subarray(0, 16));
  return ownRecordOf(id, formatTimestamp(verdict.timestampUs), {
    event_type: VERDICT_TYPE,
    request_id: verdict.requestId ?? id,
    attempt: verdict.attempt ?? 0,
    operation: verdict.operation,
    status: verdict.status,
    attributes: verdict.attributes,
  });
}
