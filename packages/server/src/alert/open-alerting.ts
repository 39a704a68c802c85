/** The state of alerting as one: read from the log once, and known from then on. */
import type { ControlParts } from "../control/changes.ts";
import { Alerts } from "./alerts.ts";
import { AlertFold } from "./fold.ts";
import { AlertLog } from "./log.ts";
import { NoticeFold } from "./notice.ts";
import { Notices } from "./notices.ts";
import { ActionFold } from "./respond/action-fold.ts";
import { Responses } from "./respond/responses.ts";
import { SilenceFold, Silences } from "./silences.ts";

export interface Alerting {
  readonly log: AlertLog;
  /** Its `sink` is where detection hands its findings to. */
  readonly alerts: Alerts;
  readonly silences: Silences;
  readonly notices: Notices;
  readonly responses: Responses;
}

export interface AlertingParts extends ControlParts {
  /** What to do about what names no URL of its own; `{rule}` in it is the rule's or detector's id. Empty: nothing. */
  readonly runbookUrl?: string;
}

export async function openAlerting(parts: AlertingParts): Promise<Alerting> {
  const alerts = new AlertFold();
  const silences = new SilenceFold(() => parts.clock.nowUs());
  const notices = new NoticeFold();
  const actions = new ActionFold();
  const log = new AlertLog(parts, [alerts, silences, notices, actions]);
  await log.recover();
  return {
    log,
    alerts: new Alerts(log, alerts, parts.runbookUrl),
    silences: new Silences(log, silences),
    notices: new Notices(log, notices),
    responses: new Responses(log, actions),
  };
}
