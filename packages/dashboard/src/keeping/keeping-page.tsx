import { useNavigate, useSearch } from "@tanstack/react-router";
import { Screen } from "../page/panel.tsx";
import { tabOf, Tabs } from "../page/tabs.tsx";
import { useWho } from "../page/who.ts";
import { ApprovalList } from "./approval-list.tsx";
import { ErasureList } from "./erasure-list.tsx";
import { HoldList } from "./hold-list.tsx";
import { RetentionPlan } from "./retention-plan.tsx";

const TABS = [
  ["plan", "Logs and retention", "read"],
  ["holds", "Holds", "read"],
  ["erasures", "Erasures", "audit"],
  ["approvals", "Approvals", "audit"],
] as const;

/** What stays, how long and why; what must stay; what was taken out; what waits for a second person. */
export function KeepingPage() {
  const state = useSearch({ from: "/keeping" });
  const navigate = useNavigate({ from: "/keeping" });
  const { permissions } = useWho();
  const tabs = TABS.filter(([, , needed]) => permissions.includes(needed)).map(
    ([name, title]) => [name, title] as const,
  );
  const tab = tabOf(tabs, state.tab);
  return (
    <Screen
      says="Deleting is whole epochs by plan; erasing is single records for a reason. Both are records."
      title="Keeping"
    >
      <Tabs
        choose={(name) => void navigate({ search: { tab: name === "plan" ? undefined : name } })}
        chosen={tab}
        label="Parts of keeping"
        tabs={tabs}
      />
      {tab === "plan" && <RetentionPlan />}
      {tab === "holds" && <HoldList />}
      {tab === "erasures" && <ErasureList />}
      {tab === "approvals" && <ApprovalList />}
    </Screen>
  );
}
