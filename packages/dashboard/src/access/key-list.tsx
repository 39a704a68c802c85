import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteJson, postJson } from "../client/api.ts";
import { scopeText, type CreatedKey, type Key, type QuotaUse } from "../client/people.ts";
import { useApi } from "../client/use-api.ts";
import { Button } from "../page/button.tsx";
import { Confirm } from "../page/confirm.tsx";
import { Field, FormFault } from "../page/field.tsx";
import { formatBytes, formatCount } from "../page/format.ts";
import { SearchLink, ServiceLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { QuotaForm } from "./quota-form.tsx";
import { DataTable } from "../table/data-table.tsx";

const PATH = "/api/keys";

/** Keys of producers and readers; a secret is shown once, when it is made. */
export function KeyList() {
  const { clock, label } = useMoments();
  const queries = useQueryClient();
  const found = useApi<{ readonly keys: readonly Key[] }>(PATH);
  const uses = useApi<{ readonly quotas: readonly QuotaUse[] }>("/api/quotas", {}, { everyMs: 30_000 });
  const onSuccess = () => void queries.invalidateQueries({ queryKey: [PATH] });
  const revoke = useMutation({
    mutationFn: ({ id }: Key) => deleteJson(`${PATH}/${encodeURIComponent(id)}`),
    onSuccess,
  });
  const [leaving, setLeaving] = useState<Key | null>(null);
  const [limiting, setLimiting] = useState<Key | null>(null);
  return (
    <Panel flush note={`times in ${label}`} title="Keys">
      <Answer lines={6} of={found}>
        {({ keys }) => (
          <DataTable
            columns={[
              {
                title: "name",
                cell: ({ name, revoked_at: at }) => (
                  <SearchLink
                    className={at === null ? "" : "text-quiet! line-through"}
                    from="all"
                    q={term("principal", `key:${name}`)}
                  >
                    {name}
                  </SearchLink>
                ),
              },
              { title: "role", sort: ({ role }) => role, cell: ({ role }) => role },
              { title: "speaks for", cell: speaksFor },
              { title: "log", cell: ({ log, role }) => (role === "producer" ? log : scopeText({})) },
              { title: "quota", cell: (key) => <Quota of={key} uses={uses.data?.quotas ?? []} /> },
              { title: "since", sort: ({ created_at: at }) => at, cell: ({ created_at: at }) => clock(at) },
              {
                title: "",
                cell: (key) => <Deeds leave={setLeaving} limit={setLimiting} of={key} />,
              },
            ]}
            empty="There is no key yet."
            keyOf={({ id }) => id}
            label="Keys"
            rows={keys}
          />
        )}
      </Answer>
      <div className="px-4">
        <FormFault error={revoke.error} />
      </div>
      <NewKey done={onSuccess} />
      {limiting !== null && <QuotaForm close={() => setLimiting(null)} of={limiting} />}
      {leaving !== null && (
        <Confirm
          close={() => setLeaving(null)}
          says="Whoever uses it is refused from now on. It cannot be brought back; a new key can be made."
          title={`Revoke ${leaving.name}?`}
          word="Revoke"
          yes={() => revoke.mutate(leaving)}
        />
      )}
    </Panel>
  );
}

function speaksFor({ service, relay }: Key) {
  if (service !== null) return <ServiceLink name={service} />;
  return relay === null ? "" : relay === "*" ? "relays for all" : `relays for ${relay.join(", ")}`;
}

interface DeedsProps {
  readonly of: Key;
  readonly limit: (key: Key) => void;
  readonly leave: (key: Key) => void;
}

function Deeds({ of: key, limit, leave }: DeedsProps) {
  const { clock } = useMoments();
  if (key.revoked_at !== null) return <span className="text-quiet">revoked {clock(key.revoked_at)}</span>;
  return (
    <span className="flex gap-2">
      {key.role === "producer" && <Button onClick={() => limit(key)}>Quota</Button>}
      <Button onClick={() => leave(key)}>Revoke</Button>
    </span>
  );
}

interface QuotaProps {
  readonly of: Key;
  readonly uses: readonly QuotaUse[];
}

/** What a key may send, and how much of it is used. */
function Quota({ of: { name, records_per_second: records, bytes_per_day: bytes }, uses }: QuotaProps) {
  const use = uses.find(({ principal }) => principal === `key:${name}`);
  const parts = [
    records === null ? "" : `${formatCount(records)} records/s`,
    bytes === null ? "" : `${formatBytes(use?.bytes_today ?? 0)} of ${formatBytes(bytes)} today`,
  ].filter((part) => part !== "");
  if (parts.length === 0) return <span className="text-quiet">none</span>;
  const refused = use?.refused ?? 0;
  return (
    <>
      {parts.join(", ")}
      {refused > 0 && <span className="block text-xs text-warn">{formatCount(refused)} requests told to wait</span>}
    </>
  );
}

function NewKey({ done }: { readonly done: () => void }) {
  const [fields, setFields] = useState({ name: "", service: "" });
  const make = useMutation({
    mutationFn: () => postJson<CreatedKey>(PATH, fields),
    onSuccess: () => {
      setFields({ name: "", service: "" });
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
      <Field
        label="Service that it speaks for"
        maxLength={256}
        onChange={(event) => setFields({ ...fields, service: event.target.value })}
        value={fields.service}
      />
      <Button disabled={Object.values(fields).some((value) => value.trim() === "") || make.isPending} type="submit">
        Make a producer’s key
      </Button>
      <FormFault error={make.error} />
      {make.data !== undefined && (
        <p className="w-full rounded bg-accent-ground px-3 py-2" role="status">
          The secret of {make.data.name}, shown this once:{" "}
          <code className="font-mono text-xs break-all select-all">{make.data.secret}</code>
        </p>
      )}
    </form>
  );
}
