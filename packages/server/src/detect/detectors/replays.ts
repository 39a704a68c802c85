/** Nonces and signatures that a second call uses. */
import type { DerivedTable, Deriver } from "../../index/derived-tables.ts";
import type { ReadRange } from "../../index/newest.ts";
import { Params } from "../../search/compile/sql.ts";
import { counted } from "./detector.ts";
import type { Said } from "./detector.ts";
import { MAX_GROUPS, STEP_LIMITS } from "./detector-limits.ts";
import { GROUPED, said } from "./range-groups.ts";
import type { Group } from "./range-groups.ts";
import { RECEIVED_US, within } from "./range-table.ts";

export const NONCE_HOUR_US = 3_600_000_000;

/** Nonces and signatures of the calls of the last day. */
export const NONCES: DerivedTable = {
  name: "detector_nonces",
  columns: "digest String, call_key UInt128, received_us Int64, what LowCardinality(String)",
  engine: `ReplacingMergeTree PARTITION BY intDiv(received_us, ${NONCE_HOUR_US}) ORDER BY (digest, call_key)`,
};

export const HAS_NONCE = "side = 'callee' AND (notEmpty(auth_nonce_digest) OR notEmpty(auth_signature_digest))";

interface ReplayGroup extends Group {
  readonly caller: string;
  readonly callee: string;
  /** '' where the calls name none. */
  readonly credential: string;
  readonly what: string;
  readonly one: string;
  readonly before_us: number;
}

/** The same digest in another call than before; the nonces of the range are remembered when it has been asked. */
export async function replays(deriver: Deriver, range: ReadRange): Promise<readonly Said[]> {
  const params = new Params();
  const both = (columns: string) =>
    `SELECT ${columns}, told.1 AS digest, told.2 AS what FROM (
      SELECT observed_received_at, call_key, arrayJoin([
        tuple(auth_nonce_digest, 'nonce'), tuple(auth_signature_digest, 'signature')]) AS told
      FROM ${range.table} WHERE ${within(range, params)} AND ${HAS_NONCE}
    ) WHERE notEmpty(digest)`;
  await deriver.derive(
    params.statement(
      `INSERT INTO ${NONCES.name} (digest, call_key, received_us, what)
SELECT digest, call_key, min(received_us) AS received_us, any(what) AS what
FROM (${both(`call_key, ${RECEIVED_US} AS received_us`)}) GROUP BY digest, call_key`,
    ),
    STEP_LIMITS,
  );
  const asked = new Params();
  const where = within(range, asked);
  const used = `SELECT digest, call_key, min(received_us) AS received_us, any(what) AS what FROM ${NONCES.name}
    WHERE digest IN (
      SELECT arrayJoin([auth_nonce_digest, auth_signature_digest]) AS one FROM ${range.table}
      WHERE ${where} AND ${HAS_NONCE} AND notEmpty(one)
    ) GROUP BY digest, call_key`;
  const rows = await deriver.select<ReplayGroup>(
    asked.statement(
      `SELECT toString(caller) AS caller, toString(callee) AS callee, credential_id AS credential, any(u.what) AS what,
  any(u.one) AS one, min(u.before_us) AS before_us, ${GROUPED}
FROM (
  SELECT tree, leaf_index, call_id, call_key, caller, callee, credential_id, observed_received_at
  FROM ${range.table} WHERE ${where} AND ${HAS_NONCE}
) AS records INNER JOIN (
  SELECT arrayJoin(arraySlice(keys, 2)) AS call_key, what, before_us, lower(hex(digest)) AS one FROM (
    SELECT digest, any(what) AS what, min(received_us) AS before_us,
      arrayMap(one -> one.2, arraySort(groupArray(tuple(received_us, call_key)))) AS keys
    FROM (${used}) GROUP BY digest HAVING count() > 1
  )
) AS u USING (call_key)
GROUP BY caller, callee, credential ORDER BY n DESC LIMIT ${MAX_GROUPS}`,
    ),
    STEP_LIMITS,
  );
  return rows.map(saidOf);
}

function saidOf(group: ReplayGroup): Said {
  const { caller, callee, credential, what, n } = group;
  const first = new Date(group.before_us / 1_000).toISOString();
  return said(group, {
    detector: "replay",
    // What is blocked is the credential, so it is told by each.
    labels: { caller, callee, ...(credential === "" ? {} : { credential_id: credential }) },
    summary: `${counted(n, "call")} to ${callee} with a ${what} that another call had`,
    expected: `a ${what} is used by one call`,
    seen: `used first at ${first}, and again; both: auth_${what}_digest:"sha256:${group.one}"`,
  });
}
