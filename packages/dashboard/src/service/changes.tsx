import type { SearchPage } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";
import { formatCount, shortId } from "../page/format.ts";
import { CallLink, CredentialLink, SearchLink, ServiceLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Loading } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { useChanges, type Change } from "./use-changes.ts";
import type { Period } from "./window.ts";

interface ChangesProps {
  readonly name: string;
  readonly period: Period;
  readonly onset: string | null;
  /** Since when is known, so that it need not be asked twice. */
  readonly enabled: boolean;
}

/** What is there since it began that was not there before, and what went away. */
export function Changes({ name, period, onset, enabled }: ChangesProps) {
  const { clock, label } = useMoments();
  const changes = useChanges(name, period, onset, enabled);
  const since =
    onset === null
      ? "the second half of the period, against the first"
      : `from a quarter of an hour before ${clock(onset)} ${label} on`;
  return (
    <Panel note={since} title="What changed">
      {changes.found === null ? (
        <Loading lines={3} />
      ) : (
        <ul className="flex flex-col gap-2">
          {changes.found.map((change) => (
            <ChangeLine change={change} key={`${change.what} ${change.value} ${String(change.isNew)}`} />
          ))}
          {changes.found.length === 0 && (
            <li className="text-quiet">
              Versions, hosts, callers, callees, credentials and kinds of error are the same.
            </li>
          )}
          {changes.isSampled && <li className="text-quiet">Found in a sample of the records.</li>}
        </ul>
      )}
      <ConfigChanges enabled={enabled} period={changes.around} />
    </Panel>
  );
}

function ChangeLine({ change }: { readonly change: Change }) {
  const { what, value, isNew, count, q, from, to } = change;
  return (
    <li className="flex flex-wrap items-baseline gap-x-2">
      <span className={isNew ? "rounded bg-warn-ground px-1.5 text-warn" : "rounded bg-raised px-1.5 text-quiet"}>
        {isNew ? "new" : "gone"}
      </span>
      <span className="text-quiet">{what}</span>
      <span className="min-w-0 font-mono text-xs break-words">{named(change)}</span>
      <span className="ml-auto text-quiet">
        {isNew && <FirstSeen from={from} q={q} to={to} />}{" "}
        <SearchLink from={from} q={q} to={to}>
          {formatCount(count)} {count === 1 ? "record" : "records"}
        </SearchLink>
        <span className="sr-only">{value}</span>
      </span>
    </li>
  );
}

function named({ what, value }: Change) {
  if (what === "credential") return <CredentialLink id={value} />;
  return what === "caller" || what === "callee" ? <ServiceLink name={value} /> : shortOf(value);
}

const shortOf = (value: string) => (value.length > 80 ? shortId(value) : value);

function FirstSeen({ q, from, to }: Pick<Change, "q" | "from" | "to">) {
  const { clock } = useMoments();
  const first = useApi<SearchPage>("/api/search", { q, from, to, order: "oldest", limit: 1 });
  const record = first.data?.records[0];
  return record === undefined ? null : <CallLink id={record.call_id}>first {clock(record.record.timestamp)}</CallLink>;
}

interface ConfigChangesProps {
  readonly period: Pick<Period, "from" | "to">;
  readonly enabled: boolean;
}

function ConfigChanges({ period: { from, to }, enabled }: ConfigChangesProps) {
  const { clock } = useMoments();
  const q = "event_type:CONFIG_CHANGE";
  const found = useApi<SearchPage>("/api/search", { q, from, to, limit: 6 }, { enabled });
  const records = found.data?.records ?? [];
  return (
    <div className="mt-4 border-t border-line pt-3">
      <h3 className="mb-1 text-xs text-quiet">Configuration, from half an hour before on</h3>
      <ul className="flex flex-col gap-1">
        {records.slice(0, 5).map(({ tree, leaf_index: index, record }) => (
          <li className="flex gap-2" key={`${tree}/${index}`}>
            <span className="text-quiet tabular-nums">{clock(record.timestamp)}</span>
            <SearchLink className="min-w-0 truncate" from={from} q={q} record={`${tree}/${index}`} to={to}>
              {record.operation}
              {record.resource === undefined ? "" : ` ${record.resource}`}
            </SearchLink>
            <span className="ml-auto max-w-2/5 shrink-0 truncate text-quiet">
              {record.auth_subject ?? record.service_id}
            </span>
          </li>
        ))}
        {records.length === 0 && (
          <li className="text-quiet">{found.isPending ? "…" : "No change of configuration."}</li>
        )}
        {records.length > 5 && (
          <li>
            <SearchLink from={from} q={q} to={to}>
              all of them
            </SearchLink>
          </li>
        )}
      </ul>
    </div>
  );
}
