import { useRecord, type RecordWithProof } from "../record/use-record.ts";
import { Bodies } from "../record/bodies.tsx";
import { ProofView } from "../record/proof-view.tsx";
import { Chip } from "../page/chip.tsx";
import { CredentialLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { standingMeaning } from "./call-words.ts";

/** Who recorded one half, how that is known, what is kept of its bodies, and the proof of it. */
export function Recorded({ record }: { readonly record: string }) {
  const found = useRecord(record);
  const side = found.data?.stored.record.side ?? "";
  return (
    <Panel note={<span className="font-mono">{record}</span>} title={side === "" ? "Half" : `The ${side}’s half`}>
      <Answer lines={6} of={found}>
        {(half) => (
          <div className="flex flex-col gap-4">
            <Identity half={half} />
            <ProofView check={half.check} drawn />
            <Bodies stored={half.stored} />
          </div>
        )}
      </Answer>
    </Panel>
  );
}

/** What was claimed beside what was seen. */
function Identity({ half: { stored } }: { readonly half: RecordWithProof }) {
  const { moment, label } = useMoments();
  const { record, observed } = stored;
  const standing = standingMeaning(observed.standing);
  const claims: readonly (readonly [string, string | undefined])[] = [
    ["recorder", record.recorder_id],
    ["caller", record.service_id],
    ["subject", record.auth_subject],
    ["method", record.auth_method],
    ["recorded at", `${moment(record.timestamp)} ${label}`],
  ];
  const seen: readonly (readonly [string, string | undefined])[] = [
    ["sender", observed.principal],
    ["from", observed.source_address],
    ["peer", [record.peer_identity, record.peer_address].filter(Boolean).join(" at ") || undefined],
    ["by", observed.intake],
    ["received at", `${moment(observed.received_at)} ${label}`],
  ];
  return (
    <>
      <p>
        <Chip tone={standing.tone}>{standing.title}</Chip> <span className="text-quiet">{standing.says}</span>
        {observed.conflict === true && <Chip tone="bad">conflict: another record has this id</Chip>}
      </p>
      <div className="grid gap-4 sm:grid-cols-2">
        <Told fields={claims} title="Claimed" />
        <Told fields={seen} title="Observed" />
      </div>
      {record.credential_id !== undefined && (
        <p className="text-quiet">
          With the credential{" "}
          <CredentialLink className="text-xs break-all" id={record.credential_id}>
            {record.credential_id}
          </CredentialLink>
        </p>
      )}
    </>
  );
}

function Told({
  title,
  fields,
}: {
  readonly title: string;
  readonly fields: readonly (readonly [string, string | undefined])[];
}) {
  return (
    <div>
      <h3 className="mb-1 text-xs text-quiet">{title}</h3>
      <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5">
        {fields.map(([name, value]) =>
          value === undefined ? null : (
            <div className="contents" key={name}>
              <dt className="text-quiet">{name}</dt>
              <dd className="min-w-0 font-mono text-xs leading-5 break-words">{value}</dd>
            </div>
          ),
        )}
      </dl>
    </div>
  );
}
