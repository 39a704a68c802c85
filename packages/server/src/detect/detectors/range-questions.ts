/**
 * What a range says by itself, whatever was learned: verdicts of the tally, names taken, credentials used after their
 * end, nonces used twice, reads that were denied. Each question answers with a few groups.
 */
import { REVOKED_USE } from "../../access/incidents.ts";
import type { Deriver } from "../../index/derived-tables.ts";
import type { Statement } from "../../index/index-seam.ts";
import { OWN_PRINCIPAL } from "../../journal/own-records.ts";
import type { LeafRange, ReadRange, RecordsTableName } from "../../index/newest.ts";
import { Params } from "../../search/compile/sql.ts";
import type { Finding, Level } from "../finding.ts";
import { IS_TEACHING } from "./access-facts.ts";
import { counted, findingOf } from "./detector.ts";
import type { Said } from "./detector.ts";
import {
  CLOCK_TOLERANCE_US,
  DENIED_LEAVES,
  DENIED_READS,
  DENIED_WINDOW_US,
  MAX_GROUPS,
  STEP_LIMITS,
} from "./detector-limits.ts";
import { GROUPED, said } from "./range-groups.ts";
import type { Group } from "./range-groups.ts";
import { firstPlaces, OWN, RECEIVED_US, within } from "./range-table.ts";
import { HAS_NONCE, replays } from "./replays.ts";
import { IS_REVOCATION, revokedUses } from "./revoked-uses.ts";
import type { Revoked } from "./revoked-uses.ts";

/** What there is is counted before; `revoked`: what was revoked up to here, this range's revocations included. */
export async function rangeFindings(
  deriver: Deriver,
  range: ReadRange,
  { counts, revoked }: { readonly counts: RangeCounts; readonly revoked: Revoked },
): Promise<readonly Finding[]> {
  const ask = <Row>(statement: Statement) => deriver.select<Row>(statement, STEP_LIMITS);
  const found: Said[] = [];
  if (counts.verdicts > 0) found.push(...(await ask<VerdictGroup>(verdicts(range))).flatMap(verdictSaid));
  if (counts.claims > 0) found.push(...(await ask<ClaimGroup>(claims(range))).map(claimSaid));
  if (counts.revoked_uses > 0) found.push(...(await ask<RevokedUseGroup>(usesRefused(range))).map(useRefusedSaid));
  if (counts.denied_reads > 0) found.push(...(await ask<DeniedGroup>(deniedReads(range))).map(deniedSaid));
  if (counts.expiring > 0) found.push(...(await ask<ExpiredGroup>(expired(range))).map(expiredSaid));
  if (counts.nonces > 0) found.push(...(await replays(deriver, range)));
  found.push(...(await revokedUses(deriver, range, { revoked, namesIssuers: counts.issued > 0 })));
  return found.map(findingOf);
}

export interface RangeCounts {
  /** Records that producers sent. */
  readonly sent: number;
  readonly revocations: number;
  readonly teachings: number;
  /** Reads of the log. */
  readonly reads: number;
  readonly verdicts: number;
  readonly claims: number;
  readonly revoked_uses: number;
  readonly denied_reads: number;
  readonly expiring: number;
  readonly nonces: number;
  /** Records that name a token and who issued it. */
  readonly issued: number;
}

const IS_VERDICT = `event_type = 'TALLY_VERDICT' AND ${OWN} AND status = 'error' AND operation != 'summary'`;
const IS_CLAIM = `event_type = 'ALERT' AND operation = 'impersonation' AND ${OWN}`;
const IS_REVOKED_USE = `event_type = 'ALERT' AND operation = '${REVOKED_USE}' AND ${OWN}`;
const IS_DENIED_READ = `event_type = 'ACCESS' AND ${OWN} AND status = 'denied'`;
/** An accepted call: what was denied because it was expired is as it should be. */
const IS_EXPIRED = `side = 'callee' AND status = 'success' AND toUnixTimestamp64Micro(auth_expires_at) >= 0
  AND toUnixTimestamp64Micro(auth_expires_at) + ${CLOCK_TOLERANCE_US} < toUnixTimestamp64Micro(timestamp)`;

type CountName = keyof RangeCounts;

