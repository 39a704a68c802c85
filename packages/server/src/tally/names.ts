/**
 * Who stands behind a name: declared by people, or learned from pairs, where one side's half says what it saw and the
 * other's who it is. A learned name that stood for two services within its window says nothing.
 */
import { timestampUs } from "@tallystick/record";

import type { NewAlias } from "../control/control.ts";
import type { Statement } from "../index/index-seam.ts";
import type { NameInForce } from "../search/call-names.ts";
import { Params } from "../search/compile/sql.ts";
import { IS_MESSAGE } from "./halves.ts";
import { ALIAS_HOURS, MAX_ALIASES } from "./limits.ts";
import { ALIASES, RECORDERS, SETTLING } from "./schema.ts";
import type { TallySettings } from "./settings.ts";

/** A record of the control log comes before the configuration, and that before what pairs taught. */
export interface Alias extends NameInForce {
  readonly source: "declared" | "configured" | "learned";
}

/** One of each name. A learned one stands for as long as nothing of it would have been forgotten. */
export function aliasesOf(
  declared: readonly NewAlias[],
  configured: TallySettings["aliases"],
  learned: readonly AliasRow[],
): readonly Alias[] {
  const us = (time: string | null) => (time === null ? null : timestampUs(time));
  const all: readonly Alias[] = [
    ...declared.map(({ name, service, from, to }) => ({
      name,
      service,
      source: "declared" as const,
      fromUs: us(from),
      toUs: us(to),
    })),
    ...configured.map((alias) => ({ ...alias, source: "configured" as const, fromUs: null, toUs: null })),
    ...learned.map(({ name, service, first_us: fromUs, last_us: lastUs }) => ({
      name,
      service,
      source: "learned" as const,
      fromUs,
      toUs: lastUs + ALIAS_HOURS * 3_600_000_000,
    })),
  ];
  const byName = new Map<string, Alias>();
  for (const alias of all) if (!byName.has(alias.name)) byName.set(alias.name, alias);
  return [...byName.values()];
}

export function isInForce({ fromUs, toUs }: Alias, atUs: number): boolean {
  return (fromUs === null || atUs >= fromUs) && (toUs === null || atUs < toUs);
}

/** What the pairs of the step teach. A name that itself records is nobody's other name. */
export const LEARN_ALIASES: Statement = {
  sql: `INSERT INTO ${ALIASES.name} (name, service, first_us, last_us)
SELECT name, service, min(first_us), max(first_us) FROM (
  SELECT toString(d_service_id) AS name, toString(c_service_id) AS service, first_us FROM ${SETTLING.name}
  WHERE callers > 0 AND callees > 0 AND startsWith(d_service_id, 'address:') AND NOT startsWith(c_service_id, 'address:')
  UNION ALL
  SELECT toString(c_target_id), toString(d_target_id), first_us FROM ${SETTLING.name}
  WHERE callers > 0 AND callees > 0 AND c_target_id != d_target_id AND NOT (${IS_MESSAGE})
    AND NOT startsWith(d_target_id, 'address:')
    AND c_target_id NOT IN (SELECT recorder_id FROM ${RECORDERS.name})
) GROUP BY name, service`,
  params: {},
};

export interface AliasRow {
  readonly name: string;
  readonly service: string;
  readonly first_us: number;
  readonly last_us: number;
}

/** Learned names that stood for one service only since `sinceUs`, most recently seen first. */
export function learnedAliases(sinceUs: number): Statement {
  const params = new Params();
  return params.statement(
    `SELECT name, any(service) AS service, min(begun_us) AS first_us, max(seen_us) AS last_us FROM (
  SELECT name, service, min(first_us) AS begun_us, max(last_us) AS seen_us FROM ${ALIASES.name} GROUP BY name, service
) WHERE seen_us >= ${params.add(sinceUs, "Int64")} GROUP BY name HAVING count() = 1 ORDER BY last_us DESC LIMIT ${params.add(MAX_ALIASES, "UInt64")}`,
  );
}
