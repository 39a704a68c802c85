import type { QueryNote } from "../language/syntax.ts";
import type { Params } from "./sql.ts";

export interface CompileContext {
  readonly params: Params;
  /** For `now-15m` in the query. */
  readonly nowUs: number;
  readonly notes: QueryNote[];
}
