/**
 * Proxies that take part in a trace: the caller's span is the parent of the proxy's, and the proxy's is the parent
 * that the callee names. By their call ids the two halves never meet; the observer's record between them says that
 * they belong together.
 */
import type { Deriver } from "../index/derived-tables.ts";
import { Params } from "../search/compile/sql.ts";
import type { Deadlines } from "./deadlines.ts";
import { IS_HALF, IS_HOP, receivedBetween } from "./halves.ts";
import type { DueWindow } from "./halves.ts";
import { MAX_BRIDGED_CALLS, MAX_PROXIES_BETWEEN, STEP_LIMITS } from "./limits.ts";
import { DUE, SETTLING } from "./schema.ts";

interface LoneHalf {
  readonly key: string;
  readonly first_us: number;
  readonly due_us: number;
}

/** An observer's span: the call that it makes onward, the one that it serves, and the key of its own record. */
interface Hop {
  readonly onward: string;
  readonly served: string;
  readonly own: string;
}

/** Keys of one call's records. */
interface Members {
  readonly halves: Set<string>;
  readonly observers: Set<string>;
}

const keyOf = (span: string) =>
  `toString(reinterpretAsUInt128(sipHash128(concat(lower(hex(trace_id)), '/', lower(hex(${span}))))))`;
const LONE = `(callers = 0 OR callees = 0) AND notEmpty(trace_id)`;

/** From when on a proxy's records may tell of the calls of a window. */
export const hopsSinceUs = (window: DueWindow, deadlines: Deadlines): number => window.fromUs - 2 * deadlines.longestUs;

/** Adds to DUE, as `bridged` (as `late` when an earlier step settled the rest of it), what belongs to one call although its halves name different spans. */
export async function bridgeProxies(deriver: Deriver, window: DueWindow, deadlines: Deadlines): Promise<void> {
  const around = { fromUs: hopsSinceUs(window, deadlines), toUs: window.toUs };
  const hops = await hopsOfLoneHalves(deriver, around);
  if (hops.length === 0) return;
  const served = new Map(hops.map(({ onward, served: call }) => [onward, call]));
  const lone = await deriver.select<LoneHalf>(
    {
      sql: `SELECT toString(call_key) AS key, first_us, due_us FROM ${SETTLING.name} WHERE ${LONE} LIMIT ${MAX_BRIDGED_CALLS}`,
      params: {},
    },
    STEP_LIMITS,
  );
  const calls = new Map<string, Members>();
  const callOf = (key: string): Members => {
    const root = rootOf(key, served);
    const known = calls.get(root) ?? { halves: new Set([root]), observers: new Set() };
    calls.set(root, known);
    return known;
  };
  for (const { onward, own } of hops) {
    callOf(onward).halves.add(onward);
    callOf(onward).observers.add(own);
  }
  for (const { key } of lone) callOf(key).halves.add(key);
  const keys = new Set([...calls.values()].flatMap(({ halves, observers }) => [...halves, ...observers]));
  const firsts = await firstReceived(deriver, [...keys], around);
  const rows = lone.flatMap((half) => bridged(half, rootOf(half.key, served), callOf(half.key), firsts, around.fromUs));
  if (rows.length > 0) await addDue(deriver, rows);
}

async function hopsOfLoneHalves(deriver: Deriver, { fromUs, toUs }: DueWindow): Promise<readonly Hop[]> {
  const params = new Params();
  return deriver.select<Hop>(
    params.statement(
      `SELECT ${keyOf("span_id")} AS onward, ${keyOf("parent_span_id")} AS served, toString(call_key) AS own FROM records
WHERE ${receivedBetween(fromUs, toUs, params)} AND ${IS_HOP}
  AND trace_id IN (SELECT trace_id FROM ${SETTLING.name} WHERE ${LONE}) LIMIT ${MAX_BRIDGED_CALLS}`,
    ),
    STEP_LIMITS,
  );
}

/** The call that the first proxy serves; a trace that goes round in circles ends somewhere. */
function rootOf(key: string, served: ReadonlyMap<string, string>): string {
  let root = key;
  for (let hop = 0; hop < MAX_PROXIES_BETWEEN; hop += 1) root = served.get(root) ?? root;
  return root;
}

async function firstReceived(
  deriver: Deriver,
  keys: readonly string[],
  { fromUs, toUs }: DueWindow,
): Promise<ReadonlyMap<string, number>> {
  const params = new Params();
  const wanted = `SELECT toUInt128(arrayJoin(${params.add(keys, "Array(String)")}))`;
  const rows = await deriver.select<{ key: string; first_us: number }>(
    params.statement(
      `SELECT toString(call_key) AS key, min(toUnixTimestamp64Micro(observed_received_at)) AS first_us FROM records
WHERE ${receivedBetween(fromUs, toUs, params)} AND ${IS_HALF} AND call_key IN (${wanted}) GROUP BY call_key`,
    ),
    STEP_LIMITS,
  );
  return new Map(rows.map(({ key, first_us: firstUs }) => [key, firstUs]));
}

interface DueRow {
  readonly key: string;
  readonly root: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly kind: "bridged" | "late";
}

/** The rows of the whole call; none when the half has no counterpart, one without records when its turn was before. */
function bridged(
  half: LoneHalf,
  root: string,
  { halves, observers }: Members,
  firsts: ReadonlyMap<string, number>,
  sinceUs: number,
): readonly DueRow[] {
  const keys = [...halves].filter((key) => firsts.has(key));
  if (keys.length < 2) return [];
  const fromUs = Math.min(...keys.map((key) => firsts.get(key)!));
  const deadlineUs = half.due_us - half.first_us;
  // Settled with the half that came first, in that one's step.
  const dueUs = fromUs + deadlineUs;
  if (fromUs < half.first_us && half.first_us <= dueUs)
    return [{ key: half.key, root: half.key, fromUs: sinceUs, toUs: -1, kind: "bridged" }];
  const rest = {
    root,
    toUs: Math.max(dueUs, half.first_us),
    kind: half.first_us > dueUs ? "late" : "bridged",
  } as const;
  // A proxy may tell of the call before its halves do; what has halves of its own is another call.
  const between = [...observers].filter((key) => !halves.has(key) && !firsts.has(key));
  return [
    ...keys.map((key) => ({ key, fromUs, ...rest })),
    ...between.map((key) => ({ key, fromUs: sinceUs, ...rest })),
  ];
}

async function addDue(deriver: Deriver, rows: readonly DueRow[]): Promise<void> {
  // Where both halves come due in one step, what has records counts.
  const ordered = rows.toSorted((a, b) => a.toUs - b.toUs);
  const distinct = [...new Map(ordered.map((row) => [row.key, row])).values()];
  const params = new Params();
  const texts = (of: (row: DueRow) => string) => params.add(distinct.map(of), "Array(String)");
  const numbers = (of: (row: DueRow) => number) => params.add(distinct.map(of), "Array(Int64)");
  const columns = [
    texts(({ key }) => key),
    texts(({ root }) => root),
    numbers(({ fromUs }) => fromUs),
    numbers(({ toUs }) => toUs),
    texts(({ kind }) => kind),
  ];
  await deriver.derive(
    params.statement(
      `INSERT INTO ${DUE.name} (call_key, as_key, from_us, to_us, due_us, kind)
SELECT toUInt128(row.1) AS call_key, toUInt128(row.2) AS as_key, row.3 AS from_us, row.4 AS to_us, row.4 AS due_us,
  row.5 AS kind
FROM (SELECT arrayJoin(arrayZip(${columns.join(", ")})) AS row)`,
    ),
    STEP_LIMITS,
  );
}
