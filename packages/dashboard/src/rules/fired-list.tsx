import type { BacktestFired } from "../client/rules.ts";
import { formatAge, formatCount } from "../page/format.ts";
import { SearchLink, term } from "../page/links.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable, type DataColumn } from "../table/data-table.tsx";

const BEFORE_MS = 15 * 60_000;

/** When a measure would have fired, of what, and for how long. */
export function FiredList({ fired }: { readonly fired: readonly BacktestFired[] }) {
  const { moment, label } = useMoments();
  if (fired.length === 0) return <p className="text-quiet">It would not have fired.</p>;
  const columns: readonly DataColumn<BacktestFired>[] = [
    {
      title: `fired, ${label}`,
      className: "whitespace-nowrap tabular-nums",
      cell: ({ fired_at: at }) => moment(at).replace(/\.\d+$/, ""),
    },
    { title: "of", className: "[overflow-wrap:anywhere]", cell: (one) => <Subject fired={one} /> },
    { title: "seen", className: "[overflow-wrap:anywhere]", cell: ({ seen }) => seen },
    { title: "calls", numeric: true, cell: ({ calls }) => formatCount(calls) },
    { title: "held for", className: "whitespace-nowrap", cell: heldFor },
  ];
  return (
    <section aria-label="When it would have fired" className="-mx-4 -mb-4 border-t border-line">
      <DataTable columns={columns} keyOf={firedKey} label="Times at which it would have fired" rows={fired} />
    </section>
  );
}

/** The records that it was measured by, one click away: they came before the condition held. */
function Subject({ fired: { labels, since, over_at: over } }: { readonly fired: BacktestFired }) {
  const entries = Object.entries(labels);
  const q = entries.map(([name, value]) => term(name, value)).join(" AND ");
  return (
    <SearchLink from={new Date(Date.parse(since) - BEFORE_MS).toISOString()} q={q} to={over ?? undefined}>
      {subjectText(labels)}
    </SearchLink>
  );
}

/** Of what it fired and when: no two are the same. */
export function firedKey({ fired_at: at, labels }: BacktestFired): string {
  return `${at} ${Object.values(labels).join(" ")}`;
}

export function subjectText(labels: BacktestFired["labels"]): string {
  const { caller, callee, ...rest } = labels;
  const edge = caller !== undefined && callee !== undefined ? [`${caller} → ${callee}`] : [caller, callee];
  const named = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  const texts = [...edge, ...named].filter((text) => text !== undefined);
  return texts.length === 0 ? "all records" : texts.join(", ");
}

function heldFor({ since, over_at: over }: BacktestFired): string {
  return over === null ? "until the end" : formatAge((Date.parse(over) - Date.parse(since)) / 1_000);
}
