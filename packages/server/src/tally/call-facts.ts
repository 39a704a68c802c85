/** What a broken call keeps of its two halves, from which its breaks are told. */
import type { CallFacts, HalfFacts } from "./rules.ts";

/** Of a half; `hex` where a column holds bytes. */
const COMPARED: readonly (readonly [name: keyof HalfFacts, kind: "text" | "number" | "hex"])[] = [
  ["timestamp", "text"],
  ["status", "text"],
  ["status_code", "text"],
  ["operation", "text"],
  ["duration_us", "number"],
  ["request_size", "number"],
  ["response_size", "number"],
  ["request_digest", "hex"],
  ["response_digest", "hex"],
  ["call_nonce_digest", "hex"],
  ["peer_identity", "text"],
  ["credential_id", "text"],
  ["service_id", "text"],
  ["target_id", "text"],
];

const half = (side: "c" | "d"): string =>
  COMPARED.map(([name, kind]) => (kind === "hex" ? `lower(hex(${side}_${name}))` : `${side}_${name}`)).join(", ");
const TYPE = `Tuple(${COMPARED.map(([name, kind]) => `${name} ${kind === "number" ? "Float64" : "String"}`).join(", ")})`;

/** The column `facts`, over grouped halves. */
export const FACTS = `toJSONString(CAST(((${half("c")}), (${half("d")})), 'Tuple(c ${TYPE}, d ${TYPE})'))`;

/** Columns of `callFacts`. */
export const FACT_COLUMNS = "caller, callers, callees, broken, skew_us, skew_known, facts";

export type FactRow = Omit<CallFacts, "c" | "d"> & { readonly facts: string };

/** Null of a call without breaks. */
export function callFacts({ facts, ...row }: FactRow): CallFacts | null {
  return facts === "" ? null : { ...row, ...(JSON.parse(facts) as Pick<CallFacts, "c" | "d">) };
}
