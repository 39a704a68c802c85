/**
 * Forgets what is too old by dropping whole partitions: deleting rows would rewrite parts and hold up every other
 * follower of the engine meanwhile. The tables' partitions are numbers that grow with time.
 */
import type { DerivedTable, Deriver } from "../index/derived-tables.ts";
import { STEP_LIMITS } from "./detectors/detector-limits.ts";

/** Drops partitions of a lower number than `before`, and none of the number 0. */
export async function dropOld(deriver: Deriver, { name }: DerivedTable, before: number): Promise<void> {
  const parts = await deriver.select<{ id: string }>(
    {
      sql: `SELECT DISTINCT partition_id AS id FROM system.parts
WHERE active AND database = currentDatabase() AND table = '${name}'`,
      params: {},
    },
    STEP_LIMITS,
  );
  for (const { id } of parts)
    if (/^[1-9]\d*$/.test(id) && Number(id) < before)
      await deriver.derive({ sql: `ALTER TABLE ${name} DROP PARTITION ID '${id}'`, params: {} }, STEP_LIMITS);
}
