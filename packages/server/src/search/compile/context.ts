import type { CallNames, NamesPeriod } from "../call-names.ts";
import type { QueryNote } from "../language/syntax.ts";
import type { Params } from "./sql.ts";

export interface CompileContext {
  readonly params: Params;
  /** For `now-15m` in the query. */
  readonly nowUs: number;
  readonly notes: QueryNote[];
  readonly names: CallNames;
  /** Of the question: only calls of about then are looked at. */
  readonly period: NamesPeriod;
}
