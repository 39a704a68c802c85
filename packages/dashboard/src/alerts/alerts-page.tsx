import { useNavigate, useSearch } from "@tanstack/react-router";
import { Screen } from "../page/panel.tsx";
import { tabOf, Tabs } from "../page/tabs.tsx";
import { useMay } from "../page/who.ts";
import { AlertBoard } from "./alert-board.tsx";
import { ChannelList } from "./channel-list.tsx";
import { ResponseList } from "./response-list.tsx";
import { SilenceList } from "./silence-list.tsx";

const TABS = [
  ["alerts", "Alerts"],
  ["silences", "Silences"],
  ["responses", "Responses"],
  ["channels", "Channels"],
] as const;

export type AlertsState = Partial<Record<"tab" | "id" | "state" | "level" | "group", string | undefined>>;

/** What needs somebody, with what shows it and both halves beneath; and what is silenced for a time. */
export function AlertsPage() {
  const state = useSearch({ from: "/alerts" });
  const navigate = useNavigate({ from: "/alerts" });
  const change = (changes: AlertsState) => void navigate({ search: (before) => ({ ...before, ...changes }) });
  const tab = tabOf(TABS, state.tab);
  const mayAct = useMay("alert");
  const keys = "Keys: j and k go through the list, Enter opens";
  return (
    <Screen says={mayAct ? `${keys}, a acknowledges, r resolves.` : `${keys}.`} title="Alerts">
      <Tabs
        choose={(name) => void navigate({ search: { tab: name === "alerts" ? undefined : name } })}
        chosen={tab}
        label="Parts of alerts"
        tabs={mayAct ? TABS : TABS.filter(([name]) => name !== "channels")}
      />
      {tab === "alerts" && <AlertBoard change={change} state={state} />}
      {tab === "silences" && <SilenceList />}
      {tab === "responses" && <ResponseList />}
      {tab === "channels" && <ChannelList change={change} state={state} />}
    </Screen>
  );
}
