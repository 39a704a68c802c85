import { LEVEL_TONES } from "../client/alerts.ts";
import type { Detector, Detectors } from "../client/detectors.ts";
import { useApi } from "../client/use-api.ts";
import { Chip } from "../page/chip.tsx";
import { formatCount } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DetectorView } from "./detector-view.tsx";
import type { RulesState } from "./rules-page.tsx";

interface DetectorBoardProps {
  readonly state: RulesState;
  readonly change: (changes: RulesState) => void;
}

/** The detectors that are built in, and beside them what the chosen one learned. */
export function DetectorBoard({ state, change }: DetectorBoardProps) {
  const found = useApi<Detectors>("/api/detectors", {}, { everyMs: 30_000 });
  const chosen = found.data?.detectors.find(({ name }) => name === state.name);
  return (
    <div className="grid items-start gap-4 xl:grid-cols-[minmax(22rem,2fr)_3fr]">
      <Panel flush note={found.data === undefined ? undefined : said(found.data)} title="Built-in detectors">
        <Answer lines={14} of={found}>
          {({ detectors }) => (
            <ul role="list">
              {detectors.map((one) => (
                <Line
                  detector={one}
                  isOpen={one.name === state.name}
                  key={one.name}
                  open={() => change({ name: one.name, log: undefined, subject: undefined })}
                />
              ))}
            </ul>
          )}
        </Answer>
      </Panel>
      {chosen === undefined ? (
        <Learning found={found.data} />
      ) : (
        <div className="order-first min-w-0 xl:order-none">
          <DetectorView change={change} detector={chosen} key={chosen.name} state={state} />
        </div>
      )}
    </div>
  );
}

function said({ ready, lag_records: lag }: Detectors): string {
  if (!ready) return "they have not come up yet";
  return lag === 0 ? "they have looked at everything" : `${formatCount(lag)} records are not looked at yet`;
}

function Line({
  detector: { name, title, level, learns },
  isOpen,
  open,
}: {
  readonly detector: Detector;
  readonly isOpen: boolean;
  readonly open: () => void;
}) {
  return (
    <li>
      <button
        aria-current={isOpen}
        className="flex w-full cursor-pointer items-start gap-3 border-b border-line px-4 py-1.5 text-left hover:bg-raised aria-[current=true]:bg-accent-ground"
        data-row=""
        onClick={open}
        type="button"
      >
        <span className="min-w-0 grow">
          <span className="font-medium">{title}</span>
          <span className="block font-mono text-xs text-quiet">{name}</span>
        </span>
        <span className="flex shrink-0 items-center gap-2">
          {learns && <span className="text-xs text-quiet">learns</span>}
          <Chip tone={LEVEL_TONES[level]}>{level}</Chip>
        </span>
      </button>
    </li>
  );
}

/** Until when the first days of each log last. */
function Learning({ found }: { readonly found: Detectors | undefined }) {
  const { moment, label } = useMoments();
  const learning = found?.learning.filter(({ is_over: isOver }) => !isOver);
  return (
    <Panel title="First days">
      <p>
        In a log’s first days what is seen for the first time is learned, and nobody is told. Choose a detector to see
        what it learned, and to say what is expected.
      </p>
      {learning !== undefined && (
        <ul className="mt-3 flex flex-col gap-1">
          {learning.length === 0 && <li className="text-quiet">No log is in its first days.</li>}
          {learning.map(({ log, until }) => (
            <li key={log}>
              <span className="font-mono">{log}</span> learns until {moment(until).slice(0, 16)} {label}
            </li>
          ))}
        </ul>
      )}
      {found !== undefined && <Baselines of={found.baselines} />}
    </Panel>
  );
}

/** What is held against what is usual of an edge. */
function Baselines({ of: { detectors, min_hours: hours } }: { readonly of: Detectors["baselines"] }) {
  if (detectors.length === 0) return <p className="mt-3 text-quiet">Baselines are switched off.</p>;
  return (
    <>
      <p className="mt-3">An edge that is known for {hours} hours is held against what is usual of it at this time:</p>
      <ul className="mt-3 flex flex-col gap-1">
        {detectors.map(({ name, title, level }) => (
          <li className="flex items-baseline gap-2" key={name}>
            <span className="grow">
              {title} <span className="font-mono text-xs text-quiet">{name}</span>
            </span>
            <Chip tone={LEVEL_TONES[level]}>{level}</Chip>
          </li>
        ))}
      </ul>
    </>
  );
}
