import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { postJson } from "../client/api.ts";
import type { Erasure, ErasurePreview } from "../client/keeping.ts";
import { useApi } from "../client/use-api.ts";
import { Allowed } from "../page/allowed.tsx";
import { Button } from "../page/button.tsx";
import { Field, FormFault } from "../page/field.tsx";
import { formatCount } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";
import { Reason } from "../page/reason.tsx";

const PATH = "/api/erasures";

/** What was erased, by whom and why; and bodies of all that is about a person, counted before they go. */
export function ErasureList() {
  const { clock, label } = useMoments();
  const found = useApi<{ readonly erasures: readonly Erasure[] }>(PATH);
  return (
    <>
      <Allowed to="erase">
        <EraseSubject />
      </Allowed>
      <Panel flush note={`commitments and proofs stay; times in ${label}`} title="Erased">
        <Answer lines={3} of={found}>
          {({ erasures }) => (
            <DataTable
              columns={[
                { title: "when", cell: ({ at }) => clock(at) },
                { title: "what", className: "max-w-md [overflow-wrap:anywhere]", cell: ({ target }) => target },
                { title: "records", numeric: true, cell: ({ records }) => formatCount(records) },
                { title: "bodies", numeric: true, cell: ({ bodies }) => formatCount(bodies) },
                { title: "whole records", numeric: true, cell: ({ leaves }) => formatCount(leaves) },
                { title: "reason", className: "max-w-xs", cell: ({ reason }) => reason },
                {
                  title: "by",
                  cell: ({ by, approved_by: other }) => (other === null ? by : `${by}, approved by ${other}`),
                },
              ]}
              empty="Nothing was erased."
              keyOf={({ id }) => id}
              label="Erased"
              rows={erasures}
            />
          )}
        </Answer>
      </Panel>
    </>
  );
}

function EraseSubject() {
  const queries = useQueryClient();
  const [subject, setSubject] = useState("");
  const [isAsking, setIsAsking] = useState(false);
  const preview = useMutation({
    mutationFn: () => postJson<ErasurePreview>(PATH, { subject, reason: "counting before erasing", dry_run: true }),
  });
  const erase = useMutation({
    mutationFn: (reason: string) => postJson<ErasurePreview>(PATH, { subject, reason }),
    onSuccess: () => void queries.invalidateQueries({ queryKey: [PATH] }),
  });
  const counted = preview.data;
  return (
    <Panel note="sealed bodies of every record about a person" title="Erase">
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          preview.mutate();
        }}
      >
        <Field
          className="grow basis-64"
          label="Person"
          maxLength={256}
          onChange={(event) => {
            setSubject(event.target.value);
            preview.reset();
            erase.reset();
          }}
          placeholder="a value of subject_refs"
          value={subject}
        />
        <Button disabled={subject.trim() === "" || preview.isPending} type="submit">
          Count what would go
        </Button>
      </form>
      <div className="mt-3 flex flex-col gap-3">
        <FormFault error={preview.error} />
        {counted !== undefined && erase.data === undefined && (
          <Counted counted={counted} erase={() => setIsAsking(true)} />
        )}
        {erase.data !== undefined && (
          <p className="rounded bg-good-ground px-3 py-2 text-good" role="status">
            {erase.data.state === "pending"
              ? "Proposed: a second person must approve it."
              : (erase.data.outcome ?? "Erased.")}
          </p>
        )}
      </div>
      {isAsking && (
        <Reason
          close={() => setIsAsking(false)}
          done={(reason) => erase.mutateAsync(reason)}
          says="The bytes are overwritten and cannot be brought back. The records, their commitments and their proofs stay."
          title={`Erase the bodies about ${subject}?`}
          word="Erase"
        />
      )}
    </Panel>
  );
}

function Counted({ counted, erase }: { readonly counted: ErasurePreview; readonly erase: () => void }) {
  const { clock } = useMoments();
  return (
    <p role="status">
      {formatCount(counted.bodies)} bodies of {formatCount(counted.records)} records
      {counted.first_received_at === null || counted.last_received_at === null
        ? ""
        : `, received ${clock(counted.first_received_at)} to ${clock(counted.last_received_at)}`}
      ; {formatCount(counted.already_erased)} are gone already.{" "}
      {counted.backups.length > 0 && `Backups that still hold them: ${counted.backups.join(", ")}. `}
      {counted.bodies + counted.leaves > 0 && (
        <Button kind="danger" onClick={erase}>
          Erase them
        </Button>
      )}
    </p>
  );
}
