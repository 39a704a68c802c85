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
import { DataTable, type DataColumn } from "../table/data-table.tsx";

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
  return (
    <Declared
      columns={[
        { title: "party", cell: ({ name }) => <ServiceLink name={name} /> },
        { title: "why", cell: ({ reason }) => reason ?? "" },
      ]}
      empty="None is declared; databases are known by their protocol."
      names={["name", "reason"]}
      note="their missing half is no break"
      path="/api/parties"
      rowsOf={(answer: { readonly parties: readonly Party[] }) => answer.parties}
      title="Parties that never record"
      word="Declare a party"
    />
  );
}

function Names() {
  return (
    <Declared
      columns={[
        { title: "name", className: "font-mono text-xs", cell: ({ name }) => name },
        {
          title: "service",
          cell: ({ service }) =>
            service === null ? <span className="text-quiet">several</span> : <ServiceLink name={service} />,
        },
      ]}
      empty="Every name is a service's own."
      names={["name", "service"]}
      note="declared, configured, or learned from pairs"
      path="/api/aliases"
      rowsOf={({ aliases }: Aliases) => aliases}
      title="Who stands behind a name"
      word="Declare a name"
    />
  );
}

type Sourced = Pick<Party, "name" | "source" | "declared_by" | "declared_at">;

interface DeclaredProps<Row, Told> {
  readonly path: string;
  readonly rowsOf: (answer: Told) => readonly Row[];
  readonly title: string;
  readonly note: string;
  readonly columns: readonly DataColumn<Row>[];
  readonly empty: string;
  /** The two things that are said of each. */
  readonly names: readonly [string, string];
  /** On the button. */
  readonly word: string;
}

/** What was declared, by whom, and what else is known of the kind; who may declare does so beneath. */
function Declared<Row extends Sourced, Told>(props: DeclaredProps<Row, Told>) {
  const { path, rowsOf, title, note, columns, empty, names, word } = props;
  const { clock, label } = useMoments();
  const mayDeclare = useMay("manage");
  const found = useApi<Told>(path);
  const { declare, takeBack } = useDeclaring(path);
  return (
    <Panel flush note={`${note}; times in ${label}`} title={title}>
      <Answer of={found}>
        {(answer) => (
          <DataTable
            columns={[
              ...columns,
              { title: "from", className: "text-quiet", cell: (one) => whence(one, clock) },
              {
                title: "",
                cell: ({ name, source }) =>
                  mayDeclare &&
                  source === "declared" && <Button onClick={() => takeBack.mutate(name)}>Take back</Button>,
              },
            ]}
            empty={empty}
            keyOf={({ name, source }) => `${name} ${source}`}
            label={title}
            rows={rowsOf(answer)}
          />
        )}
      </Answer>
      {mayDeclare && (
        <Declare
          error={declare.error ?? takeBack.error}
          names={names}
          send={(fields) => declare.mutateAsync(fields)}
          title={word}
        />
      )}
    </Panel>
  );
}

function whence({ source, declared_by: by, declared_at: at }: Sourced, clock: (text: string) => string): string {
  return at === null ? source : `${by ?? "somebody"}, ${clock(at)}`;
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
