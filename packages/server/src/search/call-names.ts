/**
 * Who stands behind the names that records claim. `caller` and `callee` in a query, and as facets, are the resolved
 * services: as the record's call was settled, else by an alias in force at the record's time, else the record's own
 * name. A leaf never changes; what is resolved lives in the index.
 */
import type { Networks } from "./compile/networked.ts";
import type { TimeAxis } from "./filter.ts";
import type { Params } from "./compile/sql.ts";

export type Party = "caller" | "callee";

/** A name as it was seen, and the service behind it from `fromUs` until before `toUs`; null: always. */
export interface NameInForce {
  readonly name: string;
  readonly service: string;
  readonly fromUs: number | null;
  readonly toUs: number | null;
}

export interface CallNames {
  /**
   * SELECT of settled calls as they stand: call_key, minute, caller, callee. `such` is a condition on these and on
   * caller_told and callee_told, 1 when every record of the call has that name itself. Null while there are none.
   */
  readonly calls: ((such: string) => string) | null;
  /** At most one of a name. */
  readonly aliases: readonly NameInForce[];
  /** What address ranges are called; absent: nothing. */
  readonly networks?: Networks | undefined;
}

export const NO_CALL_NAMES: CallNames = { calls: null, aliases: [] };

/** What a question's period says of the calls that are looked at. */
export interface NamesPeriod {
  readonly axis: TimeAxis;
  readonly fromUs: number | null;
  readonly toUs: number | null;
}

/** A record that came later than this after its call's first one goes by its own name where a period is given. */
const LATEST_US = 86_400_000_000;
const OWN_COLUMNS: Readonly<Record<Party, string>> = { caller: "service_id", callee: "target_id" };

/** The name of a record whose call is not settled. */
export function ownName(party: Party, { aliases }: CallNames, params: Params): string {
  const own = `toString(${OWN_COLUMNS[party]})`;
  if (aliases.length === 0) return own;
  const names = params.add(
    aliases.map(({ name }) => name),
    "Array(String)",
  );
  const services = params.add(
    aliases.map(({ service }) => service),
    "Array(String)",
  );
  const times = (of: (alias: NameInForce) => number) => params.add(aliases.map(of), "Array(Int64)");
  const from = times(({ fromUs }) => fromUs ?? 0);
  const to = times(({ toUs }) => toUs ?? Number.MAX_SAFE_INTEGER);
  const place = `indexOf(${names}, ${own})`;
  const us = `toUnixTimestamp64Micro(timestamp)`;
  const at = (list: string) => `arrayElement(${list}, greatest(${place}, 1))`;
  return `if(${place} > 0 AND ${us} >= ${at(from)} AND ${us} < ${at(to)}, ${at(services)}, ${own})`;
}

/** `FROM …` of settled calls in which a record may go by another name than its own; null: there are none. */
export function renamedCalls(party: Party, names: CallNames, period: NamesPeriod, params: Params): string | null {
  if (names.calls === null) return null;
  const { axis, fromUs, toUs } = period;
  const at = (us: number) => `toDateTime(${params.add(Math.floor(Math.max(0, us) / 1_000_000), "Int64")}, 'UTC')`;
  const aliased = params.add(
    names.aliases.map(({ name }) => name),
    "Array(String)",
  );
  const within = [
    fromUs === null ? [] : [`minute >= ${at(fromUs - LATEST_US)}`],
    toUs === null ? [] : [`minute < ${at(toUs + (axis === "timestamp" ? LATEST_US : 1_000_000))}`],
    names.aliases.length === 0 ? [`${party}_told = 0`] : [`(${party}_told = 0 OR has(${aliased}, ${party}))`],
  ];
  return `FROM (${names.calls(within.flat().join(" AND "))})`;
}
