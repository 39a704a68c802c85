import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { PeriodPicker } from "../page/period-picker.tsx";
import { Screen } from "../page/panel.tsx";
import { tabOf, Tabs } from "../page/tabs.tsx";
import { useNowMs } from "../service/use-health.ts";
import { periodAt } from "../service/window.ts";
import { BreakList } from "./break-list.tsx";
import { ClocksView } from "./clocks-view.tsx";
import { CoverageView } from "./coverage-view.tsx";
import { NamesView } from "./names-view.tsx";

const TABS = [
  ["breaks", "Breaks"],
  ["coverage", "Seen from one side"],
  ["clocks", "Clocks"],
  ["names", "Names and parties"],
] as const;

const EVERY_MS = 60_000;

export type TallyState = Partial<Record<"from" | "to" | "kind" | "edge" | "tab", string | undefined>>;
export type ChangeTally = (changes: TallyState) => void;

/** Where the two halves of calls disagree, and of whom there is only one. */
export function TallyPage() {
  const state = useSearch({ from: "/tally" });
  const navigate = useNavigate({ from: "/tally" });
  const nowMs = useNowMs(EVERY_MS);
  const { from = "now-1d", to } = state;
  const period = useMemo(() => periodAt(nowMs, from, to), [nowMs, from, to]);
  const change: ChangeTally = (changes) => void navigate({ search: (before) => ({ ...before, ...changes }) });
  const tab = tabOf(TABS, state.tab);
  return (
    <Screen
      actions={
        <PeriodPicker
          choose={(chosen) => change({ from: chosen.from ?? "now-1h", to: chosen.to })}
          from={from}
          to={to}
        />
      }
      says="Both ends of a call keep a record of it. Here is where they do not agree."
      title="Tally"
    >
      <Tabs
        choose={(name) => change({ tab: name === "breaks" ? undefined : name })}
        chosen={tab}
        label="Parts of the tally"
        tabs={TABS}
      />
      {tab === "breaks" && <BreakList change={change} period={period} state={state} />}
      {tab === "coverage" && <CoverageView period={period} />}
      {tab === "clocks" && <ClocksView period={period} />}
      {tab === "names" && <NamesView />}
    </Screen>
  );
}
