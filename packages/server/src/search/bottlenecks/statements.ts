/** What is counted over measured calls. Each takes their SELECT and the placeholder of its row limit. */

const example = (by: string) => `argMax(place, (${by}, place)) AS example_place`;

/** Totals over all rows are counted before the limit. */
export function operationsSql(measured: string, limit: string): string {
  return (
    "SELECT service, operation, protocol, count() AS calls, uniqExact(trace) AS traces, " +
    "countIf(failed) AS failed_calls, sum(self) AS self_us, intDiv(sum(self), uniqExact(trace)) AS self_us_per_trace, " +
    "sum(self) / greatest(arraySum(one -> one.2, groupUniqArray((trace, lasted))), 1) AS share, " +
    "toInt64(quantileExact(0.5)(self)) AS p50_self_us, toInt64(quantileExact(0.95)(self)) AS p95_self_us, " +
    `sum(network) AS network_us, ${example("self")}, sum(sum(records)) OVER () AS all_records, sum(countIf(failed)) OVER () AS all_failed ` +
    `FROM (${measured}) GROUP BY service, operation, protocol ` +
    `ORDER BY self_us DESC, service, operation, protocol LIMIT ${limit}`
  );
}

/** Failed calls none of whose own calls failed; of each trace the one that ended first. */
export function failuresSql(measured: string, limit: string): string {
  const first = `SELECT * FROM (${measured}) WHERE failed AND failed_below = 0 ORDER BY ended, place LIMIT 1 BY trace`;
  return (
    `SELECT service, operation, protocol, status, error_type, count() AS traces, ${example("began")}, ` +
    `sum(count()) OVER () AS failed_traces FROM (${first}) ` +
    "GROUP BY service, operation, protocol, status, error_type " +
    `ORDER BY traces DESC, service, operation, protocol, status, error_type LIMIT ${limit}`
  );
}
