/** How a call's row is asked for when its breaks are to be told. */
import type { CallFacts, HalfFacts } from "./rules.ts";

const HEX = ["request_digest", "response_digest", "call_nonce_digest"];
const PLAIN = [
  "timestamp",
  "status",
  "status_code",
  "operation",
  "duration_us",
  "request_size",
  "response_size",
  "peer_identity",
  "credential_id",
  "service_id",
  "target_id",
];

const half = (prefix: string) =>
  [
    ...PLAIN.map((name) => `${prefix}_${name}`),
    ...HEX.map((name) => `lower(hex(${prefix}_${name})) AS ${prefix}_${name}_hex`),
  ].join(", ");

/** Columns of `callFacts`. */
export const FACT_COLUMNS = `caller, callers, callees, broken, skew_us, skew_known, ${half("c")}, ${half("d")}`;

export type FactRow = Pick<CallFacts, "caller" | "callers" | "callees" | "broken" | "skew_us" | "skew_known"> &
  Readonly<Record<string, unknown>>;

export function callFacts(row: FactRow): CallFacts {
  return { ...row, c: halfFacts(row, "c"), d: halfFacts(row, "d") };
}

function halfFacts(row: FactRow, prefix: string): HalfFacts {
  const values = [
    ...PLAIN.map((name) => [name, row[`${prefix}_${name}`]]),
    ...HEX.map((name) => [name, row[`${prefix}_${name}_hex`]]),
  ];
  return Object.fromEntries(values);
}
