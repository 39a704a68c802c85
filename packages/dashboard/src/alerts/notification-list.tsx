import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { postJson } from "../client/api.ts";
import type { Notification } from "../client/detectors.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { Chip } from "../page/chip.tsx";
import { FormFault } from "../page/field.tsx";
import { formatCount } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { SelectBox, type Choice } from "../page/select-box.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";
import type { AlertsState } from "./alerts-page.tsx";

export const NOTIFICATIONS = "/api/notifications";
const TONES = { queued: "warn", delivered: "good", dead: "bad" } as const;
const STATES = ["queued", "delivered", "dead"] as const;

interface NotificationListProps {
  readonly state: AlertsState;
  readonly change: (changes: AlertsState) => void;
}

/** What was sent, and what was given up, which can be sent again. */
export function NotificationList({ state: { state }, change }: NotificationListProps) {
  const { clock, label } = useMoments();
  const queries = useQueryClient();
  const found = useApi<{ readonly notifications: readonly Notification[] }>(
    NOTIFICATIONS,
    { state, limit: 100 },
    { everyMs: 5_000, keep: true },
  );
  const again = useMutation({
    mutationFn: (id: string) => postJson(`${NOTIFICATIONS}/${encodeURIComponent(id)}/retry`, {}),
    onSettled: () => void queries.invalidateQueries({ queryKey: [NOTIFICATIONS] }),
  });
  return (
    <Panel
      actions={
        <SelectBox
          aria-label="What became of them"
          choices={[["", "all"], ...STATES.map((name): Choice => [name, name === "dead" ? "given up" : name])]}
          choose={(chosen) => change({ state: chosen || undefined })}
          low
          value={state ?? ""}
        />
      }
      flush
      note={`newest first, times in ${label}`}
      title="Notifications"
    >
      <Answer lines={4} of={found}>
        {({ notifications }) => (
          <DataTable
            columns={[
              {
                title: "is",
                cell: (one) => <Chip tone={TONES[one.state]}>{one.state === "dead" ? "given up" : one.state}</Chip>,
              },
              { title: "when", className: "whitespace-nowrap", cell: ({ created_at: at }) => clock(at) },
              { title: "to", cell: ({ channel }) => channel },
              { title: "of", className: "[overflow-wrap:anywhere]", cell: subjectOf },
              { title: "attempts", numeric: true, cell: ({ attempts }) => formatCount(attempts) },
              {
                title: "last fault",
                className: "max-w-sm text-bad [overflow-wrap:anywhere]",
                cell: ({ error }) => error ?? "",
              },
              {
                title: "",
                cell: (one) =>
                  one.state === "dead" && <Button onClick={() => again.mutate(one.id)}>Send it again</Button>,
              },
            ]}
            empty="Nothing was sent."
            keyOf={({ id }) => id}
            label="Notifications"
            rows={notifications}
          />
        )}
      </Answer>
      <FormFault error={again.error} />
    </Panel>
  );
}

function subjectOf({ purpose, group_labels: labels, firing, resolved }: Notification) {
  if (purpose === "test") return `a test by ${labels["by"] ?? "somebody"}`;
  if (purpose === "response") return "a response";
  const [first] = [...firing, ...resolved];
  const says = Object.values(labels).filter((value) => value !== "");
  const count = firing.length > 0 ? `${formatCount(firing.length)} firing` : `${formatCount(resolved.length)} over`;
  return (
    <>
      {says.join(", ")}{" "}
      {first !== undefined && (
        <Link className="text-accent underline" search={{ id: first }} to="/alerts">
          {count}
        </Link>
      )}
    </>
  );
}
