import { useMutation, useQueryClient } from "@tanstack/react-query";
import { postJson } from "../client/api.ts";
import type { Channel, Notification } from "../client/detectors.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { Chip } from "../page/chip.tsx";
import { FormFault } from "../page/field.tsx";
import { formatCount } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { Answer, Empty } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";
import type { AlertsState } from "./alerts-page.tsx";
import { NOTIFICATIONS, NotificationList } from "./notification-list.tsx";

const CHANNELS = "/api/channels";
const EVERY_MS = 5_000;
/** What fails for a moment is tried twice more by then. */
const WAIT_S = 20;

interface ChannelListProps {
  readonly state: AlertsState;
  readonly change: (changes: AlertsState) => void;
}

/** Where notifications go, whether each way works, and what became of what was sent. */
export function ChannelList({ state, change }: ChannelListProps) {
  const queries = useQueryClient();
  const found = useApi<{ readonly channels: readonly Channel[] }>(CHANNELS, {}, { everyMs: EVERY_MS });
  const test = useMutation({
    mutationFn: (name: string) =>
      postJson<Notification>(`${CHANNELS}/${encodeURIComponent(name)}/test?wait=${WAIT_S}`, {}),
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: [CHANNELS] });
      void queries.invalidateQueries({ queryKey: [NOTIFICATIONS] });
    },
  });
  return (
    <>
      <Panel flush note="from the configuration; secrets stay in their files" title="Channels">
        <Answer empty={{ when: ({ channels }) => channels.length === 0, says: <NoChannel /> }} lines={3} of={found}>
          {({ channels }) => (
            <DataTable
              columns={[
                { title: "name", cell: ({ name }) => <span className="font-medium">{name}</span> },
                { title: "kind", cell: ({ kind }) => kind },
                { title: "of what is over", cell: (one) => (one.sends_resolved ? "told too" : "not told") },
                { title: "at most", cell: (one) => `${formatCount(one.per_minute)} a minute` },
                { title: "waiting", numeric: true, cell: ({ queued }) => formatCount(queued) },
                {
                  title: "given up",
                  numeric: true,
                  cell: ({ dead }) => (dead === 0 ? "0" : <span className="text-bad">{formatCount(dead)}</span>),
                },
                {
                  title: "last test",
                  cell: ({ name }) => <LastTest channel={name} />,
                },
                {
                  title: "",
                  cell: ({ name }) => (
                    <Button disabled={test.isPending && test.variables === name} onClick={() => test.mutate(name)}>
                      {test.isPending && test.variables === name ? "Waiting…" : "Send a test"}
                    </Button>
                  ),
                },
              ]}
              keyOf={({ name }) => name}
              label="Channels"
              rows={channels}
            />
          )}
        </Answer>
        <FormFault error={test.error} />
      </Panel>
      <NotificationList change={change} state={state} />
    </>
  );
}

function NoChannel() {
  return (
    <Empty>
      No channel is configured, so nobody is told. <code className="font-mono">alerts.channels</code> names them:
      webhook, Slack, PagerDuty, Alertmanager, e-mail.
    </Empty>
  );
}

const SAID = { queued: "on its way", delivered: "arrived", dead: "given up" } as const;
const TONES = { queued: "quiet", delivered: "good", dead: "bad" } as const;

function LastTest({ channel }: { readonly channel: string }) {
  const { clock } = useMoments();
  const { data } = useApi<{ readonly notifications: readonly Notification[] }>(
    NOTIFICATIONS,
    { channel, limit: 50 },
    { everyMs: EVERY_MS },
  );
  const last = data?.notifications.find(({ purpose }) => purpose === "test");
  if (last === undefined) return <span className="text-quiet">none</span>;
  return (
    <span className="flex flex-wrap items-baseline gap-2">
      <Chip tone={last.error === null ? TONES[last.state] : last.state === "queued" ? "warn" : TONES[last.state]}>
        {SAID[last.state]}
      </Chip>
      <span className="text-xs text-quiet">{clock(last.ended_at ?? last.created_at)}</span>
      {last.answer !== null && <span className="text-xs text-quiet">{last.answer}</span>}
      {last.error !== null && <span className="text-xs text-bad [overflow-wrap:anywhere]">{last.error}</span>}
      {last.state === "queued" && last.next_at !== null && last.attempts > 0 && (
        <span className="text-xs text-quiet">
          {formatCount(last.attempts)} {last.attempts === 1 ? "try" : "tries"}; the next at {clock(last.next_at)}
        </span>
      )}
    </span>
  );
}
