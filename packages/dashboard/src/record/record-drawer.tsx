import { Dialog } from "radix-ui";
import { Button } from "../page/button.tsx";
import { ProblemView } from "../page/problem-view.tsx";
import { FieldList } from "./field-list.tsx";
import { ProofView } from "./proof-view.tsx";
import { useRecord, type RecordWithProof } from "./use-record.ts";

interface RecordDrawerProps {
  /** `<tree>/<index>`; undefined: closed. */
  readonly record: string | undefined;
  readonly close: () => void;
  readonly search: (q: string) => void;
}

/** One record: its proof, what the producer said, what the server saw. */
export function RecordDrawer({ record, close, search }: RecordDrawerProps) {
  const found = useRecord(record);
  return (
    <Dialog.Root modal={false} onOpenChange={(open) => open || close()} open={record !== undefined}>
      <Dialog.Portal>
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed inset-y-0 right-0 z-20 flex w-[36rem] max-w-full flex-col border-l border-line bg-ground shadow-xl"
          onInteractOutside={(event) => event.preventDefault()}
        >
          <div className="flex items-center gap-2 border-b border-line px-4 py-2">
            <Dialog.Title className="truncate font-mono font-medium">{record}</Dialog.Title>
            <Dialog.Close asChild>
              <Button aria-label="Close the record" className="ml-auto">
                Close
              </Button>
            </Dialog.Close>
          </div>
          <div className="min-h-0 grow overflow-y-auto p-4">
            {found.error !== null && <ProblemView problem={found.error} retry={() => void found.refetch()} />}
            {found.data === undefined && found.error === null && <p className="text-quiet">Loading…</p>}
            {found.data !== undefined && <RecordBody found={found.data} search={search} />}
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function RecordBody({ found, search }: { readonly found: RecordWithProof; readonly search: (q: string) => void }) {
  const { stored, check } = found;
  const { attributes, ...record } = stored.record;
  return (
    <div className="flex flex-col gap-5">
      <ProofView check={check} />
      <FieldList fields={{ call_id: stored.call_id }} search={search} title="Call" />
      <FieldList fields={record} search={search} title="Record: what the producer said" />
      {attributes !== undefined && <FieldList fields={attributes} search={search} title="Attributes" />}
      <FieldList fields={{ ...stored.observed }} search={search} title="Observed: what the server saw" />
    </div>
  );
}
