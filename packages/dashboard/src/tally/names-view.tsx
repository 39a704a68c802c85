import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteJson, postJson } from "../client/api.ts";
import type { Aliases, Party } from "../client/tally.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { Field, FormFault } from "../page/field.tsx";
import { ServiceLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMay } from "../page/who.ts";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";

/** Which parties never record, and which service stands behind a name; each can be declared and taken back. */
export function NamesView() {
  return (
    <div className="grid gap-4 xl:grid-cols-2">
      <Parties />
      <Names />
    </div>
  );
}

function useDeclaring(path: string) {
  const queries = useQueryClient();
  const done = () => void queries.invalidateQueries({ queryKey: [path] });
  const declare = useMutation({ mutationFn: (body: object) => postJson(path, body), onSuccess: done });
  const takeBack = useMutation({
    mutationFn: (name: string) => deleteJson(`${path}/${encodeURIComponent(name)}`),
    onSuccess: done,
  });
  return { declare, takeBack };
}

function Parties() {
  const { clock } = useMoments();
  const mayDeclare = useMay("manage");
  const found = useApi<{ readonly parties: readonly Party[] }>("/api/parties");
  const { declare, takeBack } = useDeclaring("/api/parties");
  return (
    <Panel flush note="their missing half is no break" title="Parties that never record">
      <Answer of={found}>
        {({ parties }) => (
          <DataTable
            columns={[
              { title: "party", cell: ({ name }) => <ServiceLink name={name} /> },
              { title: "why", cell: ({ reason }) => reason ?? "" },
              { title: "from", className: "text-quiet", cell: (one) => whence(one, clock) },
              {
                title: "",
                cell: ({ name, source }) =>
                  mayDeclare &&
                  source === "declared" && <Button onClick={() => takeBack.mutate(name)}>Take back</Button>,
              },
            ]}
            empty="None is declared; databases are known by their protocol."
            keyOf={({ name }) => name}
            label="Parties that never record"
            rows={parties}
          />
        )}
      </Answer>
      {mayDeclare && (
        <Declare
          error={declare.error ?? takeBack.error}
          names={["name", "reason"]}
          send={(fields) => declare.mutateAsync(fields)}
          title="Declare a party"
        />
      )}
    </Panel>
  );
}

function whence(
  { source, declared_by: by, declared_at: at }: Pick<Party, "source" | "declared_by" | "declared_at">,
  clock: (text: string) => string,
): string {
  return at === null ? source : `${by ?? "somebody"}, ${clock(at)}`;
}

function Names() {
  const { clock } = useMoments();
  const mayDeclare = useMay("manage");
  const found = useApi<Aliases>("/api/aliases");
  const { declare, takeBack } = useDeclaring("/api/aliases");
  return (
    <Panel flush note="declared, configured, or learned from pairs" title="Who stands behind a name">
      <Answer of={found}>
        {({ aliases }) => (
          <DataTable
            columns={[
              { title: "name", className: "font-mono text-xs", cell: ({ name }) => name },
              {
                title: "service",
                cell: ({ service }) =>
                  service === null ? <span className="text-quiet">several</span> : <ServiceLink name={service} />,
              },
              { title: "from", className: "text-quiet", cell: (one) => whence(one, clock) },
              {
                title: "",
                cell: ({ name, source }) =>
                  mayDeclare &&
                  source === "declared" && <Button onClick={() => takeBack.mutate(name)}>Take back</Button>,
              },
            ]}
            empty="Every name is a service's own."
            keyOf={({ name, source }) => `${name} ${source}`}
            label="Who stands behind a name"
            rows={aliases}
          />
        )}
      </Answer>
      {mayDeclare && (
        <Declare
          error={declare.error ?? takeBack.error}
          names={["name", "service"]}
          send={(fields) => declare.mutateAsync(fields)}
          title="Declare a name"
        />
      )}
    </Panel>
  );
}

interface DeclareProps {
  readonly title: string;
  readonly names: readonly [string, string];
  readonly send: (fields: Readonly<Record<string, string>>) => Promise<unknown>;
  readonly error: Error | null;
}

function Declare({ title, names, send, error }: DeclareProps) {
  const [fields, setFields] = useState<Readonly<Record<string, string>>>({});
  const isReady = names.every((name) => (fields[name] ?? "").trim() !== "");
  return (
    <form
      className="flex flex-wrap items-end gap-3 border-t border-line p-4"
      onSubmit={(event) => {
        event.preventDefault();
        // What was typed stays where it was refused; the fault is shown.
        send(fields).then(
          () => setFields({}),
          () => undefined,
        );
      }}
    >
      {names.map((name) => (
        <Field
          key={name}
          label={`${name[0]?.toUpperCase() ?? ""}${name.slice(1)}`}
          maxLength={256}
          onChange={(event) => setFields({ ...fields, [name]: event.target.value })}
          value={fields[name] ?? ""}
        />
      ))}
      <Button disabled={!isReady} type="submit">
        {title}
      </Button>
      <FormFault error={error} />
    </form>
  );
}