const COUNTED: Readonly<Record<CountName, string>> = {
  sent: `NOT (${OWN}) AND phase != 'intent'`,
  revocations: IS_REVOCATION,
  teachings: IS_TEACHING,
  reads: `event_type = 'ACCESS' AND ${OWN}`,
  verdicts: IS_VERDICT,
  claims: IS_CLAIM,
  revoked_uses: IS_REVOKED_USE,
  denied_reads: IS_DENIED_READ,
  expiring: IS_EXPIRED,
  nonces: HAS_NONCE,
  issued: "notEmpty(auth_issuer) AND notEmpty(auth_token_id)",
};

/** By tree, of a range each: so that what is not there costs no statement. A tree without records is left out. */
export async function countRanges(
  deriver: Deriver,
  ranges: readonly LeafRange[],
  table: RecordsTableName,
): Promise<ReadonlyMap<string, RangeCounts>> {
  const params = new Params();
  const counts = Object.entries(COUNTED).map(([name, holds]) => `countIf(${holds}) AS ${name}`);
  const where = ranges.map((range) => `(${within(range, params)})`).join(" OR ");
  const rows = await deriver.select<RangeCounts & { readonly tree: string }>(
    params.statement(
      `SELECT toString(tree) AS tree, ${counts.join(",\n  ")}\nFROM ${table} WHERE ${where} GROUP BY tree`,
    ),
    STEP_LIMITS,
  );
  return new Map(rows.map((row) => [row.tree, row]));
}

interface VerdictGroup extends Group {
  readonly credential: string;
  readonly kind: string;
  readonly caller: string;
  readonly callee: string;
  readonly field: string;
  readonly caller_value: string;
  readonly callee_value: string;
  readonly tolerance: string;
}

function verdicts(range: ReadRange): Statement {
  const params = new Params();
  const attribute = (name: string) => `attributes['tally.${name}']`;
  // Named within, where a name that a column has too cannot mean the column. A break began when it fell due, however
  // late the tally came to say so.
  return params.statement(
    `SELECT kind, caller, callee, field, credential,
  any(caller_says) AS caller_value, any(callee_says) AS callee_value,
  any(within_what) AS tolerance, count() AS n, min(toUnixTimestamp64Micro(timestamp)) AS first_us,
  max(${RECEIVED_US}) AS last_us, ${firstPlaces("toUnixTimestamp64Micro(timestamp)")} AS places
FROM (
  SELECT toString(operation) AS kind, ${attribute("caller")} AS caller, ${attribute("callee")} AS callee,
    ${attribute("field")} AS field, ${attribute("caller_value")} AS caller_says,
    ${attribute("callee_value")} AS callee_says, ${attribute("tolerance")} AS within_what,
    ${attribute("call_id")} AS call_id, ${attribute("credential_id")} AS credential, tree, leaf_index, timestamp, observed_received_at
  FROM ${range.table} WHERE ${within(range, params)} AND service_id = '${OWN_PRINCIPAL}' AND ${IS_VERDICT}
) GROUP BY kind, caller, callee, field, credential ORDER BY n DESC LIMIT ${MAX_GROUPS}`,
  );
}

const VERDICT_DETECTORS: Readonly<Record<string, { readonly detector: string; readonly level?: Level }>> = {
  unpaired_callee: { detector: "callee-only" },
  unpaired_caller: { detector: "caller-only" },
  replay: { detector: "replay" },
  discrepancy_identity: { detector: "discrepancy", level: "high" },
  discrepancy_request_digest: { detector: "discrepancy", level: "high" },
  discrepancy_response_digest: { detector: "discrepancy", level: "high" },
  discrepancy_size: { detector: "discrepancy" },
  discrepancy_status: { detector: "discrepancy" },
  discrepancy_operation: { detector: "discrepancy" },
  discrepancy_time: { detector: "discrepancy", level: "low" },
  late_success: { detector: "discrepancy", level: "low" },
  clock_skew: { detector: "clock-skew" },
  coverage: { detector: "coverage" },
};

