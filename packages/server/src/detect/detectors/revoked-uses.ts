/**
 * Uses of what was revoked: of an id that records show (`credential_id`, `auth_token_id`), whoever issued it; of a
 * token of an issuer; of tokens of a subject or of all of an issuer that were issued before a time. Records do not say
 * when a token was issued: one that was seen before that time was, and of others nothing is said.
 *
 * A use counts when the call was made, and not merely told of, after the revocation: late records of earlier calls do
 * not.
 */
import { REVOKED_BEFORE, REVOKED_ISS, REVOKED_JTI, REVOKED_SUBJECT } from "../../control/revocation.ts";
import type { Deriver } from "../../index/derived-tables.ts";
import type { Statement } from "../../index/index-seam.ts";
import type { ReadRange, RecordsTableName } from "../../index/newest.ts";
import { Params } from "../../search/compile/sql.ts";
import { counted, recordOf } from "./detector.ts";
import type { Place, Said } from "./detector.ts";
import { MAX_GROUPS, REVOCATION_TOLERANCE_US, SHOWN_RECORDS, STEP_LIMITS } from "./detector-limits.ts";
import { FACTS } from "./facts.ts";
import { OWN, PLACE, RANGE_TABLE, RECEIVED_US, within } from "./range-table.ts";

/** Facts: subject an id, an issuer (`iss`), an issuer; value who revoked it, the token's id, a time and a subject. */
const KINDS = { id: "revoked", token: "revoked_token", issued: "revoked_issued" } as const;

const attribute = (name: string) => `attributes['${name}']`;
const BEFORE_US = `toUnixTimestamp64Micro(parseDateTime64BestEffortOrZero(${attribute(REVOKED_BEFORE)}, 6, 'UTC'))`;

const IS_REVOKED_ID = "event_type = 'AUTH' AND action = 'revoke' AND status = 'success'";
const IS_REVOKED_TOKEN = `event_type = 'CONFIG_CHANGE' AND action = 'revoke' AND ${OWN}`;
/** A predicate over `records`. */
export const IS_REVOCATION = `((${IS_REVOKED_ID}) OR (${IS_REVOKED_TOKEN}))`;

/** Facts of what AUTH records with the action revoke name, and of what was revoked at this server. */
export function keepRevocations(range: ReadRange): Statement {
  const params = new Params();
  const where = within(range, params);
  return params.statement(
    `INSERT INTO ${FACTS.name} (kind, log, subject, value, first_us, last_us, through)
SELECT told.1 AS kind, '' AS log, told.2 AS subject, told.3 AS value, min(us) AS first_us, max(us) AS last_us,
  0 AS through
FROM (
  SELECT ${RECEIVED_US} AS us, arrayJoin([
    ('${KINDS.id}', credential_id, toString(observed_principal)),
    ('${KINDS.id}', auth_token_id, toString(observed_principal))]) AS told
  FROM ${range.table} WHERE ${where} AND ${IS_REVOKED_ID}
  UNION ALL
  SELECT ${RECEIVED_US} AS us, if(notEmpty(${attribute(REVOKED_JTI)}),
    ('${KINDS.token}', ${attribute(REVOKED_ISS)}, ${attribute(REVOKED_JTI)}),
    ('${KINDS.issued}', ${attribute(REVOKED_ISS)}, concat(toString(${BEFORE_US}), ' ', ${attribute(REVOKED_SUBJECT)}))
  ) AS told
  FROM ${range.table} WHERE ${where} AND ${IS_REVOKED_TOKEN}
) WHERE notEmpty(subject) GROUP BY kind, log, subject, value`,
  );
}

/** How much was revoked: where there is nothing, no range is asked. */
export interface Revoked {
  readonly ids: number;
  readonly issuers: number;
}

export async function countRevoked(deriver: Deriver): Promise<Revoked> {
  const sql = `SELECT countIf(kind = '${KINDS.id}') AS ids, countIf(kind != '${KINDS.id}') AS issuers
FROM ${FACTS.name} WHERE kind IN ('${KINDS.id}', '${KINDS.token}', '${KINDS.issued}')`;
  const [revoked] = await deriver.select<Revoked>({ sql, params: {} }, STEP_LIMITS);
  return revoked!;
}

/** How many revoked ids the range shows; most show none, and are asked no more. */
const IDS_SHOWN: Statement = {
  sql: `SELECT count() AS ids FROM ${FACTS.name} WHERE kind = '${KINDS.id}' AND log = ''
    AND subject IN (SELECT arrayJoin([credential_id, token]) FROM ${RANGE_TABLE.name})`,
  params: {},
};

interface Use {
  readonly caller: string;
  readonly callee: string;
  readonly subject: string;
  readonly said_of: string;
  readonly revoked_us: number;
  readonly accepted: number;
  readonly n: number;
  readonly first_us: number;
  readonly last_us: number;
  readonly places: readonly Place[];
}

