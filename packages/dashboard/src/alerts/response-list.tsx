import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { postJson } from "../client/api.ts";
import type { Response } from "../client/alerts.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { Chip } from "../page/chip.tsx";
import { CredentialLink, ServiceLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Reason } from "../page/reason.tsx";
import { Answer } from "../page/states.tsx";
import { useMay } from "../page/who.ts";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";

const PATH = "/api/responses";
const TONES: Readonly<Record<string, "good" | "bad" | "warn" | "quiet">> = {
  active: "bad",
  proposed: "warn",
  dry_run: "quiet",
};

/** What was done about alerts, what is in force, and the way to undo it. */
export function ResponseList() {
  const { clock, label } = useMoments();
  const queries = useQueryClient();
  const mayUndo = useMay("respond");
  const [undoing, setUndoing] = useState<Response | null>(null);
  const found = useApi<{ readonly responses: readonly Response[] }>(PATH, { limit: 200 }, { everyMs: 15_000 });
  const undo = useMutation({
    mutationFn: ({ id, reason }: { readonly id: string; readonly reason: string }) =>
      postJson(`${PATH}/${encodeURIComponent(id)}/undo`, { reason }),
    onSettled: () => void queries.invalidateQueries({ queryKey: [PATH] }),
  });
  return (
    <Panel flush note={`newest first, times in ${label}`} title="Responses and blocks">
      <Answer lines={3} of={found}>
        {({ responses }) => (
          <DataTable
            columns={[
              {
                title: "is",
                cell: ({ state }) => <Chip tone={TONES[state] ?? "quiet"}>{state.replace("_", " ")}</Chip>,
              },
              { title: "what", cell: ({ kind }) => kind.replaceAll("_", " ") },
              { title: "of", cell: ({ target }) => <Target target={target} /> },
              { title: "why", className: "max-w-sm", cell: ({ reason }) => reason },
              { title: "by", cell: ({ by, rule }) => (rule === null ? by : `${by}, rule ${rule}`) },
              { title: "since", cell: ({ since }) => (since === null ? "" : clock(since)) },
              { title: "until", cell: ({ until }) => (until === null ? "" : clock(until)) },
              {
                title: "",
                cell: (one) =>
                  mayUndo &&
                  ["active", "proposed", "dry_run"].includes(one.state) && (
                    <Button onClick={() => setUndoing(one)}>{one.state === "proposed" ? "Take back" : "Undo"}</Button>
                  ),
              },
            ]}
            empty="Nothing is blocked, and nothing was. A credential is blocked from its own screen; a rule may propose it."
            keyOf={({ id }) => id}
            label="Responses and blocks"
            rows={responses}
          />
        )}
      </Answer>
      {undoing !== null && (
        <Reason
          close={() => setUndoing(null)}
          done={(reason) => undo.mutateAsync({ id: undoing.id, reason })}
          says="It has no effect from then on. That it was undone, by whom and why, is recorded."
          title="Undo this response?"
          word="Undo"
        />
      )}
    </Panel>
  );
}

function Target({ target }: { readonly target: Readonly<Record<string, string>> }) {
  return Object.entries(target).map(([name, value]) => (
    <span className="mr-2" key={name}>
      {name === "credential_id" ? (
        <CredentialLink id={value} />
      ) : ["service", "caller", "callee"].includes(name) ? (
        <ServiceLink name={value} />
      ) : (
        `${name} ${value}`
      )}
    </span>
  ));
}