const OF_THE_CONTENT = {
  silence: "Let both ends record the same, or make the proxy between them record its own span.",
} as const;
/** What one does about a kind of break where it is not what one does about the others of its detector. */
const ADVICE: Readonly<Record<string, Pick<Said, "check" | "silence">>> = {
  replay: {
    check:
      "Open the call: its caller sent it once. Does the callee run requests twice, or does somebody send them again?",
    silence: "Let each attempt of a retry say which it is (`attempt`), and the callee run a request once.",
  },
  discrepancy_identity: {
    check: "Was the caller ever given what the callee saw? If not, somebody else calls under its name.",
    silence: "Let the caller record the credential that it uses (`credential_id`), and both ends the same identity.",
  },
  discrepancy_request_digest: OF_THE_CONTENT,
  discrepancy_response_digest: OF_THE_CONTENT,
  discrepancy_status: OF_THE_CONTENT,
  discrepancy_operation: OF_THE_CONTENT,
};

function verdictSaid(group: VerdictGroup): readonly Said[] {
  const as = VERDICT_DETECTORS[group.kind];
  if (as === undefined) return [];
  const { caller, callee, field, kind, credential } = group;
  const labels = {
    caller,
    callee,
    ...(as.detector === "discrepancy" ? { kind, field } : {}),
    ...(credential === "" ? {} : { credential_id: credential }),
  };
  const calls = `${counted(group.n, "call")} of ${caller} to ${callee}`;
  const summaries: Readonly<Record<string, string>> = {
    unpaired_callee: `${calls} that ${caller} does not record`,
    unpaired_caller: `${calls} that ${callee} does not record`,
    clock_skew: `The clocks of ${caller} and ${callee} are far apart`,
    coverage: `${caller} and ${callee} record far fewer calls together than they used to`,
    replay: `${calls} that ${callee} executed more often than they were sent`,
  };
  return [
    said(group, {
      ...as,
      ...ADVICE[kind],
      labels,
      summary: summaries[kind] ?? `${calls}: ${field} differs`,
      ...comparedOf(group),
    }),
  ];
}

/** What both ends should have said, and what each did. */
function comparedOf(group: VerdictGroup): Pick<Said, "expected" | "seen"> {
  const { kind, caller, callee, field } = group;
  const tolerance = inWords(group.tolerance);
  if (kind === "clock_skew") {
    const isBehind = group.callee_value.startsWith("-");
    const skew = inWords(group.callee_value.replace(/^-/, ""));
    return {
      expected: `clocks that are at most ${tolerance} apart`,
      seen: `${callee}'s clock is ${isBehind ? "behind" : "ahead of"} ${caller}'s by ${skew}`,
    };
  }
  const allowed =
    kind === "discrepancy_time" ? `the callee within the caller's time, give or take ${tolerance}` : tolerance;
  return {
    expected:
      tolerance === ""
        ? "both ends record the call"
        : tolerance === "equal"
          ? `the same ${field} at both ends`
          : allowed,
    seen: `${caller} (caller): ${group.caller_value || "-"}; ${callee} (callee): ${group.callee_value || "-"}`,
  };
}

/** Microseconds as people read them. */
const inWords = (text: string): string =>
  text.replaceAll(/(\d+) us\b/g, (_, us: string) =>
    Number(us) >= 1_000_000
      ? `${Number((Number(us) / 1_000_000).toFixed(1))} s`
      : `${Number((Number(us) / 1_000).toFixed(1))} ms`,
  );

interface ClaimGroup extends Group {
  readonly principal: string;
  readonly about: string;
  readonly answer: string;
  readonly address: string;
}

function claims(range: ReadRange): Statement {
  const params = new Params();
  return params.statement(
    `SELECT auth_subject AS principal, replaceOne(resource, 'service/', '') AS about, any(peer_address) AS address,
  any(attributes['tallystick.answer']) AS answer, toUInt64(sum(toUInt64OrZero(attributes['tallystick.count']))) AS n,
  min(${RECEIVED_US}) AS first_us, max(${RECEIVED_US}) AS last_us, ${firstPlaces(RECEIVED_US)} AS places
FROM (SELECT *, call_id FROM ${range.table} WHERE ${within(range, params)} AND ${IS_CLAIM})
GROUP BY principal, about ORDER BY n DESC LIMIT ${MAX_GROUPS}`,
  );
}

