/** What is counted over the sampled `spans` and `calls` (sample.ts). Each takes the placeholder of its row limit. */

/** A consumer is not waited for, so its time is none of its publisher's. */
const BELOW =
  "SELECT trace, parent, groupArray(main_began) AS begins, groupArray(main_began + greatest(main_took, 0)) AS ends " +
  "FROM calls WHERE NOT is_detached AND notEmpty(parent) GROUP BY trace, parent";

const clipped = (array: string) => `arrayMap(us -> least(greatest(us, base_began), base_began + base_took), ${array})`;

/** Duration without the union of the intervals of the calls below, as far as they lie within. */
const SELF =
  "SELECT calls.*, base_took - toInt64(arrayReduce('intervalLengthSum', " +
  `${clipped("below.begins")}, ${clipped("below.ends")})) AS self ` +
  `FROM calls LEFT JOIN (${BELOW}) AS below ON below.trace = calls.trace AND below.parent = calls.base_span ` +
  "WHERE base_took >= 0";

/** A trace lasts as long as its longest call. */
const LASTING = "SELECT trace, max(took) AS lasted FROM spans GROUP BY trace";

const place = (pick: string, by: string) =>
  `${pick}((lower(hex(timed.trace)), call_at, tree_at, leaf_at), ${by}) AS example_place`;

export function operationsSql(limit: string): string {
  return (
    "SELECT at_service AS service, at_operation AS operation, at_protocol AS protocol, count() AS calls, " +
    "uniqExact(timed.trace) AS traces, countIf(failed) AS failed_calls, sum(self) AS self_us, " +
    "intDiv(sum(self), uniqExact(timed.trace)) AS self_us_per_trace, " +
    "sum(self) / greatest(arraySum(one -> one.2, groupUniqArray((timed.trace, lasted))), 1) AS share, " +
    "toInt64(quantileExact(0.5)(self)) AS p50_self_us, toInt64(quantileExact(0.95)(self)) AS p95_self_us, " +
    `sum(network) AS network_us, ${place("argMax", "(self, call_at)")} ` +
    `FROM (${SELF}) AS timed INNER JOIN (${LASTING}) AS traces_lasted ON traces_lasted.trace = timed.trace ` +
    `GROUP BY service, operation, protocol ORDER BY self_us DESC, service, operation, protocol LIMIT ${limit}`
  );
}

/** Failed calls none of whose own calls failed; of each trace the one that ended first. */
export function failuresSql(limit: string): string {
  const explained = "SELECT trace, parent FROM calls WHERE failed AND NOT is_detached AND notEmpty(parent)";
  const deepest =
    `SELECT * FROM calls WHERE failed AND (trace, base_span) NOT IN (${explained}) ` +
    `AND (trace, caller_span) NOT IN (${explained})`;
  return (
    "SELECT at_service AS service, at_operation AS operation, at_protocol AS protocol, main_ended AS status, " +
    `main_error AS error_type, count() AS traces, ${place("argMax", "(main_began, call_at)")} ` +
    `FROM (SELECT * FROM (${deepest}) ORDER BY main_began + greatest(main_took, 0), call_at LIMIT 1 BY trace) AS timed ` +
    `GROUP BY service, operation, protocol, status, error_type ORDER BY traces DESC, service, operation LIMIT ${limit}`
  );
}

export function totalsSql(limit: string): string {
  return (
    "SELECT (SELECT count() FROM spans) AS records, uniqExactIf(trace, failed) AS failed_traces " +
    `FROM calls LIMIT ${limit}`
  );
}
