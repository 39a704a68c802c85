/**
 * What the judgement of some calls needs to know beside their halves: who records, whose clock is off, which
 * credentials a caller has used. Asked for the names at hand, so that it fits into a statement however large the fleet
 * is.
 */
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { edgeName } from "./deadlines.ts";
import type { Knowledge } from "./judge.ts";
import { MAX_CREDENTIALS_SHOWN, REPORTS_DAYS, SKEW_HOURS, SKEW_MIN_CALLS } from "./limits.ts";
import { EDGE_CREDENTIALS, RECORDERS, SKEWS } from "./schema.ts";

export type Ask = <Row>(statement: Statement) => Promise<readonly Row[]>;

export type Known = Pick<
  Knowledge,
  "callers" | "callees" | "recorders" | "skewPairs" | "skewsUs" | "usedBy" | "usedNonces"
>;

export interface Wanted {
  /** Where the calls at hand lie: a table or a subquery in parentheses with GROUPED_COLUMNS. */
  readonly source: (params: Params) => string;
  /** As of when, in microseconds. */
  readonly atUs: number;
  /** Some callee's half alone tells a credential, or its call's nonce. */
  readonly hasLoneCredentials: boolean;
  readonly hasLoneNonces: boolean;
}

const DAY_US = 86_400_000_000;
const MINUTE_US = 60_000_000;

export async function known(ask: Ask, wanted: Wanted): Promise<Known> {
  const { source, atUs, hasLoneCredentials, hasLoneNonces } = wanted;
  const recorders = await ask<RecorderRow>(recordersStatement(source, atUs));
  const skews = await ask<SkewRow>(skewsStatement(source, atUs));
  const credentials = hasLoneCredentials ? await ask<CredentialRow>(credentialsStatement(source)) : [];
  const nonces = hasLoneNonces ? await ask<{ nonce: string }>(noncesStatement(source)) : [];
  const recording = (kind: string) =>
    recorders.filter((row) => row.kinds.includes(kind) || row.kinds.includes("heartbeat")).map(({ name }) => name);
  return {
    callers: recording("caller"),
    callees: recording("callee"),
    recorders: recorders.map(({ name }) => name),
    skewPairs: skews.map(({ caller, callee }) => edgeName(caller, callee)),
    skewsUs: skews.map(({ skew_us: skewUs }) => skewUs),
    usedBy: new Map(credentials.map(({ caller, used }) => [caller, used])),
    usedNonces: nonces.map(({ nonce }) => nonce),
  };
}

interface RecorderRow {
  readonly name: string;
  readonly kinds: readonly string[];
}

/** Services that were heard of lately, with the sides that they record. */
function recordersStatement(source: Wanted["source"], atUs: number): Statement {
  const params = new Params();
  const since = params.add(atUs - REPORTS_DAYS * DAY_US, "Int64");
  const names = `SELECT DISTINCT arrayJoin([toString(c_service_id), toString(c_target_id), toString(d_service_id),
    toString(d_target_id), d_auth_subject]) FROM ${source(params)}`;
  return params.statement(
    `SELECT recorder_id AS name, groupUniqArray(kind) AS kinds FROM ${RECORDERS.name}
WHERE last_us >= ${since} AND recorder_id IN (${names}) GROUP BY recorder_id`,
  );
}

interface SkewRow {
  readonly caller: string;
  readonly callee: string;
  readonly skew_us: number;
}

function skewsStatement(source: Wanted["source"], atUs: number): Statement {
  const params = new Params();
  const since = params.add(Math.floor(atUs / MINUTE_US) * 60 - SKEW_HOURS * 3_600, "Int64");
  return params.statement(
    `SELECT c_recorder_id AS caller, d_recorder_id AS callee,
  toInt64(quantileExactWeighted(0.5)(skew_us, calls)) AS skew_us FROM ${SKEWS.name}
WHERE minute >= toDateTime(${since}, 'UTC')
  AND (c_recorder_id, d_recorder_id) IN (SELECT DISTINCT c_recorder_id, d_recorder_id FROM ${source(params)})
GROUP BY c_recorder_id, d_recorder_id HAVING sum(calls) >= ${SKEW_MIN_CALLS}`,
  );
}

interface CredentialRow {
  readonly caller: string;
  readonly used: readonly string[];
}

/** Of callers that some lone half names by itself or through its credential. */
function credentialsStatement(source: Wanted["source"]): Statement {
  const params = new Params();
  const callers = `SELECT DISTINCT arrayJoin([toString(d_service_id), d_auth_subject]) FROM ${source(params)}
  WHERE callers = 0 AND notEmpty(d_credential_id)`;
  return params.statement(
    `SELECT caller, groupUniqArray(${MAX_CREDENTIALS_SHOWN})(credential_id) AS used FROM ${EDGE_CREDENTIALS.name}
WHERE caller IN (${callers}) GROUP BY caller`,
  );
}

function noncesStatement(source: Wanted["source"]): Statement {
  const params = new Params();
  const lone = `SELECT d_call_nonce_digest FROM ${source(params)} WHERE callers = 0 AND notEmpty(d_call_nonce_digest)`;
  return params.statement(
    `SELECT lower(hex(call_nonce_digest)) AS nonce FROM records
WHERE side = 'callee' AND call_nonce_digest IN (${lone}) GROUP BY call_nonce_digest HAVING uniqExact(call_key) > 1`,
  );
}
