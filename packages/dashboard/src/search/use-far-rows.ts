import type { StoredRecord } from "@tallystick/record";
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { getJson } from "../client/api.ts";
import type { Histogram, SearchPage } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";
import { bounds, type SearchState } from "./search-state.ts";

/**
 * Rows far below those that were loaded in order: a fine histogram says in which interval the n-th newest record
 * lies, and that interval alone is asked for. So a million hits scroll as a hundred do, and only what is near the eye
 * is kept.
 */
export interface FarRows {
  /** Undefined while it comes, or where it is not known. */
  readonly rowAt: (index: number) => StoredRecord | undefined;
}

const ROWS_A_BUCKET = 500;
const MAX_BUCKETS = 2_000;
const PAGE_RECORDS = 1_000;
const MAX_PAGES = 12;
const KEPT_MS = 60_000;
/** More is higher than a browser draws. */
export const MAX_ROWS = 1_000_000;

interface Span {
  readonly from: string;
  readonly to: string;
  /** Of its newest record among all. */
  readonly first: number;
  readonly count: number;
}

export function useFarRows(
  state: SearchState,
  total: number,
  atMs: number,
  visible: readonly [first: number, last: number] | null,
): FarRows {
  const { q, own } = state;
  const period = useMemo(() => fixedBounds(state, atMs), [state.from, state.to, atMs]);
  const buckets = Math.min(MAX_BUCKETS, Math.max(60, Math.ceil(total / ROWS_A_BUCKET)));
  const enabled = visible !== null && period !== null;
  const index = useApi<Histogram>("/api/histogram", { q, own, ...period, buckets }, { enabled });
  const spans = useMemo(
    () => (index.data === undefined || period === null ? [] : spansOf(index.data, period)),
    [index.data, period],
  );
  const wanted =
    visible === null ? [] : spans.filter(({ first, count }) => first <= visible[1] && first + count > visible[0]);
  const found = useQueries({
    queries: wanted.map(({ from, to }) => ({
      queryKey: ["records", "far", q, own, from, to],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) => recordsIn({ q, own, from, to }, signal),
      gcTime: KEPT_MS,
      staleTime: Infinity,
    })),
  });
  return {
    rowAt: (row) => {
      const at = wanted.findIndex(({ first, count }) => first <= row && row < first + count);
      const span = wanted[at];
      return span === undefined ? undefined : found[at]?.data?.[row - span.first];
    },
  };
}

interface Interval extends Pick<SearchState, "q" | "own"> {
  readonly from: string;
  readonly to: string;
}

async function recordsIn(asked: Interval, signal: AbortSignal): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  let cursor: string | null = "";
  for (let page = 0; page < MAX_PAGES && cursor !== null; page++) {
    const found: SearchPage = await getJson("/api/search", { ...asked, limit: PAGE_RECORDS, cursor }, signal);
    records.push(...found.records);
    cursor = found.next;
  }
  return records;
}

/** Newest first, as the rows are. */
function spansOf(
  { buckets, bucket_ms: widthMs }: Histogram,
  period: { readonly from?: string; readonly to: string },
): readonly Span[] {
  let first = 0;
  return buckets.toReversed().flatMap(({ from, count }) => {
    const end = new Date(Date.parse(from) + widthMs).toISOString();
    const begin = period.from !== undefined && from < period.from ? period.from : from;
    const span = { from: begin, to: end < period.to ? end : period.to, first, count };
    first += count;
    return count === 0 ? [] : [span];
  });
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** The range as it was when it was asked for, so that rows do not move; null: its text is not understood here. */
function fixedBounds(state: SearchState, atMs: number): { readonly from?: string; readonly to: string } | null {
  const asked = bounds(state);
  const at = (text: string): string | null => {
    const relative = /^now(?:-(\d+)([smhdw]))?$/.exec(text);
    const ms =
      relative === null ? Date.parse(text) : atMs - Number(relative[1] ?? 0) * (UNITS_MS[relative[2] ?? "s"] ?? 0);
    return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
  };
  const to = at(asked.to ?? "now");
  const from = asked.from === undefined ? undefined : at(asked.from);
  return to === null || from === null ? null : { ...(from === undefined ? {} : { from }), to };
}
