/**
 * What a range of newly indexed leaves says, grouped once so that every detector reads a few rows in place of all
 * records: who called whom with which credential from which network. Only producers' records; what Tallystick itself
 * records is asked for by its own kinds. The table holds one range and is emptied before the next.
 */
import type { DerivedTable } from "../../index/derived-tables.ts";
import type { Statement } from "../../index/index-seam.ts";
import type { LeafRange, ReadRange } from "../../index/newest.ts";
import { addressPrefix, networkSql, plainAddress } from "../../search/compile/networked.ts";
import type { Networks } from "../../search/compile/networked.ts";
import { Params } from "../../search/compile/sql.ts";
import { logOf } from "../../search/scope.ts";
import { SHOWN_RECORDS } from "./detector-limits.ts";

/** In the tables of the range without the call's id, which is asked for of what is told (`withCallIds`). */
export const PLACE_TYPE = "Tuple(tree String, leaf_index Int64, call_id String)";
/** Of one record; in the statements of this folder that read `records`. */
export const PLACE = `CAST((toString(tree), leaf_index, call_id), '${PLACE_TYPE}')`;
/** The first records of a group by a time, of which the engine holds no more than are shown. */
export const firstPlaces = (us: string): string =>
  `arrayMap(one -> one.2, groupArraySorted(${SHOWN_RECORDS})((${us}, ${PLACE})))`;
export const RECEIVED_US = "toUnixTimestamp64Micro(observed_received_at)";
export const OWN = "observed_principal = 'tallystick'";
/** Minutes of traffic, as the baselines count it. */
export const TRAFFIC_US = 300_000_000;

const RANGE_COLUMNS =
  "log, side, standing, principal, caller, callee, operation, action, event_type, credential_id, " +
  "token, thumbprint, scopes, sensitive, denied, peer_network, source_network, bucket_us, records, " +
  "errors, timed, log_duration, bytes, first_us, last_us, place";

export const RANGE_TABLE: DerivedTable = {
  name: "detector_range",
  columns: `log LowCardinality(String), side LowCardinality(String), standing LowCardinality(String),
    principal LowCardinality(String), caller String, callee LowCardinality(String), operation LowCardinality(String),
    action LowCardinality(String), event_type LowCardinality(String), credential_id String, token String,
    thumbprint String, scopes Array(String), sensitive UInt8, denied UInt8, peer_network String,
    source_network String, bucket_us Int64, records UInt64, errors UInt64, timed UInt64, log_duration Float64,
    bytes UInt64, first_us Int64, last_us Int64, place ${PLACE_TYPE}`,
  engine: "Memory",
};

/** The records of a range that producers sent. */
export function within({ tree, from, to }: LeafRange, params: Params): string {
  const log = params.text(logOf(tree));
  const range = `leaf_index >= ${params.add(from, "Int64")} AND leaf_index < ${params.add(to, "Int64")}`;
  return `log = ${log} AND tree = ${params.text(tree)} AND ${range}`;
}

const ADDRESSES = {
  peer_network: "peer_address",
  source_network: "observed_source_address",
  client_network: "client_address",
} as const;

/** The network an address lies in: a named one, else its /24 or /48; '' for what is no address. */
export function networkOf(field: keyof typeof ADDRESSES, networks: Networks, params: Params): string {
  const column = ADDRESSES[field];
  const named = networkSql(field, networks, params);
  const prefix = addressPrefix(plainAddress(`toString(${column})`));
  return `multiIf(empty(${column}), '', ${named} != '', ${named}, ${prefix})`;
}

const KEYS = `log, side, observed_standing, observed_principal, caller, callee, operation, action, event_type,
  credential_id, auth_token_id, auth_key_thumbprint, auth_scopes, sensitive, denied, peer_address,
  observed_source_address, bucket_us`;

/** What is read, by name: of all columns the engine would make sense anew in each step, at twice the step's cost. */
const RECORD_COLUMNS = `log, leaf_index, observed_received_at, side, observed_standing,
      observed_principal, caller, callee, operation, action, event_type, credential_id, auth_token_id,
      auth_key_thumbprint, auth_scopes, data_class, data_categories, status, duration_us, request_size,
      response_size, peer_address, observed_source_address`;

/** `operations`: those that are sensitive by configuration, as `callee operation`; * stands for any letters. */
export function fillRange(range: ReadRange, networks: Networks, operations: readonly string[]): Statement {
  const params = new Params();
  const where = within(range, params);
  const declared = operations.map(
    (pattern) => `concat(toString(callee), ' ', toString(operation)) LIKE ${params.text(likeOf(pattern))}`,
  );
  const sensitive = [
    "data_class IN ('confidential', 'restricted')",
    "notEmpty(data_categories)",
    "action IN ('delete', 'revoke')",
    ...declared,
  ].join(" OR ");
  const peer = networkOf("peer_network", networks, params);
  const source = networkOf("source_network", networks, params);
  return params.statement(
    `INSERT INTO ${RANGE_TABLE.name} (${RANGE_COLUMNS})
SELECT log, side, observed_standing, observed_principal, toString(caller), callee, operation, action, event_type,
  credential_id, auth_token_id, auth_key_thumbprint, auth_scopes, sensitive, denied, ${peer} AS peer_net,
  ${source} AS source_net, bucket_us, n, failed, timed, log_duration, bytes, first_us, last_us,
  CAST((${params.text(range.tree)}, first_leaf, ''), '${PLACE_TYPE}') AS place
FROM (
  SELECT ${KEYS}, count() AS n, countIf(status IN ('error', 'timeout')) AS failed, countIf(duration_us >= 0) AS timed,
    sumIf(log2(1 + duration_us), duration_us >= 0) AS log_duration,
    toUInt64(sumIf(request_size, request_size > 0) + sumIf(response_size, response_size > 0)) AS bytes,
    min(received_us) AS first_us, max(received_us) AS last_us, min(leaf_index) AS first_leaf
  FROM (
    SELECT *, ${RECEIVED_US} AS received_us, intDiv(received_us, ${TRAFFIC_US}) * ${TRAFFIC_US} AS bucket_us,
      toUInt8(${sensitive}) AS sensitive, toUInt8(status = 'denied') AS denied
    FROM (SELECT ${RECORD_COLUMNS} FROM ${range.table} WHERE ${where} AND NOT (${OWN}) AND phase != 'intent')
  ) GROUP BY ${KEYS}
)`,
  );
}

function likeOf(pattern: string): string {
  return pattern.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll("*", "%");
}
