import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { useApi } from "../client/use-api.ts";
import { Chip } from "../page/chip.tsx";
import { Coded } from "../page/coded.tsx";
import { Panel, Screen } from "../page/panel.tsx";
import { NotForYou } from "../page/problem-view.tsx";
import { Answer } from "../page/states.tsx";
import { useMay } from "../page/who.ts";
import { DataTable, type DataColumn } from "../table/data-table.tsx";

interface Setting {
  readonly key: string;
  readonly value: unknown;
  readonly from: string;
  readonly says: string;
}

/** What the server runs with, and where each value came from; secrets are in files and never here. */
export function SettingsPage() {
  return useMay("operate") ? (
    <Settings />
  ) : (
    <Screen title="Settings">
      <NotForYou says="What the server runs with is for administrators." />
    </Screen>
  );
}

function Settings() {
  const { find = "" } = useSearch({ from: "/settings" });
  const navigate = useNavigate({ from: "/settings" });
  const found = useApi<{ readonly values: readonly Setting[] }>("/api/config");
  return (
    <Screen
      actions={
        <input
          aria-label="Find a setting"
          className="w-64 rounded border border-line bg-raised px-3 py-1.5"
          data-query-box=""
          onChange={(event) => void navigate({ search: { find: event.target.value || undefined }, replace: true })}
          placeholder="Find a setting, or: changed"
          value={find}
        />
      }
      says="The effective configuration. It is changed in its file, by environment or option, and read at the next start."
      title="Settings"
    >
      <Answer lines={14} of={found}>
        {({ values }) => <Sections find={find} values={values} />}
      </Answer>
    </Screen>
  );
}

function Sections({ values, find }: { readonly values: readonly Setting[]; readonly find: string }) {
  const sections = useMemo(() => sectionsOf(values, find), [values, find]);
  if (sections.length === 0) return <p className="text-quiet">No setting has these words.</p>;
  return sections.map(([name, settings]) => (
    <Panel flush key={name} title={name}>
      <DataTable columns={COLUMNS} keyOf={({ key }) => key} label={`Settings of ${name}`} rows={settings} />
    </Panel>
  ));
}

function sectionsOf(values: readonly Setting[], find: string): readonly (readonly [string, readonly Setting[]])[] {
  const words = find.toLowerCase();
  const shown = values.filter(({ key, says, from }) =>
    words === "changed" ? from !== "default" : `${key} ${says}`.toLowerCase().includes(words),
  );
  const sections = new Map<string, Setting[]>();
  for (const setting of shown) {
    const name = setting.key.split(".")[0] ?? "";
    sections.set(name, [...(sections.get(name) ?? []), setting]);
  }
  return [...sections];
}

const COLUMNS: readonly DataColumn<Setting>[] = [
  { title: "key", className: "w-72 min-w-60 font-mono text-xs", cell: ({ key }) => key },
  {
    title: "value",
    className: "w-80 min-w-48 font-mono text-xs [overflow-wrap:anywhere]",
    cell: ({ value }) =>
      typeof value === "string" ? value || <span className="text-quiet">empty</span> : JSON.stringify(value),
  },
  {
    title: "from",
    className: "w-56 min-w-40 [overflow-wrap:anywhere]",
    cell: ({ from }) =>
      from === "default" ? <span className="text-quiet">default</span> : <Chip tone="warn">{from}</Chip>,
  },
  { title: "what it does", className: "min-w-[26rem] text-quiet", cell: ({ says }) => <Coded text={says} /> },
];
