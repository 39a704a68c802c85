import { useState } from "react";
import { LEVEL_TONES, type Alert } from "../client/alerts.ts";
import { useApi } from "../client/use-api.ts";
import { Allowed } from "../page/allowed.tsx";
import { Button } from "../page/button.tsx";
import { Chip } from "../page/chip.tsx";
import { Coded } from "../page/coded.tsx";
import { FormFault } from "../page/field.tsx";
import { formatCount } from "../page/format.ts";
import { useKeys } from "../page/keys.ts";
import { CallLink, CredentialLink, ServiceLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Runbook } from "../page/runbook.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { Evidence } from "./evidence.tsx";
import { SilenceForm } from "./silence-form.tsx";
import { useDeeds, type Deed } from "./use-deeds.ts";

/** One alert: what was expected and seen, how to check it, what shows it, what was done, and what can be. */
export function AlertView({ id }: { readonly id: string }) {
  const found = useApi<Alert>(`/api/alerts/${encodeURIComponent(id)}`, {}, { everyMs: 10_000 });
  return (
    <Answer lines={12} of={found}>
      {(alert) => (
        <div className="flex min-w-0 flex-col gap-4">
          <Head alert={alert} />
          <Evidence alert={alert} />
          <Steps alert={alert} />
        </div>
      )}
    </Answer>
  );
}

function Head({ alert }: { readonly alert: Alert }) {
  const { clock, label } = useMoments();
  return (
    <Panel
      actions={
        <Chip tone={alert.state === "firing" ? "bad" : alert.state === "resolved" ? "good" : "warn"}>
          {alert.state}
        </Chip>
      }
      note={`since ${clock(alert.starts_at)}, last seen ${clock(alert.seen_at)} ${label}`}
      title={alert.title}
    >
      <p className="flex flex-wrap items-center gap-2">
        <Chip tone={LEVEL_TONES[alert.level]}>{alert.level}</Chip>
        <span className="[overflow-wrap:anywhere]">{alert.summary}</span>
      </p>
      <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
        <Pair name="expected" value={alert.expected} />
        <Pair name="seen" value={alert.seen} />
        <Pair name="to check it" value={alert.check} />
        <Pair name="to silence it rightly" value={alert.silence} />
        <Runbook url={alert.runbook_url} />
        <Pair
          name="rule"
          value={`${alert.rule_id}, version ${alert.rule_version}${alert.tags.length === 0 ? "" : `, ${alert.tags.join(", ")}`}`}
        />
      </dl>
      <Labels labels={alert.labels} />
      {alert.quiet && (
        <p className="mt-3 text-quiet">
          Quiet: still learning, not confirmed, or explained by a deploy. It is listed and told nobody.
        </p>
      )}
      {alert.suppressed_by !== null && <p className="mt-3 text-quiet">Suppressed by {alert.suppressed_by}.</p>}
      <div className="mt-4 flex flex-col gap-3 border-t border-line pt-4">
        <Allowed to="alert" what="looks at alerts; investigators and administrators act on them">
          <Deeds alert={alert} />
        </Allowed>
      </div>
    </Panel>
  );
}

function Pair({ name, value }: { readonly name: string; readonly value: string }) {
  return value === "" ? null : (
    <>
      <dt className="text-quiet">{name}</dt>
      <dd className="min-w-0 [overflow-wrap:anywhere]">
        <Coded text={value} />
      </dd>
    </>
  );
}

const SERVICES = new Set(["service", "service_id", "target_id", "caller", "callee", "recorder_id"]);

function Labels({ labels }: { readonly labels: Alert["labels"] }) {
  return (
    <ul aria-label="Labels" className="mt-3 flex flex-wrap gap-x-4 gap-y-1">
      {Object.entries(labels).map(([name, value]) => (
        <li key={name}>
          <span className="text-quiet">{name} </span>
          {SERVICES.has(name) ? (
            <ServiceLink name={value} />
          ) : name === "credential_id" || name === "credential" ? (
            <CredentialLink id={value} />
          ) : name === "call_id" ? (
            <CallLink id={value} />
          ) : (
            <span className="font-mono text-xs [overflow-wrap:anywhere]">{value}</span>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Acknowledge to resolve, by click and by key. */
function Deeds({ alert }: { readonly alert: Alert }) {
  const [comment, setComment] = useState("");
  const [isSilencing, setIsSilencing] = useState(false);
  const deeds = useDeeds(alert.id);
  // A comment stays until it is a record.
  const act = (deed: Deed) => deeds.mutate({ deed, comment }, { onSuccess: () => setComment("") });
  const isOver = alert.state === "resolved";
  useKeys({
    a: () => alert.state === "firing" && act("acknowledge"),
    r: () => !isOver && act("resolve"),
  });
  return (
    <>
      <input
        aria-label="Comment"
        className="w-full rounded border border-line bg-raised px-3 py-1.5"
        maxLength={2_000}
        onChange={(event) => setComment(event.target.value)}
        placeholder="A comment, which goes with what you do"
        value={comment}
      />
      <div className="flex flex-wrap gap-2">
        {alert.state === "firing" && (
          <Button kind="main" onClick={() => act("acknowledge")}>
            Acknowledge
          </Button>
        )}
        {!isOver && <Button onClick={() => act("assign")}>Assign to me</Button>}
        {isOver ? (
          <Button onClick={() => act("reopen")}>Reopen</Button>
        ) : (
          <Button onClick={() => act("resolve")}>Resolve</Button>
        )}
        <Button disabled={comment.trim() === ""} onClick={() => act("comment")}>
          Comment
        </Button>
        <Button onClick={() => setIsSilencing(true)}>Silence</Button>
      </div>
      <FormFault error={deeds.error} />
      {isSilencing && <SilenceForm close={() => setIsSilencing(false)} matchers={matchersOf(alert)} />}
    </>
  );
}

/** What names this and nothing else. */
function matchersOf({ rule_id: rule, labels }: Alert): readonly string[] {
  return [["rule_id", rule] as const, ...Object.entries(labels)].map(
    ([name, value]) => `${name}=${JSON.stringify(value)}`,
  );
}

function Steps({ alert }: { readonly alert: Alert }) {
  const { clock, label } = useMoments();
  return (
    <Panel
      note={`${formatCount(alert.steps.length)} steps, each a record of the log; times in ${label}`}
      title="What became of it"
    >
      <ol className="flex flex-col gap-1">
        {alert.steps.map(({ kind, at, by, text }, place) => (
          <li className="flex flex-wrap gap-x-3" key={`${at} ${place}`}>
            <span className="text-quiet tabular-nums">{clock(at)}</span>
            <span className="font-medium">{kind}</span>
            <span className="text-quiet">{by}</span>
            <span className="min-w-0 [overflow-wrap:anywhere]">{text}</span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
