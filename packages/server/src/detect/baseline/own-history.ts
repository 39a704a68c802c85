/**
 * How rare the last hour of an edge is in the edge's own history: its hours are replayed through the watch of single
 * series, and then comes what was seen now. Holds no state, so the same hours give the same answer after a restart.
 * Bounded: one question a look, for a few edges. Where the engine does not answer in time nothing is said, and what
 * was found waits for a second look.
 */
import type { Deriver } from "../../index/derived-tables.ts";
import type { Statement } from "../../index/index-seam.ts";
import { Params } from "../../search/compile/sql.ts";
import { HISTORY_DAYS, HISTORY_LIMITS, MAX_WATCHED, RARE_SURPRISE } from "./baseline-limits.ts";
import { nameOf } from "./judge.ts";
import type { BaselineKind, Deviation } from "./judge.ts";
import { SeriesWatch } from "./series-watch.ts";
import { HOUR_US, HOURS } from "./traffic.ts";
import type { Counted } from "./traffic.ts";

export interface InHistory {
  /** −log10 of how often something as strange is to be expected in as long a history. */
  readonly surprise: number;
  /** Hours that could be compared, and how many of them were as far from usual. */
  readonly hours: number;
  readonly asFar: number;
}

export interface Watched {
  readonly deviation: Deviation;
  /** Hours that end later tell nothing of what is usual: the deviation itself may be in them. */
  readonly beforeUs: number;
}

const PAST_COLUMNS = ["hour_us", "calls", "errors", "timed", "log_duration", "bytes", "credentials"] as const;
type PastHour = Readonly<Record<(typeof PAST_COLUMNS)[number], number>>;
interface Past {
  readonly edge: readonly [string, string, string, string];
  /** Of each hour the columns, in their order. */
  readonly hours: readonly (readonly number[])[];
}

/** What is watched of an hour; null where it says nothing: hours without calls have no share that failed. */
const VALUES: Readonly<Record<BaselineKind, (hour: Counted) => number | null>> = {
  rate: ({ calls }) => calls,
  drop: ({ calls }) => calls,
  errors: ({ calls, errors }) => (calls === 0 ? null : errors / calls),
  latency: ({ timed, log_duration: took }) => (timed === 0 ? null : took / timed),
  size: ({ bytes }) => bytes,
  credentials: ({ credentials }) => credentials,
};
const NONE: Counted = { calls: 0, errors: 0, timed: 0, log_duration: 0, bytes: 0, credentials: 0 };

/** Both: the watch also speaks of what differs a little from the few values that a series has. */
export const isRare = (found: InHistory | undefined): boolean =>
  found !== undefined && found.asFar === 0 && found.surprise >= RARE_SURPRISE;

/** In the words of whoever is called at night. */
export function rarity({ hours, asFar }: InHistory): string {
  if (asFar === 0) return `nothing as far from usual in ${hours} hours`;
  return asFar === 1 ? `as far from usual once in ${hours} hours` : `as far from usual in ${asFar} of ${hours} hours`;
}

/** Of at most MAX_WATCHED deviations, the first ones, by their names; `toUs`: the end of the hour that deviates. */
export async function inHistory(
  deriver: Pick<Deriver, "select">,
  watched: readonly Watched[],
  toUs: number,
): Promise<ReadonlyMap<string, InHistory>> {
  const few = watched.slice(0, MAX_WATCHED);
  if (few.length === 0) return new Map();
  const rows = await deriver.select<Past>(pastHours(few, toUs), HISTORY_LIMITS).catch(() => []);
  const byEdge = new Map(rows.map(({ edge, hours }) => [JSON.stringify(edge), hours.map(pastHour)]));
  return new Map(
    few.flatMap(({ deviation, beforeUs }) => {
      const past = byEdge.get(JSON.stringify(edgeOf(deviation)))?.filter(({ hour_us: us }) => us + HOUR_US <= beforeUs);
      const found = past === undefined ? null : replayed(deviation, past, beforeUs, toUs);
      return found === null ? [] : [[nameOf(deviation), found] as const];
    }),
  );
}

const edgeOf = ({ edge: { log, caller, callee, operation } }: Deviation) => [log, caller, callee, operation] as const;

const pastHour = (values: readonly number[]): PastHour =>
  Object.fromEntries(PAST_COLUMNS.map((name, at) => [name, values[at] ?? 0])) as PastHour;

function pastHours(watched: readonly Watched[], toUs: number): Statement {
  const params = new Params();
  const edges = new Map(watched.map(({ deviation }) => [JSON.stringify(edgeOf(deviation)), edgeOf(deviation)]));
  const among = [...edges.values()].map((edge) => `cityHash64(${edge.map((name) => params.text(name)).join(", ")})`);
  const to = params.add(toUs, "Int64");
  return params.statement(
    `SELECT [toString(log), toString(caller), toString(callee), toString(operation)] AS edge,
  arraySort(groupArray(tuple(${PAST_COLUMNS.join(", ")}))) AS hours
FROM ${HOURS.name} FINAL
WHERE edge IN (${among.join(", ")})
  AND hour_us >= ${to} - ${HISTORY_DAYS * 24 * HOUR_US} AND hour_us <= ${to} - ${2 * HOUR_US}
GROUP BY log, caller, callee, operation`,
  );
}

/** `past`: in their order. Hours between the first and `beforeUs` without a row had no calls. */
export function replayed(
  { kind, edge }: Deviation,
  past: readonly PastHour[],
  beforeUs: number,
  toUs: number,
): InHistory | null {
  const valueOf = VALUES[kind];
  const now = valueOf(edge);
  const [first] = past;
  if (first === undefined || now === null) return null;
  const byHour = new Map(past.map((hour) => [hour.hour_us, hour]));
  const watch = new SeriesWatch();
  const distances: number[] = [];
  for (let us = first.hour_us; us + HOUR_US <= beforeUs; us += HOUR_US) {
    const value = valueOf(byHour.get(us) ?? NONE);
    const expected = value === null ? null : watch.push(us, value).expected;
    if (value !== null && expected !== null) distances.push(Math.abs(value - expected.median));
  }
  // As an hour of the clock, as those before it are: the season has a place for each.
  const { surprise, expected } = watch.push(Math.round(toUs / HOUR_US - 1) * HOUR_US, now);
  if (expected === null) return null;
  const far = Math.abs(now - expected.median);
  return { surprise, hours: distances.length, asFar: distances.filter((distance) => distance >= far).length };
}
