/** What the judgement of some calls needs to know and is asked for only where one of them makes it a question. */
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import type { Deadlines } from "./deadlines.ts";
import { IS_HALF, receivedBetween } from "./halves.ts";
import type { Knowledge } from "./judge.ts";
import { MAX_CREDENTIALS_SHOWN, MAX_STEP_NAMES } from "./limits.ts";
import { isAddress } from "./rules.ts";
import { EDGE_CREDENTIALS } from "./schema.ts";

export type Ask = <Row>(statement: Statement) => Promise<readonly Row[]>;

/** Where the calls at hand lie: a table or a subquery in parentheses with GROUPED_COLUMNS. */
export type Source = (params: Params) => string;

/** A credential of some lone half: who may be its caller, and when the call came due. */
interface AskedCredential {
  readonly caller: string;
  readonly credential: string;
  readonly due_us: number;
}

interface CredentialRow {
  readonly caller: string;
  readonly credential: string;
  readonly since_us: number;
}

/**
 * Credentials that callers have used, of services that some lone half names as its caller or by its credential, and
 * since when that is known. Whenever it is asked, a time before a call came due means the same: calls that are not
 * settled yet are looked through where those that are do not answer it.
 */
export async function credentialsUsed(ask: Ask, source: Source, deadlines: Deadlines): Promise<Knowledge["usedBy"]> {
  const inner = new Params();
  const asked = await ask<AskedCredential>(
    inner.statement(
      `SELECT arrayJoin(arrayDistinct([toString(d_service_id), d_auth_subject])) AS caller,
  d_credential_id AS credential, min(due_us) AS due_us
FROM ${source(inner)} WHERE callers = 0 AND notEmpty(d_credential_id) AND NOT ${isAddress("caller")}
GROUP BY caller, credential LIMIT ${MAX_STEP_NAMES}`,
    ),
  );
  if (asked.length === 0) return new Map();
  const usedBy = new Map<string, Map<string, number>>();
  const sinceUs = (caller: string, credential: string) => usedBy.get(caller)?.get(credential) ?? Infinity;
  const take = (rows: readonly CredentialRow[]) => {
    for (const { caller, credential, since_us: us } of rows) {
      const used = usedBy.get(caller) ?? new Map<string, number>();
      usedBy.set(caller, used.set(credential, Math.min(us, sinceUs(caller, credential))));
    }
  };
  take(await ask<CredentialRow>(credentialsSettled(asked)));
  const open = asked.filter(({ caller, credential, due_us: dueUs }) => sinceUs(caller, credential) > dueUs);
  if (open.length > 0) take(await ask<CredentialRow>(credentialsAhead(open, deadlines)));
  return usedBy;
}

function askedLists(asked: readonly AskedCredential[], params: Params) {
  const list = (values: readonly string[]) => params.add([...new Set(values)], "Array(String)");
  return { callers: list(asked.map(({ caller }) => caller)), credentials: list(asked.map((one) => one.credential)) };
}

/** Those that are asked for before others of the same caller. */
function credentialsSettled(asked: readonly AskedCredential[]): Statement {
  const params = new Params();
  const { callers, credentials } = askedLists(asked, params);
  return params.statement(
    `SELECT toString(caller) AS caller, credential_id AS credential, min(known_us) AS since_us
FROM ${EDGE_CREDENTIALS.name} WHERE caller IN (${callers}) GROUP BY caller, credential
ORDER BY credential IN (${credentials}) DESC, since_us, credential LIMIT ${MAX_CREDENTIALS_SHOWN} BY caller`,
  );
}

/** By calls of which both halves came before the asked ones were due, and which may be due later themselves. */
function credentialsAhead(asked: readonly AskedCredential[], { longestUs }: Deadlines): Statement {
  const params = new Params();
  const { callers, credentials } = askedLists(asked, params);
  const dueUs = asked.map(({ due_us: us }) => us);
  const received = receivedBetween(Math.min(...dueUs) - longestUs, Math.max(...dueUs), params);
  const by = (column: string, side: "caller" | "callee") => `anyIf(toString(${column}), side = '${side}')`;
  return params.statement(
    `SELECT caller, credential, min(both_us) AS since_us FROM (
  SELECT ${by("service_id", "caller")} AS caller, ${by("service_id", "callee")} AS named,
    ${by("credential_id", "callee")} AS credential, max(toUnixTimestamp64Micro(observed_received_at)) AS both_us
  FROM records PREWHERE call_key IN (
    SELECT call_key FROM records PREWHERE credential_id IN (${credentials}) WHERE ${received} AND side = 'callee'
  )
  WHERE ${received} AND ${IS_HALF} GROUP BY call_key
) WHERE caller IN (${callers}) AND (named = caller OR named = 'unknown' OR startsWith(named, 'address:'))
GROUP BY caller, credential`,
  );
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
