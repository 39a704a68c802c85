import type { UseQueryResult } from "@tanstack/react-query";
import type { Status } from "../client/status.ts";
import { Chip } from "../page/chip.tsx";
import { formatAge, formatCount } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";

/** When everything was read again last, and what came of it. */
export function LastFsck({ status }: { readonly status: UseQueryResult<Status> }) {
  return (
    <Panel title="Last fsck">
      <Answer lines={3} of={status}>
        {({ fsck }) => (
          <>
            {fsck === null ? (
              <p className="text-quiet">It was never run in this data folder, as far as the folder tells.</p>
            ) : (
              <Found fsck={fsck} />
            )}
            <p className="mt-3">
              <code className="rounded bg-raised px-2 py-1 font-mono text-xs">tallystick fsck --data FOLDER</code>
            </p>
            <p className="mt-2 text-quiet">
              It reads every file again, derives the trees anew and compares the index. What it notes in the folder is
              no proof: a stranger runs his own.
            </p>
          </>
        )}
      </Answer>
    </Panel>
  );
}

function Found({ fsck }: { readonly fsck: NonNullable<Status["fsck"]> }) {
  const { moment, label } = useMoments();
  const { at, clean, trees, leaves, faults, index_compared: compared, repaired } = fsck;
  const agoS = (Date.now() - Date.parse(at)) / 1_000;
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5">
      <dt className="text-quiet">found</dt>
      <dd>
        <Chip tone={clean ? "good" : "bad"}>{clean ? "clean" : `${formatCount(faults)} faults`}</Chip>
      </dd>
      <dt className="text-quiet">when</dt>
      <dd>
        {moment(at).slice(0, 16)} {label}, {formatAge(agoS)} ago
      </dd>
      <dt className="text-quiet">read</dt>
      <dd>
        {formatCount(leaves)} leaves of {formatCount(trees)} {trees === 1 ? "tree" : "trees"}
      </dd>
      <dt className="text-quiet">index</dt>
      <dd>{compared ? "compared with the journal" : "not compared: the server was running, or it lies elsewhere"}</dd>
      {repaired.length > 0 && (
        <>
          <dt className="text-quiet">written again</dt>
          <dd className="font-mono text-xs">{repaired.join(", ")}</dd>
        </>
      )}
    </dl>
  );
}
