import { useMutation, useQueryClient } from "@tanstack/react-query";
import { postJson } from "../client/api.ts";
import type { Approval } from "../client/keeping.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { Chip } from "../page/chip.tsx";
import { FormFault } from "../page/field.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useWho } from "../page/who.ts";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";

const PATH = "/api/approvals";
const EVERY_MS = 15_000;
const TONES: Readonly<Record<string, "good" | "bad" | "warn" | "quiet">> = {
  pending: "warn",
  approved: "good",
  done: "good",
  failed: "bad",
};

/** What waits for a second person, first; then what became of the rest. */
export function ApprovalList() {
  const { clock, label } = useMoments();
  const { name } = useWho();
  const queries = useQueryClient();
  const found = useApi<{ readonly approvals: readonly Approval[]; readonly approvers: readonly string[] }>(
    PATH,
    {},
    { everyMs: EVERY_MS },
  );
  const decide = useMutation({
    mutationFn: ({ id, word }: { readonly id: string; readonly word: "approve" | "reject" }) =>
      postJson(`${PATH}/${encodeURIComponent(id)}/${word}`, {}),
    onSettled: () => void queries.invalidateQueries({ queryKey: [PATH] }),
  });
  return (
    <Panel
      flush
      note={`${found.data === undefined ? "" : `${said(found.data.approvers)}; `}times in ${label}`}
      title="Approvals"
    >
      <Answer lines={3} of={found}>
        {({ approvals, approvers }) => (
          <DataTable
            columns={[
              { title: "is", cell: ({ state }) => <Chip tone={TONES[state] ?? "quiet"}>{state}</Chip> },
              { title: "what", cell: ({ action }) => action },
              { title: "to", className: "max-w-md [overflow-wrap:anywhere]", cell: ({ target }) => target },
              { title: "reason", className: "max-w-xs", cell: ({ reason }) => reason },
              { title: "proposed", cell: ({ proposed_by: by, proposed_at: at }) => `${by}, ${clock(at)}` },
              {
                title: "decided",
                cell: ({ decided_by: by, decided_at: at, state }) => {
                  if (by !== null && at !== null) return `${by}, ${clock(at)}`;
                  return state === "done" ? <span className="text-quiet">needed no second person</span> : "";
                },
              },
              { title: "outcome", cell: ({ outcome }) => outcome ?? "" },
              {
                title: "",
                cell: ({ id, state, proposed_by: by }) =>
                  state === "pending" && (
                    <Decision
                      approvers={approvers}
                      decide={(word) => decide.mutate({ id, word })}
                      isOwn={by === name}
                      isPending={decide.isPending}
                    />
                  ),
              },
            ]}
            empty="Nothing waits for a second person, and nothing did."
            keyOf={({ id }) => id}
            label="Approvals"
            rows={approvals.toSorted(waitingFirst)}
          />
        )}
      </Answer>
      <FormFault error={decide.error} />
    </Panel>
  );
}

interface DecisionProps {
  readonly isOwn: boolean;
  readonly approvers: readonly string[];
  readonly isPending: boolean;
  readonly decide: (word: "approve" | "reject") => void;
}

/** Nobody approves what he proposed himself; he may take it back. */
function Decision({ isOwn, approvers, isPending, decide }: DecisionProps) {
  const { name } = useWho();
  const mayDecide = approvers.includes(name);
  if (isOwn)
    return (
      <span className="flex flex-wrap items-center gap-2">
        <Button disabled={isPending} onClick={() => decide("reject")}>
          Take back
        </Button>
        <span className="text-quiet">somebody else must approve it</span>
      </span>
    );
  if (!mayDecide) return <span className="text-quiet">waits for an approver</span>;
  return (
    <span className="flex gap-2">
      <Button disabled={isPending} kind="main" onClick={() => decide("approve")}>
        Approve
      </Button>
      <Button disabled={isPending} onClick={() => decide("reject")}>
        Reject
      </Button>
    </span>
  );
}

function said(approvers: readonly string[]): string {
  return approvers.length === 0 ? "nobody may approve here" : `may approve: ${approvers.join(", ")}`;
}

function waitingFirst(a: Approval, b: Approval): number {
  const [one, other] = [a.state === "pending" ? 0 : 1, b.state === "pending" ? 0 : 1];
  return one - other || (a.proposed_at < b.proposed_at ? 1 : -1);
}
