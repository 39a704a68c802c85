import { useMutation, useQueryClient } from "@tanstack/react-query";
import { deleteJson } from "../client/api.ts";
import type { LoginSession } from "../client/people.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { FormFault } from "../page/field.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";

const PATH = "/api/sessions";

/** Who is logged in, how and from where; each session can be ended. */
export function SessionList() {
  const { clock, label } = useMoments();
  const queries = useQueryClient();
  const found = useApi<{ readonly sessions: readonly LoginSession[] }>(PATH, {}, { everyMs: 30_000 });
  const end = useMutation({
    mutationFn: (id: string) => deleteJson(`${PATH}/${encodeURIComponent(id)}`),
    onSuccess: () => void queries.invalidateQueries({ queryKey: [PATH] }),
  });
  return (
    <Panel flush note={`times in ${label}`} title="Logged in">
      <Answer lines={3} of={found}>
        {({ sessions }) => (
          <DataTable
            columns={[
              { title: "who", cell: ({ name }) => name },
              { title: "by", cell: ({ method }) => method },
              { title: "from", className: "font-mono text-xs", cell: ({ address }) => address },
              { title: "since", cell: ({ created_at: at }) => clock(at) },
              { title: "last used", cell: ({ last_used_at: at }) => clock(at) },
              { title: "ends", cell: ({ expires_at: at }) => clock(at) },
              { title: "", cell: ({ id }) => <Button onClick={() => end.mutate(id)}>End</Button> },
            ]}
            empty="Nobody is logged in."
            keyOf={({ id }) => id}
            label="Logged in"
            rows={sessions}
          />
        )}
      </Answer>
      <FormFault error={end.error} />
    </Panel>
  );
}
