import type { Params } from "../search/compile/sql.ts";

/** What names a producer. */
export interface ProducerKey {
  readonly log: string;
  readonly producer_id: string;
  readonly principal: string;
}

/** What names a run. */
export interface RunKey extends ProducerKey {
  readonly producer_epoch: string;
}

export const PRODUCER_KEYS = ["log", "producer_id", "principal"] as const;
export const RUN_KEYS = [...PRODUCER_KEYS, "producer_epoch"] as const;

/** That the columns `names` are those of one of `keys`. */
export function isOneOf(names: readonly (keyof RunKey)[], keys: readonly RunKey[], params: Params): string {
  const lists = names.map((name) =>
    params.add(
      keys.map((key) => key[name]),
      "Array(String)",
    ),
  );
  const elements = names.map((_, place) => `wanted.${place + 1}`);
  return (
    `(${names.join(", ")}) IN ` +
    `(SELECT ${elements.join(", ")} FROM (SELECT arrayJoin(arrayZip(${lists.join(", ")})) AS wanted))`
  );
}
