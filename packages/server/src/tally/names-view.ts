/** The alias table and the declared parties as people see them: each with where it is from. */
import { formatTimestamp } from "@tallystick/record";

import type { AliasInfo, Control } from "../control/control.ts";
import { Params } from "../search/compile/sql.ts";
import { ALIAS_HOURS, MAX_ALIASES } from "./limits.ts";
import { limitsFor, OWN_SETTINGS } from "./reading.ts";
import type { TallySources } from "./reading.ts";
import { ALIASES } from "./schema.ts";
import type { TallySettings } from "./settings.ts";

export interface Declarations {
  readonly settings: Pick<TallySettings, "aliases" | "oneSided">;
  readonly control: Pick<Control, "aliases" | "parties">;
}

export interface AliasShown {
  readonly name: string;
  /** Null: it stood for several services and says nothing. */
  readonly service: string | null;
  readonly source: "declared" | "configured" | "learned";
  /** Bounds of a declared one, RFC 3339. */
  readonly from: string | null;
  readonly to: string | null;
  readonly declared_by: string | null;
  readonly declared_at: string | null;
  /** Whom pairs showed behind the name lately, whatever is declared. */
  readonly seen: readonly { readonly service: string; readonly first_seen: string; readonly last_seen: string }[];
}

export interface PartyShown {
  readonly name: string;
  readonly reason: string | null;
  readonly source: "declared" | "configured";
  readonly declared_by: string | null;
  readonly declared_at: string | null;
}

interface SeenRow {
  readonly name: string;
  readonly services: readonly string[];
  readonly firsts: readonly number[];
  readonly lasts: readonly number[];
}

/** Declared ones first, then configured ones, then those that were learned, as of the time in microseconds. */
export async function listAliases(
  { reader }: TallySources,
  { settings, control }: Declarations,
  atUs: number,
  signal?: AbortSignal,
): Promise<readonly AliasShown[]> {
  const params = new Params();
  const since = params.add(atUs - ALIAS_HOURS * 3_600_000_000, "Int64");
  const statement = params.statement(
    `SELECT name, groupArray(service) AS services, groupArray(first_us) AS firsts, groupArray(last_us) AS lasts FROM (
  SELECT toString(name) AS name, toString(service) AS service, min(first_us) AS first_us, max(last_us) AS last_us
  FROM ${ALIASES.name} GROUP BY name, service HAVING max(last_us) >= ${since} ORDER BY name, service
) GROUP BY name ORDER BY name LIMIT ${MAX_ALIASES}${OWN_SETTINGS}`,
  );
  const { rows } = await reader.select<SeenRow>(statement, limitsFor(MAX_ALIASES), signal);
  const seen = new Map(rows.map((row) => [row.name, seenOf(row)]));
  const shown = [
    ...control.aliases().map((alias) => fromRecord(alias, seen.get(alias.name) ?? [])),
    ...settings.aliases.map(({ name, service }) => ({
      name,
      service,
      source: "configured" as const,
      ...UNDECLARED,
      seen: seen.get(name) ?? [],
    })),
  ];
  const names = new Set(shown.map(({ name }) => name));
  const learned = rows.filter(({ name }) => !names.has(name)).map((row) => fromPairs(row, seenOf(row)));
  return [...shown, ...learned];
}

const UNDECLARED = { from: null, to: null, declared_by: null, declared_at: null };

function seenOf({ services, firsts, lasts }: SeenRow): AliasShown["seen"] {
  return services.map((service, place) => ({
    service,
    first_seen: formatTimestamp(firsts[place]!),
    last_seen: formatTimestamp(lasts[place]!),
  }));
}

function fromRecord(alias: AliasInfo, seen: AliasShown["seen"]): AliasShown {
  const { name, service, from, to, declaredBy, declaredAt } = alias;
  return { name, service, source: "declared", from, to, declared_by: declaredBy, declared_at: declaredAt, seen };
}

function fromPairs({ name, services }: SeenRow, seen: AliasShown["seen"]): AliasShown {
  return { name, service: services.length === 1 ? services[0]! : null, source: "learned", ...UNDECLARED, seen };
}

export function listParties({ settings, control }: Declarations): readonly PartyShown[] {
  const declared = control.parties().map(({ name, reason, declaredBy, declaredAt }) => ({
    name,
    reason,
    source: "declared" as const,
    declared_by: declaredBy,
    declared_at: declaredAt,
  }));
  const names = new Set(declared.map(({ name }) => name));
  const configured = settings.oneSided
    .filter((name) => !names.has(name))
    .map((name) => ({ name, reason: null, source: "configured" as const, declared_by: null, declared_at: null }));
  return [...declared, ...configured];
}
