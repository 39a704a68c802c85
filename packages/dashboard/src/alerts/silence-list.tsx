import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteJson } from "../client/api.ts";
import type { Silence } from "../client/alerts.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { Chip } from "../page/chip.tsx";
import { FormFault } from "../page/field.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMay } from "../page/who.ts";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";
import { SilenceForm } from "./silence-form.tsx";

const PATH = "/api/silences";
const TONES = { active: "warn", pending: "quiet", expired: "quiet" } as const;

/** What notifies nobody for a time, and why. */
export function SilenceList() {
  const { clock, label } = useMoments();
  const queries = useQueryClient();
  const mayAct = useMay("alert");
  const [isPlacing, setIsPlacing] = useState(false);
  const found = useApi<{ readonly silences: readonly Silence[] }>(PATH, {}, { everyMs: 30_000 });
  const end = useMutation({
    mutationFn: (id: string) => deleteJson(`${PATH}/${encodeURIComponent(id)}`),
    onSuccess: () => void queries.invalidateQueries({ queryKey: [PATH] }),
  });
  return (
    <Panel
      actions={mayAct && <Button onClick={() => setIsPlacing(true)}>New silence</Button>}
      flush
      note={`times in ${label}`}
      title="Silences"
    >
      <Answer lines={3} of={found}>
        {({ silences }) => (
          <DataTable
            columns={[
              { title: "is", cell: ({ state }) => <Chip tone={TONES[state]}>{state}</Chip> },
              { title: "matches", className: "font-mono text-xs", cell: ({ matchers }) => matchers.join(", ") },
              { title: "why", className: "max-w-md", cell: ({ comment }) => comment },
              { title: "by", cell: ({ created_by: by }) => by },
              { title: "from", cell: ({ starts_at: at }) => clock(at) },
              {
                title: "to",
                cell: ({ ends_at: at, ended_by: by }) => `${clock(at)}${by === null ? "" : `, ended by ${by}`}`,
              },
              {
                title: "",
                cell: ({ id, state }) =>
                  mayAct && state !== "expired" && <Button onClick={() => end.mutate(id)}>End</Button>,
              },
            ]}
            empty="Nothing is silenced. New silence, or Silence beside an alert, places one."
            keyOf={({ id }) => id}
            label="Silences"
            rows={silences}
          />
        )}
      </Answer>
      <FormFault error={end.error} />
      {isPlacing && <SilenceForm close={() => setIsPlacing(false)} matchers={[]} />}
    </Panel>
  );
}
