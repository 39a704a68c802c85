/**
 * Producers in the order of their keys, a bounded number at a time, so that memory stays bounded however many there are
 * and a page does not cost more than what lies before its end.
 */
import type { IndexReader, QueryLimits } from "../index/index-seam.ts";
import { logPredicate, servicePredicate } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { allOf, Params } from "../search/compile/sql.ts";
import { PRODUCER_KEYS } from "./producer-keys.ts";
import type { ProducerKey } from "./producer-keys.ts";
import { MAX_WINDOW_PRODUCERS } from "./producer-limits.ts";

/** Producers that are asked for, by equality; what is absent is not asked. */
export type WantedProducers = Partial<Readonly<Record<keyof ProducerKey, string | undefined>>>;

/** Producers from `from` to `to`; null: from the first, to the last. */
export interface ProducerWindow {
  readonly from: ProducerKey | null;
  /** False when `from` itself is done with. */
  readonly isFromWithin: boolean;
  readonly to: ProducerKey | null;
}

export interface WindowsRequest {
  readonly scope: Scope;
  readonly wanted: WantedProducers;
  /** Begins with this producer. */
  readonly from: ProducerKey | null;
  /** Producers in the first window; each next one has four times as many. */
  readonly firstProducers: number;
  readonly limits: Omit<QueryLimits, "maxRows">;
}

/** A condition on columns of these names: wanted, seen by the scope, and in the window. */
export function producersIn(scope: Scope, wanted: WantedProducers, window: ProducerWindow, params: Params): string {
  const tuple = (key: ProducerKey) => `(${PRODUCER_KEYS.map((name) => params.text(key[name])).join(", ")})`;
  const columns = `(${PRODUCER_KEYS.join(", ")})`;
  const { from, isFromWithin, to } = window;
  return allOf([
    logPredicate(scope, params),
    recorderPredicate(scope, params),
    ...PRODUCER_KEYS.flatMap((name) => {
      const value = wanted[name];
      return value === undefined ? [] : [`${name} = ${params.text(value)}`];
    }),
    from === null ? "1" : `${columns} ${isFromWithin ? ">=" : ">"} ${tuple(from)}`,
    to === null ? "1" : `${columns} <= ${tuple(to)}`,
  ]);
}

/** A producer is a service's own when it records for one; its sequence numbers have no data class. */
function recorderPredicate(scope: Scope, params: Params): string {
  const recorder = servicePredicate(scope, params, ["argMaxMerge(recorder)"]);
  if (recorder === "1" || recorder === "0") return recorder;
  const names = PRODUCER_KEYS.join(", ");
  return `(${names}) IN (SELECT ${names} FROM producers WHERE tree = '' GROUP BY ${names} HAVING ${recorder})`;
}

export async function* producerWindows(
  reader: IndexReader,
  request: WindowsRequest,
  signal?: AbortSignal,
): AsyncIterable<ProducerWindow> {
  const { scope, wanted, limits } = request;
  let from = request.from;
  let isFromWithin = true;
  for (let width = request.firstProducers; ; width = Math.min(width * 4, MAX_WINDOW_PRODUCERS)) {
    const params = new Params();
    const names = PRODUCER_KEYS.join(", ");
    const statement = params.statement(
      `SELECT DISTINCT ${names} FROM producers WHERE tree = '' AND ` +
        `${producersIn(scope, wanted, { from, isFromWithin, to: null }, params)} ` +
        `ORDER BY ${names} LIMIT 1 OFFSET ${params.add(width - 1, "UInt64")}`,
    );
    const [to = null] = (await reader.select<ProducerKey>(statement, { ...limits, maxRows: 1 }, signal)).rows;
    yield { from, isFromWithin, to };
    if (to === null) return;
    from = to;
    isFromWithin = false;
  }
}
