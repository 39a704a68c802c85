/** What the tally knows of names, as search asks for it. */
import type { CallNames, NameInForce } from "../search/call-names.ts";
import { MAP_CALLER } from "./edges.ts";
import { OWN_SETTINGS } from "./reading.ts";
import { CALLS, STANDING } from "./schema.ts";

const ofEach = (name: string) => `callers < 2 AND callees < 2 AND observers = 0
    AND (callers = 0 OR c_${name}) AND (callees = 0 OR d_${name})`;

/** An unknown caller is one node, as on the map. */
const SETTLED = `SELECT call_key, minute, ${MAP_CALLER} AS caller, toString(calls.callee) AS callee,
  ${ofEach("service_id = calls.caller")} AND state != 'unknown_caller' AS caller_told,
  ${ofEach("target_id = calls.callee")} AS callee_told
FROM ${CALLS.name} AS calls WHERE ${STANDING}${OWN_SETTINGS}`;

/** `ready`: the tally's tables are there. */
export function callNames(ready: boolean, aliases: readonly NameInForce[]): CallNames {
  return { calls: ready ? SETTLED : null, aliases };
}
