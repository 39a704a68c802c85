/**
 * A deletion of rows that is over when it returns. The engine does it in the background, and when another table's merge
 * is in its way it comes back to it the later the longer it has had little to do: seconds, then minutes. So it is told
 * to look again until it is done.
 */
import { TallystickError } from "../errors.ts";
import { MUTATION_LOOK_S, MUTATION_LOOKS } from "./limits.ts";

/** One session, whose statements come one after another. */
export interface MutationSession {
  command(sql: string): Promise<void>;
  rows<Row>(sql: string): Promise<readonly Row[]>;
}

interface Progress {
  readonly open: number;
  readonly fault: string;
}

/** `database` and `table` are our own names; `change` is what follows `ALTER TABLE …`. */
export async function mutate(session: MutationSession, database: string, table: string, change: string): Promise<void> {
  await session.command(`ALTER TABLE ${table} ${change}`);
  const progress =
    "SELECT countIf(is_done = 0) AS open, anyIf(latest_fail_reason, is_done = 0 AND latest_fail_reason != '') AS fault " +
    `FROM system.mutations WHERE database = '${database}' AND table = '${table}'`;
  for (let look = 0; look < MUTATION_LOOKS; look += 1) {
    const [found] = await session.rows<Progress>(progress);
    if ((found?.open ?? 0) === 0) return;
    if (found?.fault !== "") throw unfinished(table, found?.fault ?? "");
    // Where somebody else's server does not let us, its own pace has to do.
    await session.command(`SYSTEM START MERGES ${table}`).catch(() => undefined);
    await session.rows(`SELECT sleep(${MUTATION_LOOK_S})`);
  }
  throw unfinished(table, "it takes too long");
}

function unfinished(table: string, why: string): TallystickError {
  return new TallystickError("index_unavailable", `a deletion from ${table} is not done: ${why.slice(0, 300)}`, {
    hint: "It is tried again.",
    retryAfterS: 5,
  });
}
