/**
 * Where what is said of a producer is read from. The numbers of one run are one sequence, also when its records are
 * routed to several logs (`logs[].match`): in each log where a producer is seen, it is judged by all that it sent to
 * any of them, or each log would miss what lies in the others.
 */
import type { Params } from "../search/compile/sql.ts";

/** Logs among which the records of one sender may be parted; empty: every sender writes into one log. */
export type SharedLogs = readonly string[];

/** The log in which a row was derived; `log` is the one for which it is counted. */
export const originOf = (shared: SharedLogs): string => (shared.length === 0 ? "log" : "origin");

/**
 * What follows FROM, up to where more conditions may be added with AND: the rows of the producers for which
 * `predicate`, over log, producer_id and principal, holds.
 */
export function producerRows(predicate: string, shared: SharedLogs, params: Params): string {
  const own = `producers WHERE tree = '' AND ${predicate}`;
  if (shared.length === 0) return own;
  const names = "producer_id, principal";
  const logs = params.add(shared, "Array(String)");
  return (
    "(SELECT asked.log AS log, seen.* EXCEPT (log), seen.log AS origin " +
    `FROM (SELECT * FROM producers WHERE tree = '' AND log IN ${logs}) AS seen ` +
    `INNER JOIN (SELECT DISTINCT log, ${names} FROM ${own} AND log IN ${logs}) AS asked USING (${names}) ` +
    `UNION ALL SELECT log, * EXCEPT (log), log AS origin FROM ${own} AND log NOT IN ${logs}) WHERE 1`
  );
}
