import { LEVEL_TONES } from "../client/alerts.ts";
import type { Detector, Fact } from "../client/detectors.ts";
import { useApi } from "../client/use-api.ts";
import { Allowed } from "../page/allowed.tsx";
import { Chip } from "../page/chip.tsx";
import { Coded } from "../page/coded.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";
import { RuleAlerts } from "./rule-alerts.tsx";
import type { RulesState } from "./rules-page.tsx";
import { TeachForm } from "./teach-form.tsx";

interface DetectorViewProps {
  readonly detector: Detector;
  readonly state: RulesState;
  readonly change: (changes: RulesState) => void;
}

/** One detector: how to check what it tells, what it learned, how to teach it, what it found. */
export function DetectorView({ detector, state, change }: DetectorViewProps) {
  const { name, title, level, tags, learns, facts, check, silence } = detector;
  return (
    <div className="flex min-w-0 flex-col gap-4">
      <Panel actions={<Chip tone={LEVEL_TONES[level]}>{level}</Chip>} note={tags.join(", ")} title={title}>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5">
          <dt className="text-quiet">to check it</dt>
          <dd>
            <Coded text={check} />
          </dd>
          <dt className="text-quiet">to silence it rightly</dt>
          <dd>
            <Coded text={silence} />
          </dd>
          <dt className="text-quiet">learns</dt>
          <dd>
            {facts.length === 0
              ? "nothing: it needs no past"
              : `${facts.join(", ")}${learns ? "; in a log’s first days it tells nobody" : ""}`}
          </dd>
        </dl>
      </Panel>
      {facts.length > 0 && (
        <>
          <Allowed to="audit" what="does not see what it learned: auditors, investigators and administrators do">
            <Learned change={change} name={name} state={state} />
          </Allowed>
          <Allowed to="manage">
            <TeachForm detector={detector} log={state.log} subject={state.subject} />
          </Allowed>
        </>
      )}
      <RuleAlerts id={name.startsWith("builtin/") ? name : `builtin/${name}`} />
    </div>
  );
}

const BOX = "w-28 rounded border border-line bg-raised px-2 py-1 sm:w-40";
const MAX_SHOWN = 200;

function Learned({
  name,
  state: { log, subject },
  change,
}: Omit<DetectorViewProps, "detector"> & Pick<Detector, "name">) {
  const { clock, label } = useMoments();
  const path = `/api/detectors/${encodeURIComponent(name)}/facts`;
  const found = useApi<{ readonly facts: readonly Fact[] }>(path, { log, subject, limit: MAX_SHOWN }, { keep: true });
  return (
    <Panel
      actions={
        <>
          <input
            aria-label="Of the log"
            className={BOX}
            onChange={(event) => change({ log: event.target.value || undefined })}
            placeholder="any log"
            value={log ?? ""}
          />
          <input
            aria-label="Of the subject"
            className={BOX}
            data-query-box=""
            onChange={(event) => change({ subject: event.target.value || undefined })}
            placeholder="any subject, whole"
            value={subject ?? ""}
          />
        </>
      }
      flush
      note={`newest first, at most ${MAX_SHOWN}; times in ${label}`}
      title="What it learned"
    >
      <Answer lines={5} of={found}>
        {({ facts }) => (
          <DataTable
            columns={[
              {
                title: "subject",
                className: "min-w-32 font-mono text-xs [overflow-wrap:anywhere]",
                cell: (fact) => fact.subject,
              },
              {
                title: "value",
                className: "min-w-40 font-mono text-xs [overflow-wrap:anywhere]",
                cell: ({ value }) => value,
              },
              { title: "kind", className: "text-quiet", cell: ({ kind }) => kind },
              { title: "log", cell: (fact) => fact.log },
              { title: "first seen", className: "whitespace-nowrap", cell: ({ first_seen: at }) => clock(at) },
              { title: "last seen", className: "whitespace-nowrap", cell: ({ last_seen: at }) => clock(at) },
            ]}
            empty="Nothing of that."
            keyOf={(fact) => `${fact.kind} ${fact.log} ${fact.subject} ${fact.value}`}
            label="What it learned"
            rows={facts}
          />
        )}
      </Answer>
    </Panel>
  );
}
