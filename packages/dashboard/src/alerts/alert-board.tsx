import { LEVEL_TONES, LEVELS, type Alert, type Alerts } from "../client/alerts.ts";
import { useApi } from "../client/use-api.ts";
import { Chip } from "../page/chip.tsx";
import { formatCount } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { SelectBox, type Choice } from "../page/select-box.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { GROUPINGS, groupsOf, type AlertGroup } from "./alert-groups.ts";
import { AlertTimeline } from "./alert-timeline.tsx";
import { AlertView } from "./alert-view.tsx";
import type { AlertsState } from "./alerts-page.tsx";

interface AlertBoardProps {
  readonly state: AlertsState;
  readonly change: (changes: AlertsState) => void;
}

const STATES: readonly (readonly [string, string])[] = [
  ["open", "Open"],
  ["firing", "Firing"],
  ["acknowledged", "Acknowledged"],
  ["resolved", "Resolved"],
];
const EVERY_MS = 10_000;

/** The list, and beside it the alert that is open. */
export function AlertBoard({ state, change }: AlertBoardProps) {
  const { state: wanted = "open", level, id } = state;
  const found = useApi<Alerts>("/api/alerts", { state: wanted, level, limit: 200 }, { everyMs: EVERY_MS, keep: true });
  return (
    <div className="grid items-start gap-4 xl:grid-cols-[minmax(24rem,2fr)_3fr]">
      <Panel
        actions={<Filters change={change} state={state} />}
        flush
        note={found.data === undefined ? undefined : counted(found.data.counts)}
        title="Alerts"
      >
        <Answer
          empty={{
            when: ({ alerts }) => alerts.length === 0,
            says: wanted === "open" ? "Nothing is open. Well kept." : "None.",
          }}
          lines={6}
          of={found}
        >
          {({ alerts }) => (
            <ul role="list">
              {groupsOf(alerts, state.group)?.map((group) => (
                <Group change={change} group={group} id={id} isNamed={state.group !== "rule"} key={group.name} />
              )) ??
                alerts.map((alert) => (
                  <Line
                    alert={alert}
                    isNamed
                    isOpen={alert.id === id}
                    key={alert.id}
                    open={() => change({ id: alert.id })}
                  />
                ))}
            </ul>
          )}
        </Answer>
      </Panel>
      {id === undefined ? (
        <AlertTimeline />
      ) : (
        <div className="order-first min-w-0 xl:order-none">
          <AlertView id={id} key={id} />
        </div>
      )}
    </div>
  );
}

interface GroupProps {
  readonly group: AlertGroup;
  /** Its alerts say what they are called; a group of one rule says it for all. */
  readonly isNamed: boolean;
  readonly id: string | undefined;
  readonly change: (changes: AlertsState) => void;
}

function Group({ group: { name, level, alerts }, isNamed, id, change }: GroupProps) {
  const says = name === "" ? "of none" : name;
  return (
    <li>
      <p className="flex items-center gap-2 border-b border-line bg-raised px-4 py-1.5">
        <Chip tone={LEVEL_TONES[level]}>{level}</Chip>
        <span className="min-w-0 font-medium [overflow-wrap:anywhere]">{says}</span>
        <span className="ml-auto shrink-0 text-xs text-quiet">{formatCount(alerts.length)}</span>
      </p>
      <ul aria-label={says}>
        {alerts.map((alert) => (
          <Line
            alert={alert}
            isNamed={isNamed}
            isOpen={alert.id === id}
            key={alert.id}
            open={() => change({ id: alert.id })}
          />
        ))}
      </ul>
    </li>
  );
}

/** Which alerts, and how they stand together. */
function Filters({ state, change }: AlertBoardProps) {
  const { state: wanted = "open", level } = state;
  return (
    <>
      <SelectBox
        aria-label="State"
        className="max-w-34"
        choices={STATES}
        choose={(chosen) => change({ state: chosen === "open" ? undefined : chosen, id: undefined })}
        value={wanted}
      />
      <SelectBox
        aria-label="Together"
        className="max-w-34"
        choices={[["", "each by itself"], ...GROUPINGS]}
        choose={(chosen) => change({ group: chosen || undefined })}
        value={state.group ?? ""}
      />
      <SelectBox
        aria-label="Level"
        className="max-w-34"
        choices={[["", "every level"], ...LEVELS.slice(1).map((name): Choice => [name, `${name} and above`])]}
        choose={(chosen) => change({ level: chosen || undefined })}
        value={level ?? ""}
      />
    </>
  );
}

/** What its summary says that its title, which stands above it, does not. */
function saidBeside({ title, summary }: Alert): string {
  return summary.startsWith(`${title}: `) ? summary.slice(title.length + 2) : summary;
}

function counted({ firing, acknowledged, quiet }: Alerts["counts"]): string {
  const learning = quiet === 0 ? "" : `, ${formatCount(quiet)} quiet`;
  return `${formatCount(firing)} firing, ${formatCount(acknowledged)} acknowledged${learning}`;
}

interface LineProps {
  readonly alert: Alert;
  readonly isNamed: boolean;
  readonly isOpen: boolean;
  readonly open: () => void;
}

function Line({ alert, isNamed, isOpen, open }: LineProps) {
  const { clock } = useMoments();
  const dim = alert.quiet || alert.suppressed_by !== null || alert.state === "resolved";
  return (
    <li>
      <button
        aria-current={isOpen}
        className={`flex w-full cursor-pointer items-start gap-3 border-b border-line px-4 py-2 text-left hover:bg-raised aria-[current=true]:bg-accent-ground ${dim ? "text-quiet" : ""}`}
        data-row=""
        onClick={open}
        type="button"
      >
        <span className="shrink-0 sm:w-20">
          <Chip tone={LEVEL_TONES[alert.level]}>{alert.level}</Chip>
        </span>
        <span className="min-w-0 grow">
          {isNamed && <span className="font-medium [overflow-wrap:anywhere]">{alert.title}</span>}
          <span className={`block [overflow-wrap:anywhere] ${isNamed ? "text-xs text-quiet" : ""}`}>
            {saidBeside(alert)}
          </span>
        </span>
        <span className="shrink-0 text-right text-xs text-quiet">
          {clock(alert.starts_at)}
          <span className="block">
            {alert.suppressed_by !== null ? "suppressed" : alert.quiet ? "quiet" : (alert.assignee ?? alert.state)}
          </span>
        </span>
      </button>
    </li>
  );
}
