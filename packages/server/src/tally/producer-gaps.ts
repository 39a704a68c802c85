/** The numbers that are missing from runs, as ranges in ascending order. */
import type { IndexReader, QueryLimits } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { isOneOf, PRODUCER_KEYS, RUN_KEYS } from "./producer-keys.ts";
import type { RunKey } from "./producer-keys.ts";
import { CHUNK_NUMBERS, UNFOLDED_CHUNKS } from "./producer-limits.ts";
import { producerRows } from "./producer-rows.ts";
import type { SharedLogs } from "./producer-rows.ts";

/** Both ends are missing, and all between them. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** The bounds of a run, as producer-runs.ts says them; `first_number` means nothing when `count` is 0. */
export interface RunBounds extends RunKey {
  readonly count: number;
  readonly first_number: number;
  readonly last_number: number;
  readonly known_first: number;
  readonly known_last: number;
  readonly missing: number;
}

/** A chunk in which, or before which, numbers are missing: its unbroken stretches, and the last number before it. */
interface ChunkRow extends RunKey {
  readonly before: number;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

export type GapsOf = (run: RunBounds) => { readonly gaps: readonly Gap[]; readonly more_gaps: boolean };

export async function readGaps(
  reader: IndexReader,
  runs: readonly RunBounds[],
  { maxGaps, sharedLogs }: { readonly maxGaps: number; readonly sharedLogs: SharedLogs },
  limits: Omit<QueryLimits, "maxRows">,
  signal?: AbortSignal,
): Promise<GapsOf> {
  const broken = runs.filter((run) => run.missing > 0 && run.count > 0);
  const rows = new Map<string, ChunkRow[]>();
  if (broken.length > 0) {
    const maxRows = broken.length * (maxGaps + 1);
    const answer = await reader.select<ChunkRow>(
      chunkStatement(broken, maxGaps, sharedLogs),
      { ...limits, maxRows },
      signal,
    );
    for (const row of answer.rows) rows.set(keyOf(row), [...(rows.get(keyOf(row)) ?? []), row]);
  }
  return (run) => {
    const gaps = gapsOf(run, rows.get(keyOf(run)) ?? [], maxGaps);
    return { gaps: gaps.slice(0, maxGaps), more_gaps: gaps.length > maxGaps };
  };
}

const keyOf = (run: RunKey): string => JSON.stringify([run.log, run.producer_id, run.principal, run.producer_epoch]);

/** At most one more than `maxGaps`, which tells that there are more. */
function gapsOf(run: RunBounds, rows: readonly ChunkRow[], maxGaps: number): readonly Gap[] {
  const gaps: Gap[] = [];
  const add = (from: number, to: number): void => {
    if (from <= to && gaps.length <= maxGaps) gaps.push({ from, to });
  };
  if (run.missing === 0) return gaps;
  if (run.count === 0) return [{ from: run.known_first, to: run.known_last }];
  add(run.known_first, run.first_number - 1);
  for (const { before, starts, ends } of rows) {
    let next = before < 0 ? run.first_number : before + 1;
    for (const [place, start] of starts.entries()) {
      add(next, start - 1);
      next = ends[place]! + 1;
    }
  }
  add(run.last_number + 1, run.known_last);
  return gaps;
}

const KEYS = RUN_KEYS.join(", ");

/**
 * Chunks are chosen before their numbers are unfolded, and unfolded a few at a time: a chunk is 65,536 numbers at most,
 * of which only the ends of stretches are kept.
 */
function chunkStatement(runs: readonly RunBounds[], maxGaps: number, sharedLogs: SharedLogs) {
  const params = new Params();
  const from = producerRows(isOneOf(PRODUCER_KEYS, runs, params), sharedLogs, params);
  const chunks =
    `SELECT ${KEYS}, chunk, groupBitmapMergeState(numbers) AS present, chunk * ${CHUNK_NUMBERS} AS base, ` +
    "base + toInt64(bitmapMin(present)) AS lowest, base + toInt64(bitmapMax(present)) AS highest, " +
    "toInt64(bitmapCardinality(present)) AS held, " +
    `lagInFrame(highest, 1, toInt64(-1)) OVER (PARTITION BY ${KEYS} ORDER BY chunk) AS before ` +
    `FROM ${from} AND chunk >= 0 AND ${isOneOf(RUN_KEYS, runs, params)} GROUP BY ${KEYS}, chunk`;
  const broken =
    `SELECT * FROM (${chunks}) WHERE held < highest - lowest + 1 OR (before >= 0 AND lowest > before + 1) ` +
    `ORDER BY ${KEYS}, chunk LIMIT ${params.add(maxGaps + 1, "UInt64")} BY ${KEYS}`;
  const kept = params.add(maxGaps + 2, "UInt64");
  const endsOf = (steps: string) =>
    `arrayMap(number -> base + number, arraySlice(arrayFilter((number, step) -> step != 1, unfolded, ${steps}), 1, ${kept}))`;
  return params.statement(
    `SELECT ${KEYS}, before, starts, ends FROM (SELECT ${KEYS}, chunk, before, arrayMap(number -> toInt32(number), arraySort(bitmapToArray(present))) AS unfolded, ` +
      "arrayPopFront(arrayDifference(unfolded)) AS steps, " +
      `${endsOf("arrayPushFront(steps, 2)")} AS starts, ${endsOf("arrayPushBack(steps, 2)")} AS ends ` +
      `FROM (${broken})) ORDER BY ${KEYS}, chunk SETTINGS max_block_size = ${UNFOLDED_CHUNKS}`,
  );
}
