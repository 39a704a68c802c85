/** How far the tally has come: every call due before `settledUs` is settled. Kept in a table of its own. */
import type { Deriver } from "../index/derived-tables.ts";
import { Params } from "../search/compile/sql.ts";
import { STEP_LIMITS } from "./limits.ts";
import { CALLS, DEAD_STEPS, SKEWS, STEPS, SUPERSEDED, TALLY_TABLES, UNDER_WAY } from "./schema.ts";

export interface Position {
  readonly step: number;
  readonly settledUs: number;
}

/** What holds rows with a step's number. */
const WRITERS = [CALLS.name, `(SELECT by_step AS step FROM ${SUPERSEDED.name})`, SKEWS.name, DEAD_STEPS.name];

/**
 * Makes the tables be there and declares dead what was written after the position that was kept; gives where to go on,
 * with the highest number that a step ever had.
 */
export async function recoverPosition(deriver: Deriver): Promise<Position> {
  await deriver.prepare(TALLY_TABLES);
  for (const table of UNDER_WAY) await deriver.empty(table);
  const ask = async <Row>(sql: string) => (await deriver.select<Row>({ sql, params: {} }, STEP_LIMITS))[0];
  const kept = await ask<{ step: number; settled_us: number }>(
    `SELECT step, settled_us FROM ${STEPS.name} ORDER BY step DESC LIMIT 1`,
  );
  const written = await ask<{ step: number }>(
    `SELECT max(step) AS step FROM (${WRITERS.map((table) => `SELECT max(step) AS step FROM ${table}`).join(" UNION ALL ")})`,
  );
  const { step: whole, settled_us: settledUs } = kept ?? { step: 0, settled_us: 0 };
  const step = Math.max(whole, written?.step ?? 0);
  if (step > whole) await declareDead(deriver, whole, step);
  return { step, settledUs };
}

/** Steps after `whole`, to `last`. */
async function declareDead(deriver: Deriver, whole: number, last: number): Promise<void> {
  const params = new Params();
  const numbers = `numbers(${params.add(whole + 1, "UInt64")}, ${params.add(last - whole, "UInt64")})`;
  await deriver.derive(
    params.statement(`INSERT INTO ${DEAD_STEPS.name} (step) SELECT number AS step FROM ${numbers}`),
    STEP_LIMITS,
  );
}

export async function keepPosition(deriver: Deriver, { step, settledUs }: Position): Promise<void> {
  const params = new Params();
  const values = [params.add(step, "UInt64"), params.add(settledUs, "Int64")];
  await deriver.derive(
    params.statement(`INSERT INTO ${STEPS.name} (step, settled_us) SELECT ${values.join(", ")}`),
    STEP_LIMITS,
  );
}
