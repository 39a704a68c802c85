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
  return (
    <Screen says={saysOf(tab, mayAct)} title="Alerts">
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

function saysOf(tab: (typeof TABS)[number][0], mayAct: boolean): string {
  if (tab === "silences") return "What fires and notifies nobody for a time, with the reason. It is still recorded.";
  if (tab === "responses") return "What was done against a credential, a service or an edge, by a rule or by a person.";
  if (tab === "channels") return "Whom alerts are sent to, and what became of each message.";
  const keys = "Keys: j and k go through the list, Enter opens";
  return mayAct ? `${keys}, a acknowledges, r resolves.` : `${keys}.`;
}
