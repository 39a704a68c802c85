/** What the tally knows of names, as search asks for it. */
import type { CallNames, NameInForce } from "../search/call-names.ts";
import { MAP_CALLER } from "./edges.ts";
import { OWN_SETTINGS } from "./reading.ts";
import { CALLS, STANDING } from "./schema.ts";

/** An unknown caller is one node, as on the map. What is asked for is looked at first: few calls are such. */
const settled = (such: string): string =>
  `SELECT call_key, minute, ${MAP_CALLER} AS caller, toString(calls.callee) AS callee
FROM ${CALLS.name} AS calls PREWHERE ${such} WHERE ${STANDING}${OWN_SETTINGS}`;

/** `ready`: the tally's tables are there. */
export function callNames(ready: boolean, aliases: readonly NameInForce[]): CallNames {
  return { calls: ready ? settled : null, aliases };
}
