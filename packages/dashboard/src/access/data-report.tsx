import { useState } from "react";
import type { AccessReport } from "../client/people.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { Field } from "../page/field.tsx";
import { formatCount } from "../page/format.ts";
import { CredentialLink, SearchLink, ServiceLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { SelectField, wordChoices } from "../page/select-box.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";

interface Asked {
  readonly data_class?: string;
  readonly data_category?: string;
  readonly subject_ref?: string;
}

const CLASSES = ["public", "internal", "confidential", "restricted"];
const CATEGORIES = ["pii", "phi", "pci", "secret"];

/** Which services read or changed data of a class, a category or about a person, with which credential. */
export function DataReport() {
  const [draft, setDraft] = useState({ data_class: "", data_category: "pci", subject_ref: "" });
  const [asked, setAsked] = useState<Asked>({ data_category: "pci" });
  const found = useApi<AccessReport>("/api/access-report", { ...asked, from: "now-30d", limit: 1 }, { keep: true });
  const isEmpty = Object.values(draft).every((value) => value.trim() === "");
  return (
    <>
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(Object.fromEntries(Object.entries(draft).filter(([, value]) => value.trim() !== "")));
        }}
      >
        {(
          [
            ["data_class", "Class", CLASSES],
            ["data_category", "Category", CATEGORIES],
          ] as const
        ).map(([name, title, values]) => (
          <SelectField
            choices={[["", "any"], ...wordChoices(values)]}
            choose={(value) => setDraft({ ...draft, [name]: value })}
            key={name}
            label={title}
            value={draft[name]}
          />
        ))}
        <Field
          label="Person"
          maxLength={256}
          onChange={(event) => setDraft({ ...draft, subject_ref: event.target.value })}
          placeholder="a value of subject_refs"
          value={draft.subject_ref}
        />
        <Button disabled={isEmpty} kind="main" type="submit">
          Show
        </Button>
      </form>
      <Answer lines={8} of={found}>
        {(report) => <Report asked={asked} report={report} />}
      </Answer>
    </>
  );
}

function Report({ report, asked }: { readonly report: AccessReport; readonly asked: Asked }) {
  const { clock, label } = useMoments();
  const q = Object.entries({
    data_class: asked.data_class,
    data_categories: asked.data_category,
    subject_refs: asked.subject_ref,
  })
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => term(field, value ?? ""))
    .join(" AND ");
  return (
    <>
      <Panel
        actions={
          <SearchLink from="now-30d" q={q}>
            the calls
          </SearchLink>
        }
        flush
        note={`of the last 30 days, times in ${label}${report.more_lines ? "; there are more credentials" : ""}`}
        title="Access by services"
      >
        <DataTable
          columns={[
            { title: "what", cell: ({ kind }) => kind },
            { title: "service", cell: ({ service_id: name }) => <ServiceLink name={name} /> },
            { title: "credential", cell: ({ credential_id: id }) => (id === "" ? "" : <CredentialLink id={id} />) },
            { title: "subject", cell: ({ auth_subject: subject }) => subject },
            { title: "calls", numeric: true, sort: ({ calls }) => calls, cell: ({ calls }) => formatCount(calls) },
            { title: "denied", numeric: true, sort: ({ denied }) => denied, cell: ({ denied }) => formatCount(denied) },
            { title: "first", cell: ({ first }) => clock(first) },
            { title: "last", cell: ({ last }) => clock(last) },
          ]}
          empty="No call touched such data."
          keyOf={(line) => `${line.kind} ${line.service_id} ${line.credential_id} ${line.auth_subject}`}
          label="Access by services"
          rows={report.lines}
        />
      </Panel>
      <Panel flush note="by people, here" title="Sealed bodies that were opened">
        <DataTable
          columns={[
            { title: "time", cell: ({ timestamp }) => clock(timestamp) },
            { title: "who", cell: ({ auth_subject: who }) => who },
            { title: "from", className: "font-mono text-xs", cell: ({ client_address: address }) => address },
            { title: "reason", cell: ({ reason }) => reason },
            { title: "which", className: "font-mono text-xs", cell: ({ payloads }) => payloads.join(", ") },
          ]}
          empty="Nobody opened one."
          keyOf={({ timestamp, auth_subject: who }) => `${timestamp} ${who}`}
          label="Sealed bodies that were opened"
          rows={report.opened}
        />
      </Panel>
    </>
  );
}
