import { useEffect } from "react";
import { Button } from "../page/button.tsx";
import { ProblemView } from "../page/problem-view.tsx";
import { CallLink, CredentialLink, ServiceLink, TraceLink } from "../page/links.tsx";
import { Bodies } from "./bodies.tsx";
import { FieldList } from "./field-list.tsx";
import { ProofView } from "./proof-view.tsx";
import { Surroundings } from "./surroundings.tsx";
import { useRecord, type RecordWithProof } from "./use-record.ts";

interface RecordDrawerProps {
  /** `<tree>/<index>`. */
  readonly record: string;
  readonly close: () => void;
  readonly search: (q: string) => void;
}

/** One record beside the list: its proof, what the producer said, what the server saw. Escape closes it. */
export function RecordDrawer({ record, close, search }: RecordDrawerProps) {
  const found = useRecord(record);
  useEscapeKey(close);
  return (
    <aside
      aria-label={`Record ${record}`}
      className="flex w-full shrink-0 flex-col rounded border border-line lg:h-full lg:w-[34rem]"
    >
      <div className="flex items-center gap-2 border-b border-line px-4 py-2">
        <h2 className="truncate font-mono font-medium">{record}</h2>
        <Button aria-label="Close the record" className="ml-auto" onClick={close}>
          Close
        </Button>
      </div>
      <div className="min-h-0 grow overflow-y-auto p-4" tabIndex={0}>
        {found.error !== null && <ProblemView problem={found.error} retry={() => void found.refetch()} />}
        {found.data === undefined && found.error === null && <p className="text-quiet">Loading…</p>}
        {found.data !== undefined && <RecordBody found={found.data} key={record} search={search} />}
      </div>
    </aside>
  );
}

function useEscapeKey(close: () => void): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => event.key === "Escape" && close();
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [close]);
}

function RecordBody({ found, search }: { readonly found: RecordWithProof; readonly search: (q: string) => void }) {
  const { stored, check } = found;
  const { attributes, ...record } = stored.record;
  const { trace_id: trace, credential_id: credential } = record;
  return (
    <div className="flex flex-col gap-5">
      <div className="flex flex-wrap gap-x-4 gap-y-1">
        <CallLink id={stored.call_id}>Both halves of the call</CallLink>
        <TraceLink call={stored.call_id} id={trace ?? record.request_id}>
          {trace === undefined ? "What belongs to it" : "Trace"}
        </TraceLink>
        {credential !== undefined && (
          <CredentialLink className="font-sans!" id={credential}>
            Credential
          </CredentialLink>
        )}
        {record.target_id !== "" && <ServiceLink name={record.target_id}>{record.target_id}</ServiceLink>}
      </div>
      <ProofView check={check} />
      <Bodies stored={stored} />
      <FieldList fields={{ call_id: stored.call_id }} search={search} title="Call" />
      <FieldList fields={record} search={search} title="Record: what the producer said" />
      {attributes !== undefined && <FieldList fields={attributes} search={search} title="Attributes" />}
      <FieldList fields={{ ...stored.observed }} search={search} title="Observed: what the server saw" />
      <Surroundings record={`${stored.tree}/${stored.leaf_index}`} />
    </div>
  );
}
