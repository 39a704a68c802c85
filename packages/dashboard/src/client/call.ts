import type { StoredRecord } from "@tallystick/record";

/** The answer of /api/calls: both halves of a call, and what the tally says of them. */
export interface Call {
  readonly call_id: string;
  readonly caller: string;
  readonly callee: string;
  readonly state: string;
  readonly reason: string | null;
  readonly due: string;
  readonly settled: boolean;
  readonly breaks: readonly CallBreak[];
  readonly halves: Readonly<Record<"caller" | "callee" | "observer", readonly StoredRecord[]>>;
  readonly verdicts: readonly StoredRecord[];
  readonly partial: boolean;
}

export interface CallBreak {
  readonly kind: string;
  readonly field: string;
  readonly caller_value: string;
  readonly callee_value: string;
  readonly tolerance: string;
}

/** The address of a call; what its id holds must not become a part of the path. */
export function callPath(id: string): string {
  return `/api/calls/${id.split("/").map(encodeURIComponent).join("/")}`;
}
