/** Which verdicts are in the log already, from before a restart: each is written once. */
import type { AuditRecord } from "@tallystick/record";

import type { Deriver, DeriveLimits } from "../index/derived-tables.ts";
import { Params } from "../search/compile/sql.ts";

export interface Told {
  readonly log: string;
  readonly record: AuditRecord;
}

/** Without those that are in the log already. */
export async function notYetTold(
  deriver: Deriver,
  told: readonly Told[],
  limits: DeriveLimits,
): Promise<readonly Told[]> {
  if (told.length === 0) return told;
  const params = new Params();
  const ids = params.add(
    told.map(({ record }) => record.id),
    "Array(String)",
  );
  const rows = await deriver.select<{ id: string }>(
    params.statement(
      `SELECT toString(id) AS id FROM records WHERE service_id = 'tallystick'
          AND observed_principal = 'tallystick' AND id IN (SELECT toUUID(arrayJoin(${ids})))`,
    ),
    limits,
  );
  const known = new Set(rows.map(({ id }) => id));
  return told.filter(({ record }) => !known.has(record.id));
}

export function groupByLog(told: readonly Told[]): ReadonlyMap<string, readonly AuditRecord[]> {
  const byLog = new Map<string, AuditRecord[]>();
  for (const { log, record } of told) {
    const records = byLog.get(log);
    if (records === undefined) byLog.set(log, [record]);
    else records.push(record);
  }
  return byLog;
}
