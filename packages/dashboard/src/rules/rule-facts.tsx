import { LEVEL_TONES } from "../client/alerts.ts";
import type { Rule } from "../client/rules.ts";
import { Chip } from "../page/chip.tsx";
import { Panel } from "../page/panel.tsx";
import { Runbook } from "../page/runbook.tsx";
import { useMoments } from "../page/zone.ts";

/** What a rule says about itself, and whether it runs. */
export function RuleFacts({ rule }: { readonly rule: Rule }) {
  const { clock, label } = useMoments();
  const { kind, origin, level, status, tags, false_positives: harmless, set_aside: aside } = rule;
  const { on, changed_by: by, changed_at: at, runbook_url: runbook } = rule;
  return (
    <Panel
      actions={<Chip tone={aside !== null ? "bad" : on ? "good" : "quiet"}>{runs(on, aside)}</Chip>}
      note={by === null || at === null ? "as it was shipped" : `changed ${clock(at)} ${label} by ${by}`}
      title="About"
    >
      {aside !== null && <p className="mb-3 rounded bg-bad-ground px-3 py-2 text-bad">It does not run: {aside}</p>}
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5">
        <dt className="text-quiet">level</dt>
        <dd>
          <Chip tone={LEVEL_TONES[level]}>{level}</Chip>
        </dd>
        <dt className="text-quiet">kind</dt>
        <dd>
          {kind === "sigma" ? "Sigma rule" : "measure"}, {origin === "own" ? "your own" : "shipped with Tallystick"}
          {status === "" ? "" : `, ${status}`}
        </dd>
        {tags.length > 0 && (
          <>
            <dt className="text-quiet">tags</dt>
            <dd className="font-mono text-xs leading-5">{tags.join(", ")}</dd>
          </>
        )}
        {harmless.length > 0 && (
          <>
            <dt className="text-quiet">may also find</dt>
            <dd>
              <ul>
                {harmless.map((one) => (
                  <li key={one}>{one}</li>
                ))}
              </ul>
            </dd>
          </>
        )}
        <Runbook url={runbook} />
      </dl>
    </Panel>
  );
}

function runs(on: boolean, aside: string | null): string {
  if (!on) return "switched off";
  return aside === null ? "runs" : "on, not running";
}
