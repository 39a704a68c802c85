/** The state of alerting as one: read from the log once, and known from then on. */
import { Alerts } from "./alerts.ts";
import { AlertFold } from "./fold.ts";
import { AlertLog } from "./log.ts";
import type { AlertParts } from "./log.ts";
import { SilenceFold, Silences } from "./silences.ts";

export interface Alerting {
  readonly log: AlertLog;
  /** Its `sink` is where detection hands its findings to. */
  readonly alerts: Alerts;
  readonly silences: Silences;
}

export async function openAlerting(parts: AlertParts): Promise<Alerting> {
  const alerts = new AlertFold();
  const silences = new SilenceFold(() => parts.clock.nowUs());
  const log = new AlertLog(parts, [alerts, silences]);
  await log.recover();
  return { log, alerts: new Alerts(log, alerts), silences: new Silences(log, silences) };
}
