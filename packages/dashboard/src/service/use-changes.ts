import type { Facets } from "../client/search.ts";
import { useApi } from "../client/use-api.ts";
import { term } from "../page/links.tsx";
import { between, type Period } from "./window.ts";

/** A value that came or went. */
export interface Change {
  readonly what: string;
  readonly value: string;
  readonly isNew: boolean;
  /** Records that have it, in the half where it is. */
  readonly count: number;
  readonly q: string;
  readonly from: string;
  readonly to: string;
}

const MAX_VALUES = 500;
const LOOK_BACK_MS = 3_600_000;
const CONFIG_BEFORE_MS = 1_800_000;
/** A cause comes before what it does. */
const LEAD_MS = 900_000;
/** What changed is not asked for anew with every new minute. */
const STEP_MS = 300_000;

/** Where one looks for values, and what a value of each is called. */
const PLACES = {
  own: {
    q: (name: string) => term("recorder_id", name),
    fields: { service_version: "version", host: "host", callee: "callee", error_type: "error" },
  },
  served: {
    q: (name: string) => `${term("callee", name)} AND side:callee`,
    fields: { caller: "caller", credential_id: "credential" },
  },
} as const;

/**
 * Compares what records say since it began with the hour before. Without a beginning, the two halves of the period are
 * compared.
 */
export function useChanges(name: string, period: Period, onset: string | null, enabled: boolean) {
  const beganMs = onset === null ? (period.fromMs + period.toMs) / 2 : Date.parse(onset);
  const endMs = Math.max(Math.ceil(period.toMs / STEP_MS) * STEP_MS, beganMs + STEP_MS);
  const leadMs = beganMs - LEAD_MS;
  const periods: Periods = {
    before: between(Math.floor(Math.min(period.fromMs, leadMs - LOOK_BACK_MS) / STEP_MS) * STEP_MS, leadMs),
    after: between(leadMs, endMs),
    since: between(beganMs, endMs),
  };
  const own = useThree(PLACES.own.q(name), Object.keys(PLACES.own.fields), periods, enabled);
  const served = useThree(PLACES.served.q(name), Object.keys(PLACES.served.fields), periods, enabled);
  const found =
    own === null || served === null
      ? null
      : [
          ...changesIn(own, PLACES.own.fields, PLACES.own.q(name), name),
          ...changesIn(served, PLACES.served.fields, PLACES.served.q(name), name),
        ];
  return {
    found,
    isSampled: [own, served].some((three) => three?.isSampled === true),
    around: between(beganMs - CONFIG_BEFORE_MS, endMs),
  };
}

interface Periods {
  readonly before: Period;
  /** With the minutes in which its cause may have come. */
  readonly after: Period;
  readonly since: Period;
}

interface Three {
  readonly before: Facets;
  readonly after: Facets;
  readonly since: Facets;
  readonly periods: Periods;
  readonly isSampled: boolean;
}

function useThree(q: string, fields: readonly string[], periods: Periods, enabled: boolean): Three | null {
  const options = { keep: true, enabled };
  const asked = { q, fields: fields.join(","), limit: MAX_VALUES };
  const of = ({ from, to }: Period) => ({ ...asked, from, to });
  const before = useApi<Facets>("/api/facets", of(periods.before), options).data;
  const after = useApi<Facets>("/api/facets", of(periods.after), options).data;
  const since = useApi<Facets>("/api/facets", of(periods.since), options).data;
  if (before === undefined || after === undefined || since === undefined) return null;
  const isSampled = [before, after, since].some(({ sample_records: sample }) => sample !== null);
  return { before, after, since, periods, isSampled };
}

function changesIn(
  { before, after, since, periods }: Three,
  fields: Readonly<Record<string, string>>,
  q: string,
  name: string,
): readonly Change[] {
  return Object.entries(fields).flatMap(([field, what]) => {
    const [then, now, left] = [facetOf(before, field), facetOf(after, field), facetOf(since, field)];
    // Nothing to compare with: everything would be new.
    if (then.size === 0) return [];
    const change = ([value, count]: readonly [string, number], isNew: boolean): Change => {
      const { from, to } = isNew ? periods.after : periods.before;
      return { what, value, isNew, count, q: `${q} AND ${term(field, value)}`, from, to };
    };
    const isOther = (value: string) => value !== name || (field !== "callee" && field !== "caller");
    const fresh = [...now].filter(([value]) => !then.has(value) && isOther(value));
    const gone = [...then].filter(([value]) => !left.has(value) && isOther(value));
    return [...fresh.map((found) => change(found, true)), ...gone.map((found) => change(found, false))];
  });
}

function facetOf({ facets }: Facets, field: string): ReadonlyMap<string, number> {
  const values = facets.find((facet) => facet.field === field)?.values ?? [];
  return new Map(values.map(({ value, count }) => [value, count]));
}
