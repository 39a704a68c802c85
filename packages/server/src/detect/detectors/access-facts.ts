/** From where and what readers of the log read, and what people taught, out of Tallystick's own records. */
import type { Statement } from "../../index/index-seam.ts";
import type { Networks } from "../../search/compile/networked.ts";
import type { ReadRange } from "../../index/newest.ts";
import { Params } from "../../search/compile/sql.ts";
import { FACTS, RANGE_FACT_COLUMNS, RANGE_FACTS } from "./facts.ts";
import { networkOf, OWN, PLACE, RECEIVED_US, within } from "./range-table.ts";

/** What a record says that somebody expects, with the attributes below. */
export const TEACH_OPERATION = "teach detector";
export const TAUGHT = {
  kind: "tallystick.fact_kind",
  log: "tallystick.fact_log",
  subject: "tallystick.fact_subject",
  value: "tallystick.fact_value",
} as const;

/** A predicate over `records`. */
export const IS_TEACHING = `event_type = 'CONFIG_CHANGE' AND operation = '${TEACH_OPERATION}' AND ${OWN}`;

export function fillReaderFacts(range: ReadRange, networks: Networks): Statement {
  const params = new Params();
  const network = networkOf("client_network", networks, params);
  return params.statement(
    `INSERT INTO ${RANGE_FACTS.name} (${RANGE_FACT_COLUMNS})
SELECT fact.1 AS kind, log, fact.2 AS subject, fact.3 AS value, min(received_us) AS first_us,
  max(received_us) AS last_us, count() AS records, argMin(at, received_us) AS place
FROM (
  SELECT toString(log) AS log, ${RECEIVED_US} AS received_us, ${PLACE} AS at,
    arrayJoin(arrayFilter(one -> notEmpty(one.2) AND notEmpty(one.3), [
      tuple('log', 'since', toString(log)),
      tuple('reader_network', auth_subject, ${network}),
      tuple('reader_operation', if(status = 'denied', '', auth_subject), toString(operation))])) AS fact
  FROM (SELECT *, call_id FROM ${range.table} WHERE ${within(range, params)} AND event_type = 'ACCESS' AND ${OWN})
) GROUP BY kind, log, subject, value`,
  );
}

/** Facts that are expected: they are known from now on, and never news. */
export function keepTaught(range: ReadRange): Statement {
  const params = new Params();
  const told = (name: keyof typeof TAUGHT) => `attributes['${TAUGHT[name]}']`;
  return params.statement(
    `INSERT INTO ${FACTS.name} (kind, log, subject, value, first_us, last_us, through)
SELECT ${told("kind")} AS kind, ${told("log")} AS log, ${told("subject")} AS subject, ${told("value")} AS value,
  ${RECEIVED_US} AS first_us, ${RECEIVED_US} AS last_us, 0 AS through
FROM ${range.table} WHERE ${within(range, params)} AND ${IS_TEACHING}`,
  );
}
