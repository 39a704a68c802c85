import { useBlocker, useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { rulePath, type CheckedText, type WholeRule } from "../client/rules.ts";
import { useApi } from "../client/use-api.ts";
import { Allowed } from "../page/allowed.tsx";
import { Button } from "../page/button.tsx";
import { Confirm } from "../page/confirm.tsx";
import { FormFault } from "../page/field.tsx";
import { Panel, Screen } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useFields } from "../search/use-completion.ts";
import { BacktestView, DEFAULT_PERIOD } from "./backtest-view.tsx";
import { CodeBox } from "./code-box.tsx";
import type { RuleState } from "./rule-page.tsx";
import { keysAt, type Place } from "./rule-schema.ts";
import { ownCopy, ruleTemplate } from "./rule-template.ts";
import { useDraft } from "./use-draft.ts";
import { useRuleChanges } from "./use-rule-changes.ts";
import { useRuleHistory } from "./use-rule-history.ts";

/** Writes a rule: a new one, a new version of one's own, or one's own of one that was shipped. */
export function RuleEditor({ state }: { readonly state: RuleState }) {
  const { id } = state;
  return id === undefined ? (
    <Draft first={ruleTemplate} heading="New rule" state={state} />
  ) : (
    <OfRule id={id} state={state} />
  );
}

function OfRule({ id, state }: { readonly id: string; readonly state: RuleState }) {
  const rule = useApi<WholeRule>(rulePath(id));
  const { found, changesOf } = useRuleHistory(id);
  if (state.version !== undefined && found.data === undefined)
    return (
      <Answer lines={16} of={found}>
        {() => null}
      </Answer>
    );
  const older =
    found.data === undefined
      ? null
      : (changesOf(found.data).find(({ version }) => version !== null && version === state.version)?.text ?? null);
  return (
    <Answer lines={16} of={rule}>
      {({ origin, title, text }) =>
        origin === "builtin" ? (
          <Draft first={() => ownCopy(text)} heading={`Your own of: ${title}`} state={state} />
        ) : (
          <Draft first={() => older ?? text} heading={`Edit: ${title}`} state={state} />
        )
      }
    </Answer>
  );
}

interface DraftProps {
  readonly first: () => string;
  readonly heading: string;
  readonly state: RuleState;
}

const NOWHERE: Place = { path: [], key: null, typed: "", start: 0 };

function Draft({ first, heading, state }: DraftProps) {
  const navigate = useNavigate({ from: "/rule" });
  const [begun] = useState(first);
  const { text, setText, rested, checked, error, isChanged } = useDraft(begun);
  const [place, setPlace] = useState(NOWHERE);
  const fields = useFields({ from: "now-1d" }).data?.fields ?? [];
  const { save } = useRuleChanges();
  const { isKept, question } = useLeaving(isChanged);
  const taken = checked?.rule ?? null;
  const keep = () =>
    save.mutate(text, {
      onSuccess: (rule) => {
        isKept.current = true;
        void navigate({ search: { id: rule?.id } });
      },
    });
  return (
    <Screen
      actions={
        <>
          <Allowed to="manage" what="may try a rule on the past; an administrator saves it">
            <Button disabled={taken === null || taken.takes === "builtin" || save.isPending} kind="main" onClick={keep}>
              {taken?.takes === "own" ? "Save as a new version" : "Save, switched off"}
            </Button>
          </Allowed>
          <Button
            onClick={() =>
              void (state.id === undefined ? navigate({ to: "/rules" }) : navigate({ search: { id: state.id } }))
            }
          >
            Cancel
          </Button>
        </>
      }
      says="Sigma’s format, or a measure. Nothing is kept before you save; each version is a record of the log."
      title={heading}
    >
      <FormFault error={save.error ?? error} />
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <CodeBox
            change={setText}
            fault={checked?.fault ?? null}
            faultId="rule-fault"
            fields={fields}
            label="Text of the rule"
            moved={setPlace}
            text={text}
          />
          <Verdict checked={checked} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <BacktestView
            choose={(chosen) => void navigate({ search: (before) => ({ ...before, ...chosen }), replace: true })}
            period={{ from: state.from ?? DEFAULT_PERIOD, to: state.to }}
            subject={{ text: rested }}
            waits={checked?.fault === null ? null : "It is tried as soon as the text can be read."}
          />
          <Keys place={place} />
        </div>
      </div>
      {question}
    </Screen>
  );
}

/** Asks before what was written is left; not once it is kept. */
function useLeaving(isChanged: boolean) {
  const isKept = useRef(false);
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) =>
      isChanged && !isKept.current && (next.pathname !== current.pathname || !("edit" in next.search)),
    enableBeforeUnload: () => isChanged && !isKept.current,
    withResolver: true,
  });
  const question = blocker.status === "blocked" && (
    <Confirm
      close={blocker.reset}
      says="What you wrote is not saved."
      title="Leave this rule?"
      word="Leave it"
      yes={blocker.proceed}
    />
  );
  return { isKept, question };
}

/** What the server says of the text: where it is at fault, or what would be kept. */
function Verdict({ checked }: { readonly checked: CheckedText | null }) {
  const { fault = null, rule = null } = checked ?? {};
  return (
    <p className="min-h-9 rounded bg-raised px-3 py-2" id="rule-fault" role="status">
      {fault !== null ? (
        <span className="text-bad">
          Line {fault.line}, column {fault.column}: {fault.reason}
        </span>
      ) : rule === null ? (
        <span className="text-quiet">Reading …</span>
      ) : rule.takes === "builtin" ? (
        <span className="text-bad">A rule of this id is shipped with Tallystick. Give yours an id of its own.</span>
      ) : (
        <span>
          <span className="text-good">It can run.</span> A {rule.kind === "sigma" ? "Sigma rule" : "measure"} of level{" "}
          {rule.level}.
        </span>
      )}
    </p>
  );
}

/** What may stand where the caret is. */
function Keys({ place }: { readonly place: Place }) {
  const isDetection = place.path[0] === "detection" && place.path.length > 1;
  const where = isDetection
    ? "behind a field, after |"
    : place.path.length === 0
      ? "at the beginning of a line"
      : `in ${place.path.join(", ")}`;
  return (
    <Panel note={where} title="What may stand here">
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 text-xs">
        {keysAt(place).map(([name, says]) => (
          <div className="contents" key={name}>
            <dt className="font-mono">{name}</dt>
            <dd className="text-quiet">{says}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
