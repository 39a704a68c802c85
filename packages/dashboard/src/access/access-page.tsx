import { useNavigate, useSearch } from "@tanstack/react-router";
import { Screen } from "../page/panel.tsx";
import { NotForYou } from "../page/problem-view.tsx";
import { tabOf, Tabs } from "../page/tabs.tsx";
import { useWho } from "../page/who.ts";
import { DataReport } from "./data-report.tsx";
import { KeyList } from "./key-list.tsx";
import { ReadList } from "./read-list.tsx";
import { SessionList } from "./session-list.tsx";
import { UserList } from "./user-list.tsx";

const TABS = [
  ["reads", "Who read what", "audit"],
  ["data", "Access to data", "audit"],
  ["users", "Users", "manage"],
  ["keys", "Keys", "manage"],
  ["sessions", "Logged in", "manage"],
] as const;

/** Who read the log, who touched which data, and who may do what. */
export function AccessPage() {
  const state = useSearch({ from: "/access" });
  const navigate = useNavigate({ from: "/access" });
  const { permissions } = useWho();
  const tabs = TABS.filter(([, , needed]) => permissions.includes(needed)).map(
    ([name, title]) => [name, title] as const,
  );
  const { from, to, by } = state;
  if (tabs.length === 0)
    return (
      <Screen title="Access">
        <NotForYou says="Who read the log, and who may, is for auditors, investigators and administrators." />
      </Screen>
    );
  const tab = tabOf(tabs, state.tab);
  return (
    <Screen
      says="Every read of the log is a record of the log, and so is every change of who may read it."
      title="Access"
    >
      <Tabs
        choose={(name) => void navigate({ search: { tab: name === "reads" ? undefined : name } })}
        chosen={tab}
        label="Parts of access"
        tabs={tabs}
      />
      {tab === "reads" && (
        <ReadList
          by={by}
          change={(changes) => void navigate({ search: (before) => ({ ...before, ...changes }) })}
          from={from}
          to={to}
        />
      )}
      {tab === "data" && <DataReport />}
      {tab === "users" && <UserList />}
      {tab === "keys" && <KeyList />}
      {tab === "sessions" && <SessionList />}
    </Screen>
  );
}
