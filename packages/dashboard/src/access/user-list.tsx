import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteJson, postJson } from "../client/api.ts";
import { ROLES, scopeText, type User } from "../client/people.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { Confirm } from "../page/confirm.tsx";
import { Field, FormFault } from "../page/field.tsx";
import { Panel } from "../page/panel.tsx";
import { SelectBox, SelectField, wordChoices } from "../page/select-box.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";

const PATH = "/api/users";
const ROLE_CHOICES = wordChoices(ROLES);

/** People, what they may do, and what they may see. */
export function UserList() {
  const queries = useQueryClient();
  const found = useApi<{ readonly users: readonly User[] }>(PATH);
  const onSuccess = () => void queries.invalidateQueries({ queryKey: [PATH] });
  const change = useMutation({
    mutationFn: ({ name, role }: { readonly name: string; readonly role: string }) =>
      postJson(`${PATH}/${encodeURIComponent(name)}`, { role }),
    onSuccess,
  });
  const disable = useMutation({
    mutationFn: (name: string) => deleteJson(`${PATH}/${encodeURIComponent(name)}`),
    onSuccess,
  });
  const link = useMutation({
    mutationFn: (name: string) =>
      postJson<{ readonly url: string }>(`/api/login-link?user=${encodeURIComponent(name)}`, {}),
  });
  const { label } = useMoments();
  const [leaving, setLeaving] = useState<string | null>(null);
  return (
    <Panel flush note={`times in ${label}`} title="Users">
      <Answer lines={4} of={found}>
        {({ users }) => (
          <People
            change={(name, role) => change.mutate({ name, role })}
            disable={setLeaving}
            link={(name) => link.mutate(name)}
            users={users}
          />
        )}
      </Answer>
      {link.data !== undefined && (
        <p className="m-4 rounded bg-accent-ground px-3 py-2" role="status">
          For {link.variables}, works once:{" "}
          <code className="font-mono text-xs break-all select-all">{link.data.url}</code>
        </p>
      )}
      <div className="px-4">
        <FormFault error={change.error ?? disable.error ?? link.error} />
      </div>
      <NewUser done={onSuccess} />
      {leaving !== null && (
        <Confirm
          close={() => setLeaving(null)}
          says={`${leaving} is logged out at once and can never log in again under this name.`}
          title={`Disable ${leaving}?`}
          word="Disable"
          yes={() => disable.mutate(leaving)}
        />
      )}
    </Panel>
  );
}

interface PeopleProps {
  readonly users: readonly User[];
  readonly change: (name: string, role: string) => void;
  readonly link: (name: string) => void;
  readonly disable: (name: string) => void;
}

function People({ users, change, link, disable }: PeopleProps) {
  const { clock } = useMoments();
  return (
    <DataTable
      columns={[
        {
          title: "name",
          cell: ({ name, disabled_at: at }) => (
            <span className={at === null ? "" : "text-quiet line-through"}>{name}</span>
          ),
        },
        {
          title: "role",
          cell: ({ name, role, disabled_at: at }) =>
            at === null ? (
              <SelectBox
                aria-label={`Role of ${name}`}
                choices={ROLE_CHOICES}
                choose={(chosen) => change(name, chosen)}
                value={role}
              />
            ) : (
              role
            ),
        },
        { title: "sees", className: "max-w-md", cell: ({ scope }) => scopeText(scope) },
        { title: "logs in by", cell: ({ has_password: has }) => (has ? "password or link" : "one-time link") },
        { title: "since", cell: ({ created_at: at }) => clock(at) },
        {
          title: "",
          cell: ({ name, disabled_at: at }) =>
            at === null ? (
              <span className="flex gap-2">
                <Button onClick={() => link(name)}>Login link</Button>
                <Button onClick={() => disable(name)}>Disable</Button>
              </span>
            ) : (
              <span className="text-quiet">disabled {clock(at)}</span>
            ),
        },
      ]}
      empty="There are no users yet: only the administrator's token and keys."
      keyOf={({ name }) => name}
      label="Users"
      rows={users}
    />
  );
}

function NewUser({ done }: { readonly done: () => void }) {
  const [fields, setFields] = useState({ name: "", role: "viewer", password: "" });
  const make = useMutation({
    mutationFn: () => {
      const { password, ...rest } = fields;
      return postJson(PATH, password === "" ? rest : fields);
    },
    onSuccess: () => {
      setFields({ name: "", role: "viewer", password: "" });
      done();
    },
  });
  return (
    <form
      className="flex flex-wrap items-end gap-3 border-t border-line p-4"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <Field
        label="Name"
        maxLength={63}
        onChange={(event) => setFields({ ...fields, name: event.target.value })}
        value={fields.name}
      />
      <SelectField
        aria-label="Role of the new user"
        choices={ROLE_CHOICES}
        choose={(role) => setFields({ ...fields, role })}
        label="Role"
        value={fields.role}
      />
      <Field
        autoComplete="new-password"
        label="Password, or none: one-time links"
        onChange={(event) => setFields({ ...fields, password: event.target.value })}
        type="password"
        value={fields.password}
      />
      <Button disabled={fields.name.trim() === "" || make.isPending} type="submit">
        Make a user
      </Button>
      <FormFault error={make.error} />
    </form>
  );
}
