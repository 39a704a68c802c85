/**
 * A deletion of rows that is over when it returns. The engine does it in the background, part by part, and waits
 * between two parts the longer the less it has had to do: half a second each, then minutes where another table's merge
 * is in its way. So the statement does not wait for it, and the engine is told to look again until it is done.
 */
import { TallystickError } from "../errors.ts";
import { MUTATION_LOOK_MAX_S, MUTATION_LOOK_MIN_S, MUTATION_TIMEOUT_S } from "./limits.ts";

/** One session, whose statements come one after another. */
export interface MutationSession {
  command(sql: string): Promise<void>;
  rows<Row>(sql: string): Promise<readonly Row[]>;
}

interface Progress {
  readonly open: number;
  readonly parts: number;
  readonly fault: string;
}

/** `database` and `table` are our own names; `change` is what follows `ALTER TABLE …`. */
export async function mutate(session: MutationSession, database: string, table: string, change: string): Promise<void> {
  await session.command(`ALTER TABLE ${table} ${change} SETTINGS mutations_sync = 0`);
  const progress =
    "SELECT count() AS open, toUInt32(sum(parts_to_do)) AS parts, anyIf(latest_fail_reason, latest_fail_reason != '') " +
    `AS fault FROM system.mutations WHERE database = '${database}' AND table = '${table}' AND NOT is_done`;
  let parts = 0;
  let pauseS = 0;
  for (let waitedS = 0; waitedS < MUTATION_TIMEOUT_S; waitedS += pauseS) {
    const [found] = await session.rows<Progress>(progress);
    if (found === undefined || found.open === 0) return;
    if (found.fault !== "") throw unfinished(table, found.fault);
    // A large part takes its time, and is not asked about a hundred times a second.
    pauseS = found.parts === parts ? Math.min(2 * pauseS, MUTATION_LOOK_MAX_S) : MUTATION_LOOK_MIN_S;
    parts = found.parts;
    // Where somebody else's server does not let us, its own pace has to do.
    await session.command(`SYSTEM START MERGES ${table}`).catch(() => undefined);
    await session.rows(`SELECT sleep(${pauseS})`);
  }
  throw unfinished(table, "it takes too long");
}

function unfinished(table: string, why: string): TallystickError {
  return new TallystickError("index_unavailable", `a deletion from ${table} is not done: ${why.slice(0, 300)}`, {
    hint: "It is tried again.",
    retryAfterS: 5,
  });
}
