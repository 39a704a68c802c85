import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { postJson } from "../client/api.ts";
import type { Hold } from "../client/keeping.ts";
import { useApi } from "../client/use-api.ts";
import { Allowed } from "../page/allowed.tsx";
import { Button } from "../page/button.tsx";
import { Field, FormFault } from "../page/field.tsx";
import { SearchLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMay } from "../page/who.ts";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";
import { Reason } from "../page/reason.tsx";

const PATH = "/api/holds";

/** What must not go, whatever its retention says. */
export function HoldList() {
  const { label } = useMoments();
  const queries = useQueryClient();
  const found = useApi<{ readonly holds: readonly Hold[] }>(PATH);
  const onSuccess = () => void queries.invalidateQueries({ queryKey: [PATH] });
  const [leaving, setLeaving] = useState<Hold | null>(null);
  const release = useMutation({
    mutationFn: ({ id, reason }: { readonly id: string; readonly reason: string }) =>
      postJson<{ readonly state: string }>(`${PATH}/${encodeURIComponent(id)}/release`, { reason }),
    onSuccess,
  });
  return (
    <Panel flush note={`what stays whatever its retention says; times in ${label}`} title="Holds">
      <Answer lines={4} of={found}>
        {({ holds }) => <Placed holds={holds} release={setLeaving} />}
      </Answer>
      {release.data?.state === "pending" && (
        <p className="m-4 rounded bg-warn-ground px-3 py-2 text-warn" role="status">
          Proposed; a second person must approve it under Approvals.
        </p>
      )}
      <Allowed to="hold">
        <NewHold done={onSuccess} />
      </Allowed>
      {leaving !== null && (
        <Reason
          close={() => setLeaving(null)}
          done={(reason) => release.mutateAsync({ id: leaving.id, reason })}
          says="Its records go when their retention ends. That it was released, by whom and why, is recorded."
          title={`Release the hold ${leaving.name}?`}
          word="Release"
        />
      )}
    </Panel>
  );
}

interface PlacedProps {
  readonly holds: readonly Hold[];
  readonly release: (hold: Hold) => void;
}

function Placed({ holds, release }: PlacedProps) {
  const { clock } = useMoments();
  const mayRelease = useMay("hold");
  return (
    <DataTable
      columns={[
        {
          title: "hold",
          cell: ({ name, released_at: at }) => (
            <span className={at === null ? "font-medium" : "text-quiet"}>{name}</span>
          ),
        },
        {
          title: "records",
          className: "max-w-md font-mono text-xs [overflow-wrap:anywhere]",
          cell: ({ query }) => (
            <SearchLink from="all" q={query}>
              {query}
            </SearchLink>
          ),
        },
        { title: "logs", cell: ({ logs }) => logs?.join(", ") ?? "all" },
        { title: "owner", cell: ({ owner }) => owner },
        { title: "reason", className: "max-w-xs", cell: ({ reason }) => reason },
        { title: "placed", cell: ({ placed_by: by, placed_at: at }) => `${by}, ${clock(at)}` },
        {
          title: "",
          cell: (hold) =>
            hold.released_at === null ? (
              mayRelease && <Button onClick={() => release(hold)}>Release</Button>
            ) : (
              <span className="text-quiet">
                released by {hold.released_by} {clock(hold.released_at)}
              </span>
            ),
        },
      ]}
      empty="No hold is in force: every epoch goes when its time is over."
      keyOf={({ id }) => id}
      label="Holds"
      rows={holds}
    />
  );
}

const FIELDS = [
  ["name", "Name", "as litigation-4"],
  ["query", "Records", "a query, as service_id:payments"],
  ["owner", "Owner", "a person or a matter"],
  ["reason", "Reason", ""],
] as const;

function NewHold({ done }: { readonly done: () => void }) {
  const [fields, setFields] = useState<Readonly<Record<string, string>>>({});
  const place = useMutation({
    mutationFn: () => postJson(PATH, fields),
    onSuccess: () => {
      setFields({});
      done();
    },
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    place.mutate();
  };
  return (
    <form className="flex flex-wrap items-end gap-3 border-t border-line p-4" onSubmit={send}>
      {FIELDS.map(([name, title, example]) => (
        <Field
          className="grow basis-40"
          key={name}
          label={title}
          maxLength={1_000}
          onChange={(event) => setFields({ ...fields, [name]: event.target.value })}
          placeholder={example}
          value={fields[name] ?? ""}
        />
      ))}
      <Button disabled={FIELDS.some(([name]) => (fields[name] ?? "").trim() === "") || place.isPending} type="submit">
        Place a hold
      </Button>
      <FormFault error={place.error} />
    </form>
  );
}
