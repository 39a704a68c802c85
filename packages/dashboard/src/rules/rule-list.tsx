import { Link } from "@tanstack/react-router";
import { LEVELS } from "../client/alerts.ts";
import { RULES, type FoundRule } from "../client/rules.ts";
import { useApi } from "../client/use-api.ts";
import { FormFault } from "../page/field.tsx";
import { formatCount } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { SelectBox } from "../page/select-box.tsx";
import { Answer } from "../page/states.tsx";
import { useMay } from "../page/who.ts";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";
import { ruleColumns } from "./rule-columns.tsx";
import type { RulesState } from "./rules-page.tsx";
import { useRuleChanges } from "./use-rule-changes.ts";

interface RuleListProps {
  readonly state: RulesState;
  readonly change: (changes: RulesState) => void;
}

const SHOWN: readonly (readonly [string, string, (rule: FoundRule) => boolean])[] = [
  ["all", "every rule", () => true],
  ["on", "switched on", ({ on }) => on],
  ["off", "switched off", ({ on }) => !on],
  ["own", "your own", ({ origin }) => origin === "own"],
  ["measure", "measures", ({ kind }) => kind === "measure"],
  ["aside", "not running", ({ set_aside: aside }) => aside !== null],
];
const EVERY_MS = 30_000;

/** Every rule: whether it runs, how much it matters, and what it found. */
export function RuleList({ state: { find = "", show = "all" }, change }: RuleListProps) {
  const moments = useMoments();
  const found = useApi<{ readonly rules: readonly FoundRule[] }>(RULES, {}, { everyMs: EVERY_MS });
  const { turn } = useRuleChanges();
  const mayChange = useMay("manage");
  const turning = turn.isPending ? turn.variables.id : null;
  const columns = ruleColumns(moments, mayChange ? (id, on) => turn.mutate({ id, on }) : null, turning);
  return (
    <Panel
      actions={
        <>
          <input
            aria-label="Find a rule"
            className="w-32 rounded border border-line bg-raised px-3 py-1 sm:w-56"
            data-query-box=""
            onChange={(event) => change({ find: event.target.value || undefined })}
            placeholder="Find: words, attack.t1078"
            value={find}
          />
          <SelectBox
            aria-label="Which rules"
            choices={SHOWN}
            choose={(chosen) => change({ show: chosen === "all" ? undefined : chosen })}
            low
            value={show}
          />
          {mayChange && (
            <Link
              className="rounded border border-accent bg-accent-ground px-3 py-1 font-medium whitespace-nowrap text-accent"
              search={{ edit: "true" }}
              to="/rule"
            >
              New rule
            </Link>
          )}
        </>
      }
      flush
      note={found.data === undefined ? undefined : counted(found.data.rules)}
      title="Rules"
    >
      <Answer lines={14} of={found}>
        {({ rules }) => (
          <DataTable
            columns={columns}
            empty="No rule is so."
            keyOf={({ id }) => id}
            label="Rules"
            rows={rules.filter(wanted(find, show)).toSorted(gravestFirst)}
            sortBy="hits"
          />
        )}
      </Answer>
      <FormFault error={turn.error} />
    </Panel>
  );
}

function counted(rules: readonly FoundRule[]): string {
  const on = rules.filter((rule) => rule.on).length;
  return `${formatCount(on)} of ${formatCount(rules.length)} run; hits are records of the alerts that are kept`;
}

/** Where nothing else orders them: what runs before what does not, the grave before the light. */
function gravestFirst(a: FoundRule, b: FoundRule): number {
  return Number(b.on) - Number(a.on) || LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level);
}

function wanted(find: string, show: string): (rule: FoundRule) => boolean {
  const words = find.toLowerCase().split(/\s+/);
  const isShown = SHOWN.find(([name]) => name === show)?.[2] ?? (() => true);
  return (rule) => {
    const text = [rule.title, rule.description, rule.id, ...rule.tags].join(" ").toLowerCase();
    return isShown(rule) && words.every((word) => text.includes(word));
  };
}
