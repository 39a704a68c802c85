import { Link } from "@tanstack/react-router";
import { LEVEL_TONES, LEVELS } from "../client/alerts.ts";
import type { FoundRule } from "../client/rules.ts";
import { Chip } from "../page/chip.tsx";
import { formatCount } from "../page/format.ts";
import { Switch } from "../page/switch.tsx";
import type { Moments } from "../page/zone.ts";
import type { DataColumn } from "../table/data-table.tsx";

const LOOK = "text-accent underline decoration-line underline-offset-2 hover:decoration-accent";

export function ruleColumns(
  { clock }: Moments,
  /** Null: who looks may not. */
  turn: ((id: string, on: boolean) => void) | null,
  turning: string | null,
): readonly DataColumn<FoundRule>[] {
  return [
    {
      title: "rule",
      sort: ({ title }) => title.toLowerCase(),
      className: "min-w-56",
      cell: ({ id, title, set_aside: aside }) => (
        <>
          <Link className={LOOK} search={{ id }} to="/rule">
            {title}
          </Link>
          {aside !== null && <span className="block text-xs text-bad">does not run: {aside}</span>}
        </>
      ),
    },
    {
      title: "runs",
      sort: ({ on }) => Number(on),
      cell: ({ id, title, on }) =>
        turn === null ? (
          <span className={on ? "" : "text-quiet"}>{on ? "yes" : "no"}</span>
        ) : (
          <Switch change={(wanted) => turn(id, wanted)} disabled={turning === id} isOn={on} label={`Run ${title}`} />
        ),
    },
    {
      title: "level",
      sort: ({ level }) => LEVELS.indexOf(level),
      cell: ({ level }) => <Chip tone={LEVEL_TONES[level]}>{level}</Chip>,
    },
    { title: "kind", sort: ({ kind }) => kind, cell: ({ kind }) => kind },
    {
      title: "version",
      sort: ({ origin, version }) => (origin === "own" ? 1_000_000 : 0) + version,
      className: "whitespace-nowrap",
      cell: ({ version, origin }) => (origin === "own" ? `${version}, your own` : `${version}, shipped`),
    },
    { title: "hits", numeric: true, sort: ({ alerts }) => alerts.hits, cell: ({ alerts }) => shownCount(alerts.hits) },
    {
      title: "open alerts",
      numeric: true,
      sort: ({ alerts }) => alerts.open,
      cell: ({ alerts }) => shownCount(alerts.open),
    },
    {
      title: "last hit",
      sort: ({ alerts }) => alerts.last_at ?? "",
      className: "whitespace-nowrap",
      cell: ({ alerts }) => (alerts.last_at === null ? "" : clock(alerts.last_at)),
    },
  ];
}

const shownCount = (count: number) => (count === 0 ? <span className="text-quiet">0</span> : formatCount(count));
