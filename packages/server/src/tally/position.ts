/** How far the tally has come: every call due before `settledUs` is settled. Kept in a table of its own. */
import type { Deriver } from "../index/derived-tables.ts";
import { Params } from "../search/compile/sql.ts";
import { STEP_LIMITS } from "./limits.ts";
import { CALLS, STEPS, SUPERSEDED, TALLY_TABLES, UNDER_WAY } from "./schema.ts";

export interface Position {
  readonly step: number;
  readonly settledUs: number;
}

/** Makes the tables be there and removes what a step that was broken off left; gives where to go on. */
export async function recoverPosition(deriver: Deriver): Promise<Position> {
  await deriver.prepare(TALLY_TABLES);
  for (const table of UNDER_WAY) await deriver.empty(table);
  const [row] = await deriver.select<{ step: number; settled_us: number }>(
    { sql: `SELECT step, settled_us FROM ${STEPS.name} ORDER BY step DESC LIMIT 1`, params: {} },
    STEP_LIMITS,
  );
  const position = { step: row?.step ?? 0, settledUs: row?.settled_us ?? 0 };
  for (const [table, column] of [
    [CALLS, "step"],
    [SUPERSEDED, "by_step"],
  ] as const) {
    const after = `${column} > ${position.step}`;
    const sql = `SELECT count() AS count FROM ${table.name} WHERE ${after}`;
    const [left] = await deriver.select<{ count: number }>({ sql, params: {} }, STEP_LIMITS);
    if ((left?.count ?? 0) > 0) await deriver.remove(table, after);
  }
  return position;
}

export async function keepPosition(deriver: Deriver, { step, settledUs }: Position): Promise<void> {
  const params = new Params();
  const values = [params.add(step, "UInt64"), params.add(settledUs, "Int64")];
  await deriver.derive(
    params.statement(`INSERT INTO ${STEPS.name} (step, settled_us) SELECT ${values.join(", ")}`),
    STEP_LIMITS,
  );
}
