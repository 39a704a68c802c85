/**
 * Responses by rule: what fires and matches is answered at once, each alert once by each rule. A rule is a dry run
 * until somebody says otherwise. What is silenced is not answered, and neither is what only learns.
 */
import type { Alert } from "../alert.ts";
import type { Alerts } from "../alerts.ts";
import { LOOK_DELAY_MS, MAX_ANSWERED, RESPOND_WITHIN_US, TROUBLE_DELAY_MS } from "../limits.ts";
import type { AlertLog } from "../log.ts";
import { labelsOf, matchesAll } from "../matchers.ts";
import type { Labels, Matcher } from "../matchers.ts";
import type { Silences } from "../silences.ts";
import { Wake } from "../wake.ts";
import { ACTION_TARGETS, OPTIONAL_TARGETS } from "./action.ts";
import type { ActionKind, Target } from "./action.ts";
import type { Responses } from "./responses.ts";

export interface ResponseRule {
  readonly name: string;
  readonly match: readonly Matcher[];
  readonly action: ActionKind;
  readonly lastsUs: number;
  readonly needsApproval: boolean;
  readonly isDryRun: boolean;
  /** Of a webhook. */
  readonly channel: string;
}

export interface ResponderParts {
  readonly log: AlertLog;
  readonly alerts: Alerts;
  readonly silences: Silences;
  readonly responses: Responses;
  readonly rules: readonly ResponseRule[];
  readonly onTrouble: (message: string) => void;
}

export class Responder {
  readonly #parts: ResponderParts;
  readonly #wake: Wake;
  readonly #unlisten: () => void;
  /** Rule and alert that were seen to; bounded, since what is asked for twice is one anyhow. */
  readonly #answered = new Set<string>();
  #isClosed = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: ResponderParts) {
    this.#parts = parts;
    this.#wake = new Wake(parts.log.parts.clock, () => {
      this.#looking = this.#looking
        .then(() => this.#look())
        .catch((error: unknown) => {
          parts.onTrouble(error instanceof Error ? error.message : String(error));
          this.#wake.in(TROUBLE_DELAY_MS);
        });
    });
    this.#unlisten = parts.rules.length === 0 ? () => {} : parts.log.onChange(() => this.#wake.in(LOOK_DELAY_MS));
    if (parts.rules.length > 0) this.#wake.in(LOOK_DELAY_MS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unlisten();
    this.#wake.close();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { log, alerts, silences, rules } = this.#parts;
    const sinceUs = log.nowUs() - RESPOND_WITHIN_US;
    for (const alert of alerts.list()) {
      const isDue = alert.state === "firing" && alert.raisedAtUs >= sinceUs && !alert.finding.quiet;
      const labels = labelsOf(alert);
      if (!isDue || this.#isClosed || silences.of(labels) !== null) continue;
      for (const rule of rules) if (matchesAll(rule.match, labels)) await this.#answer(rule, alert, labels);
    }
  }

  async #answer(rule: ResponseRule, alert: Alert, labels: Labels): Promise<void> {
    const key = `${rule.name}\0${alert.id}`;
    if (this.#answered.has(key)) return;
    const target = ruleTarget(rule, labels);
    if (target === null) this.#parts.onTrouble(`the response rule ${rule.name} finds no target in alert ${alert.id}`);
    else {
      const { lastsUs, isDryRun, name, action: kind } = rule;
      const reason = `${alert.finding.title}: ${alert.finding.summary}`.slice(0, 1_000);
      const wanted = { kind, target, reason, lastsUs, isDryRun, rule: name, alertId: alert.id };
      await this.#parts.responses.request(`rule:${name}`, wanted, rule.needsApproval).catch((error: unknown) => {
        // Full, or to be spared: it will be so the next time too.
        this.#parts.onTrouble(`the response rule ${name} did nothing: ${String(error)}`);
      });
    }
    this.#answered.add(key);
    const [oldest] = this.#answered;
    if (this.#answered.size > MAX_ANSWERED && oldest !== undefined) this.#answered.delete(oldest);
  }
}

/** Other names under which alerts tell of the same. */
const ALSO_CALLED: Readonly<Record<string, readonly string[]>> = {
  credential_id: ["principal"],
  service: ["service_id", "caller"],
  caller: ["service_id"],
  callee: ["target_id"],
};

/** From the alert's labels; null when they do not name it. */
export function ruleTarget({ action, channel }: ResponseRule, labels: Labels): Target | null {
  if (action === "webhook") return { channel };
  const found: Record<string, string> = {};
  for (const name of ACTION_TARGETS[action] as readonly string[]) {
    const value = [name, ...(ALSO_CALLED[name] ?? [])].map((label) => labels[label] ?? "").find((text) => text !== "");
    if (value === undefined && !OPTIONAL_TARGETS.has(`${action} ${name}`)) return null;
    if (value !== undefined) found[name] = value;
  }
  return found;
}
