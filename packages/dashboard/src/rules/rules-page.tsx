import { useNavigate, useSearch } from "@tanstack/react-router";
import { Screen } from "../page/panel.tsx";
import { tabOf, Tabs } from "../page/tabs.tsx";
import { DetectorBoard } from "./detector-board.tsx";
import { RuleList } from "./rule-list.tsx";

const TABS = [
  ["rules", "Rules"],
  ["detectors", "Detectors"],
] as const;

export type RulesState = Partial<Record<"tab" | "find" | "show" | "name" | "log" | "subject", string | undefined>>;

/** What is looked for in what comes in: by rules, and by what the detectors learned. */
export function RulesPage() {
  const state = useSearch({ from: "/rules" });
  const navigate = useNavigate({ from: "/rules" });
  const change = (changes: RulesState) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true });
  const tab = tabOf(TABS, state.tab);
  return (
    <Screen says="What is looked for in everything that comes in, within seconds." title="Rules">
      <Tabs
        choose={(name) => void navigate({ search: { tab: name === "rules" ? undefined : name } })}
        chosen={tab}
        label="Parts of rules"
        tabs={TABS}
      />
      {tab === "rules" && <RuleList change={change} state={state} />}
      {tab === "detectors" && <DetectorBoard change={change} state={state} />}
    </Screen>
  );
}