const claimSaid = (group: ClaimGroup): Said =>
  said(group, {
    detector: "claim-against-principal",
    labels: { principal: group.principal, service: group.about },
    summary: `${group.principal} sent records as ${group.about}`,
    expected: `records of ${group.about} from a sender that may speak for it`,
    seen: `${counted(group.n, "record")}, ${group.answer}, from ${group.address || "an unknown address"}`,
  });

interface RevokedUseGroup extends Group {
  readonly principal: string;
  readonly credential: string;
  readonly address: string;
}

/** Of keys and tokens that were shown to Tallystick itself, which counted and refused them. */
function usesRefused(range: ReadRange): Statement {
  const params = new Params();
  return params.statement(
    `SELECT auth_subject AS principal, replaceOne(resource, 'credential/', '') AS credential,
  any(peer_address) AS address, toUInt64(sum(toUInt64OrZero(attributes['tallystick.count']))) AS n,
  min(${RECEIVED_US}) AS first_us, max(${RECEIVED_US}) AS last_us, ${firstPlaces(RECEIVED_US)} AS places
FROM (SELECT *, call_id FROM ${range.table} WHERE ${within(range, params)} AND ${IS_REVOKED_USE})
GROUP BY principal, credential ORDER BY n DESC LIMIT ${MAX_GROUPS}`,
  );
}

const useRefusedSaid = (group: RevokedUseGroup): Said =>
  said(group, {
    detector: "use-after-revocation",
    level: "medium",
    labels: { principal: group.principal, credential_id: group.credential },
    summary: `${group.principal} still uses a credential that was revoked here`,
    expected: `nobody uses ${group.credential} after its revocation`,
    seen: `${counted(group.n, "request")} to this server, all refused, from ${group.address || "an unknown address"}`,
  });

interface DeniedGroup extends Group {
  readonly reader: string;
  readonly operations: readonly string[];
}

/** Of readers who were denied in the range, what they were denied in the minutes before it too: who asks slowly asks. */
function deniedReads(range: LeafRange): Statement {
  const params = new Params();
  const here = `${within(range, params)} AND ${IS_DENIED_READ}`;
  const around = within({ ...range, from: Math.max(0, range.from - DENIED_LEAVES) }, params);
  return params.statement(
    `SELECT auth_subject AS reader, groupUniqArray(5)(toString(operation)) AS operations, ${GROUPED}
FROM (
  SELECT *, call_id FROM records WHERE ${around} AND ${IS_DENIED_READ}
    AND auth_subject IN (SELECT auth_subject FROM records WHERE ${here})
    AND ${RECEIVED_US} > (SELECT max(${RECEIVED_US}) FROM records WHERE ${here}) - ${DENIED_WINDOW_US}
) GROUP BY reader HAVING n >= ${DENIED_READS} ORDER BY n DESC LIMIT ${MAX_GROUPS}`,
  );
}

const deniedSaid = (group: DeniedGroup): Said =>
  said(group, {
    detector: "log-access-denied",
    labels: { reader: group.reader },
    summary: `${group.reader} was denied ${group.n} times within ${DENIED_WINDOW_US / 60_000_000} minutes`,
    expected: "readers ask for what they may read",
    seen: group.operations.join(", "),
  });

interface ExpiredGroup extends Group {
  readonly caller: string;
  readonly callee: string;
  readonly credential: string;
  readonly late_us: number;
}

function expired(range: ReadRange): Statement {
  const params = new Params();
  return params.statement(
    `SELECT toString(caller) AS caller, toString(callee) AS callee, credential_id AS credential,
  max(toUnixTimestamp64Micro(timestamp) - toUnixTimestamp64Micro(auth_expires_at)) AS late_us, ${GROUPED}
FROM (SELECT *, call_id FROM ${range.table} WHERE ${within(range, params)} AND ${IS_EXPIRED} AND NOT (${OWN}))
GROUP BY caller, callee, credential ORDER BY n DESC LIMIT ${MAX_GROUPS}`,
  );
}

const expiredSaid = (group: ExpiredGroup): Said =>
  said(group, {
    detector: "use-after-expiry",
    labels: { caller: group.caller, callee: group.callee, credential_id: group.credential },
    summary: `${group.callee} accepts an expired credential of ${group.caller}`,
    expected: "refused after its expiry",
    seen: `accepted up to ${Math.round(group.late_us / 1_000_000)} s after`,
  });
