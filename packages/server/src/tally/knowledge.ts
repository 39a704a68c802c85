/** What the judgement of some calls needs to know and is asked for only where one of them makes it a question. */
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import type { Knowledge } from "./judge.ts";
import { MAX_CREDENTIALS_SHOWN } from "./limits.ts";
import { EDGE_CREDENTIALS } from "./schema.ts";

export type Ask = <Row>(statement: Statement) => Promise<readonly Row[]>;

/** Where the calls at hand lie: a table or a subquery in parentheses with GROUPED_COLUMNS. */
export type Source = (params: Params) => string;

interface CredentialRow {
  readonly caller: string;
  readonly used: readonly string[];
}

/** Credentials that callers have used, of callers that some lone half names by itself or through its credential. */
export async function credentialsUsed(ask: Ask, source: Source): Promise<Knowledge["usedBy"]> {
  const params = new Params();
  const callers = `SELECT DISTINCT arrayJoin([toString(d_service_id), d_auth_subject]) FROM ${source(params)}
  WHERE callers = 0 AND notEmpty(d_credential_id)`;
  const rows = await ask<CredentialRow>(
    params.statement(
      `SELECT caller, groupUniqArray(${MAX_CREDENTIALS_SHOWN})(credential_id) AS used FROM ${EDGE_CREDENTIALS.name}
WHERE caller IN (${callers}) GROUP BY caller`,
    ),
  );
  return new Map(rows.map(({ caller, used }) => [caller, used]));
}

/** Nonces of lone halves that another call has used, in hexadecimal. */
export async function noncesUsed(ask: Ask, source: Source): Promise<readonly string[]> {
  const params = new Params();
  const lone = `SELECT d_call_nonce_digest FROM ${source(params)} WHERE callers = 0 AND notEmpty(d_call_nonce_digest)`;
  const rows = await ask<{ nonce: string }>(
    params.statement(
      `SELECT lower(hex(call_nonce_digest)) AS nonce FROM records
WHERE side = 'callee' AND call_nonce_digest IN (${lone}) GROUP BY call_nonce_digest HAVING uniqExact(call_key) > 1`,
    ),
  );
  return rows.map(({ nonce }) => nonce);
}