/** `namesIssuers`: some records of the range name an issuer. */
export async function revokedUses(
  deriver: Deriver,
  range: ReadRange,
  { revoked, namesIssuers }: { readonly revoked: Revoked; readonly namesIssuers: boolean },
): Promise<readonly Said[]> {
  const ask = <Row>(statement: Statement) => deriver.select<Row>(statement, STEP_LIMITS);
  const shown = revoked.ids > 0 ? (await ask<{ readonly ids: number }>(IDS_SHOWN))[0]!.ids : 0;
  const byId = shown > 0 ? await ask<Use>(usesOfIds(range)) : [];
  const byIssuer = revoked.issuers > 0 && namesIssuers ? await ask<Use>(usesByIssuer(range)) : [];
  return [...byId, ...byIssuer].map(saidOf);
}

/** When the call was made; a clock that is ahead makes it no later than it was told of. */
const MADE_US = `least(${RECEIVED_US}, toUnixTimestamp64Micro(timestamp))`;

const uses = (table: RecordsTableName, columns: string, where: string) =>
  `SELECT toString(caller) AS caller, toString(callee) AS callee, status = 'denied' AS denied, ${columns},
    ${RECEIVED_US} AS received_us, ${MADE_US} AS made_us, ${PLACE} AS place
  FROM (SELECT *, call_id FROM ${table} WHERE ${where} AND NOT (${OWN}) AND phase != 'intent'
    AND NOT (event_type = 'AUTH' AND action = 'revoke'))`;

/** What two revocations cover is one use. */
const GROUPED = `uniqExact(place) AS n, uniqExactIf(place, NOT denied) AS accepted, min(received_us) AS first_us,
  max(received_us) AS last_us, arraySlice(arrayDistinct(arrayMap(one -> one.2,
    groupArraySorted(${4 * SHOWN_RECORDS})((received_us, place)))), 1, ${SHOWN_RECORDS}) AS places`;

function usesOfIds(range: ReadRange): Statement {
  const params = new Params();
  const where = within(range, params);
  const ids = `SELECT arrayJoin([credential_id, token]) FROM ${RANGE_TABLE.name}`;
  return params.statement(
    `SELECT caller, callee, subject, any(concat('when ', by, ' revoked it')) AS said_of, revoked_us, ${GROUPED}
FROM (${uses(range.table, "arrayJoin([credential_id, auth_token_id]) AS subject", where)}) AS u INNER JOIN (
  SELECT subject, min(first_us) AS revoked_us, argMin(value, first_us) AS by FROM ${FACTS.name}
  WHERE kind = '${KINDS.id}' AND log = '' AND subject IN (${ids}) GROUP BY subject
) AS r USING (subject)
WHERE notEmpty(subject) AND made_us > revoked_us + ${REVOCATION_TOLERANCE_US}
GROUP BY caller, callee, subject, revoked_us ORDER BY n DESC LIMIT ${MAX_GROUPS}`,
  );
}

function usesByIssuer(range: ReadRange): Statement {
  const params = new Params();
  const where = `${within(range, params)} AND notEmpty(auth_token_id)`;
  const tokens = `SELECT seen, min(us) AS seen_us FROM (
    SELECT token AS seen, first_us AS us FROM ${RANGE_TABLE.name} WHERE notEmpty(token)
    UNION ALL SELECT subject AS seen, first_us AS us FROM ${FACTS.name}
    WHERE kind IN ('token_caller', 'token_network') AND subject IN (SELECT token FROM ${RANGE_TABLE.name})
  ) GROUP BY seen`;
  const space = "position(what, ' ')";
  const revoked = `SELECT kind, subject AS iss, value AS what, min(first_us) AS since_us,
    substring(what, ${space} + 1) AS whose, toInt64OrZero(substring(what, 1, ${space} - 1)) AS before_us
  FROM ${FACTS.name} WHERE kind IN ('${KINDS.token}', '${KINDS.issued}') GROUP BY kind, iss, what`;
  const isToken = `kind = '${KINDS.token}' AND token = what`;
  const isIssued = `kind = '${KINDS.issued}' AND whose IN ('', who) AND seen_us < before_us`;
  return params.statement(
    `SELECT caller, callee, token AS subject, any(if(kind = '${KINDS.token}', 'when it was revoked',
  concat('when all tokens of ', if(empty(whose), iss, whose), ' that were older were revoked'))) AS said_of,
  min(since_us) AS revoked_us, ${GROUPED}
FROM (${uses(range.table, "auth_token_id AS token, auth_subject AS who, toString(auth_issuer) AS issuer", where)}) AS u
INNER JOIN (${revoked}) AS r ON u.issuer = r.iss
LEFT JOIN (${tokens}) AS t ON t.seen = u.token
WHERE made_us > since_us + ${REVOCATION_TOLERANCE_US} AND ((${isToken}) OR (${isIssued}))
GROUP BY caller, callee, subject ORDER BY n DESC LIMIT ${MAX_GROUPS}`,
  );
}

function saidOf({ caller, callee, subject, said_of: how, revoked_us: us, accepted, n, ...group }: Use): Said {
  const at = new Date(us / 1_000).toISOString();
  return {
    detector: "use-after-revocation",
    level: accepted > 0 ? "critical" : "medium",
    labels: { caller, callee, credential_id: subject },
    startsAtUs: group.first_us,
    seenAtUs: group.last_us,
    summary: `${caller} uses the revoked credential ${subject} at ${callee}`,
    expected: `no use after ${at}, ${how}`,
    seen: `${counted(n, "record")} of its use, of which ${accepted} say accepted`,
    records: group.places.map(recordOf),
    count: n,
  };
}
