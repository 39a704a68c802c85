import type { StoredRecord } from "@tallystick/record";
import { useState } from "react";
import { useApi } from "../client/use-api.ts";
import { CallLink } from "../page/links.tsx";
import { Answer } from "../page/states.tsx";
import { StatusChip } from "../page/status-chip.tsx";
import { useMoments } from "../page/zone.ts";

interface Neighbours {
  readonly field: string;
  readonly value: string;
  readonly before: readonly StoredRecord[];
  readonly record: StoredRecord;
  readonly after: readonly StoredRecord[];
}

const BY = ["service", "credential", "peer"] as const;
const LOOK =
  "cursor-pointer rounded border border-line bg-raised px-2 py-0.5 aria-pressed:border-accent aria-pressed:bg-accent-ground aria-pressed:text-accent";

/** What the same service, credential or peer did right before and after; asked for when somebody wants to know. */
export function Surroundings({ record }: { readonly record: string }) {
  const [by, setBy] = useState<(typeof BY)[number] | null>(null);
  return (
    <section aria-label="Surrounding records">
      <h2 className="mb-1 text-xs font-semibold text-quiet">Right before and after, by the same</h2>
      <div className="flex gap-2">
        {BY.map((one) => (
          <button
            aria-pressed={by === one}
            className={LOOK}
            key={one}
            onClick={() => setBy(by === one ? null : one)}
            type="button"
          >
            {one}
          </button>
        ))}
      </div>
      {by !== null && <Found by={by} record={record} />}
    </section>
  );
}

function Found({ record, by }: { readonly record: string; readonly by: string }) {
  const { clock } = useMoments();
  const found = useApi<Neighbours>(`/api/records/${record}/neighbours`, { by, before: 8, after: 8 });
  return (
    <Answer of={found}>
      {({ field, value, before, record: own, after }) => (
        <>
          <p className="mt-2 font-mono text-xs break-all text-quiet">
            {field} {value}
          </p>
          <ol className="mt-1 text-xs">
            {[...before, own, ...after].map((stored) => (
              <li
                aria-current={stored === own}
                className="flex items-center gap-2 border-t border-line px-1 py-0.5 aria-[current=true]:bg-accent-ground"
                key={`${stored.tree}/${stored.leaf_index}`}
              >
                <CallLink className="tabular-nums" id={stored.call_id}>
                  {clock(stored.record.timestamp)}
                </CallLink>
                <StatusChip status={stored.record.status} />
                <span className="truncate font-mono">{stored.record.operation}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </Answer>
  );
}
