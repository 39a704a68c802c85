import type { Deadlines } from "./deadlines.ts";
import type { Tolerances } from "./judge.ts";

/** What people decide about the tally. */
export interface TallySettings {
  readonly deadlines: Deadlines;
  readonly tolerances: Tolerances;
  /** Parties that never record: third parties, databases. */
  readonly oneSided: readonly string[];
  readonly aliases: readonly { readonly name: string; readonly service: string }[];
}
