import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { rulePath, type WholeRule } from "../client/rules.ts";
import { useApi } from "../client/use-api.ts";
import { Allowed } from "../page/allowed.tsx";
import { Button } from "../page/button.tsx";
import { Confirm } from "../page/confirm.tsx";
import { FormFault } from "../page/field.tsx";
import { Panel, Screen } from "../page/panel.tsx";
import { Answer, Loading } from "../page/states.tsx";
import { Switch } from "../page/switch.tsx";
import { BacktestView, DEFAULT_PERIOD } from "./backtest-view.tsx";
import { CodeView } from "./code-lines.tsx";
import { RuleAlerts } from "./rule-alerts.tsx";
import { RuleFacts } from "./rule-facts.tsx";
import { RuleHistory } from "./rule-history.tsx";
import { useRuleChanges } from "./use-rule-changes.ts";
import { useRuleHistory } from "./use-rule-history.ts";

export type RuleState = Partial<Record<"id" | "edit" | "version" | "from" | "to", string | undefined>>;

const RuleEditor = lazy(async () => ({ default: (await import("./rule-editor.tsx")).RuleEditor }));

/** One rule: its text, what it would have found, what it found, who changed it; or the box to write it in. */
export function RulePage() {
  const state = useSearch({ from: "/rule" });
  if (state.edit === "true")
    return (
      <Suspense fallback={<Loading lines={16} />}>
        <RuleEditor key={`${state.id} ${state.version}`} state={state} />
      </Suspense>
    );
  return <RuleView id={state.id ?? ""} state={state} />;
}

function RuleView({ id, state }: { readonly id: string; readonly state: RuleState }) {
  const found = useApi<WholeRule>(rulePath(id));
  return (
    <Answer lines={16} of={found}>
      {(rule) => <Whole rule={rule} state={state} />}
    </Answer>
  );
}

function Whole({ rule, state }: { readonly rule: WholeRule; readonly state: RuleState }) {
  const navigate = useNavigate({ from: "/rule" });
  const { found, changesOf } = useRuleHistory(rule.id);
  const { version, from = DEFAULT_PERIOD, to } = state;
  const older =
    version === undefined || found.data === undefined
      ? null
      : (changesOf(found.data).find((change) => change.version === version)?.text ?? null);
  const text = older ?? rule.text;
  return (
    <Screen
      actions={
        <Allowed
          to="manage"
          what={`reads rules; an administrator changes them. This one ${rule.on ? "runs" : "is switched off"}`}
        >
          <Actions rule={rule} version={older === null ? undefined : version} />
        </Allowed>
      }
      says={rule.description}
      title={rule.title}
    >
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <RuleFacts rule={rule} />
          <Panel
            flush
            note={older === null ? `version ${rule.version}` : `version ${version}, which is not in force`}
            title="Text"
          >
            <CodeView label="The rule's text" text={text} />
          </Panel>
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <BacktestView
            choose={(chosen) => void navigate({ search: (before) => ({ ...before, ...chosen }) })}
            period={{ from, to }}
            subject={older === null ? { id: rule.id } : { text: older }}
            waits={null}
          />
          <RuleAlerts id={rule.id} />
          <RuleHistory id={rule.id} version={version} />
        </div>
      </div>
    </Screen>
  );
}

function Actions({ rule, version }: { readonly rule: WholeRule; readonly version: string | undefined }) {
  const navigate = useNavigate({ from: "/rule" });
  const { turn, remove } = useRuleChanges();
  const [isLeaving, setIsLeaving] = useState(false);
  const { id, title, on, origin } = rule;
  return (
    <>
      <FormFault error={turn.error ?? remove.error} />
      <Switch
        change={(wanted) => turn.mutate({ id, on: wanted })}
        disabled={turn.isPending}
        isOn={on}
        label={`Run ${title}`}
      />
      <Button kind="main" onClick={() => void navigate({ search: { id, version, edit: "true" } })}>
        {origin === "builtin" ? "Make your own of it" : version === undefined ? "Edit" : `Edit from version ${version}`}
      </Button>
      {origin === "own" && <Button onClick={() => setIsLeaving(true)}>Remove</Button>}
      {isLeaving && (
        <Confirm
          close={() => setIsLeaving(false)}
          says="It finds nothing from now on. Its texts and its alerts stay in the log."
          title={`Remove ${title}?`}
          word="Remove"
          yes={() => remove.mutate(id, { onSuccess: () => void navigate({ to: "/rules" }) })}
        />
      )}
    </>
  );
}
