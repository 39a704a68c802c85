/**
 * Alerts: what detection found, as somebody's task.
 *
 * Guarantees: every transition is a durable record of the `alerts` log before it takes effect, so that times to
 * acknowledge and to resolve are provable and a restart knows all again; the same finding handed over again changes
 * nothing; changes run one after another. Only records that Tallystick wrote itself count.
 */
import { formatTimestamp } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { ALERTS_LOG } from "../control/own-logs.ts";
import { ownRecord } from "../control/own-record.ts";
import type { OwnFields } from "../control/own-record.ts";
import type { Random } from "../control/secret.ts";
import { LEVELS } from "../detect/finding.ts";
import type { Finding, FindingSink } from "../detect/finding.ts";
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { ownRecordOf } from "../journal/own-records.ts";
import type { Alert } from "./alert.ts";
import { alertFields, firedRecordId } from "./alert-record.ts";
import { boundedFinding } from "./bounded-finding.ts";
import { alertIdOf, fingerprintOf } from "./fingerprint.ts";
import { AlertFold } from "./fold.ts";
import { AGAIN_EVERY_US, ALERT_BATCH, MAX_OPEN_ALERTS_A_RULE } from "./limits.ts";
import { foldOwnLog } from "./read-log.ts";

export interface AlertParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
}

/** Reads the alerts log from its beginning and answers from memory from then on. */
export async function openAlerts(parts: AlertParts): Promise<Alerts> {
  const fold = new AlertFold();
  await foldOwnLog(parts.journal, ALERTS_LOG, (record) => fold.take(record));
  return new Alerts(parts, fold);
}

const BY_US = "tallystick";

export class Alerts {
  readonly #parts: AlertParts;
  readonly #fold: AlertFold;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: AlertParts, fold: AlertFold) {
    this.#parts = parts;
    this.#fold = fold;
  }

  /** What detection hands its findings to. */
  readonly sink: FindingSink = (findings) =>
    this.#inTurn(async () => {
      for (let from = 0; from < findings.length; from += ALERT_BATCH)
        await this.#takeBatch(findings.slice(from, from + ALERT_BATCH));
    });

  /** Newest first. */
  list(): readonly Alert[] {
    return [...this.#fold.alerts.values()].toReversed();
  }

  find(id: string): Alert | null {
    return this.#fold.alerts.get(id) ?? null;
  }

  async #takeBatch(findings: readonly Finding[]): Promise<void> {
    const pending = new Map<string, AuditRecord>();
    for (const finding of findings) {
      const bounded = this.#withRoom(boundedFinding(finding), pending);
      const fingerprint = fingerprintOf(bounded);
      // What this batch says of the same thing already must be in effect before more is said of it.
      if (pending.has(fingerprint)) await this.#store(pending);
      const record = this.#recordOf(bounded, fingerprint);
      if (record !== null) pending.set(fingerprint, record);
    }
    await this.#store(pending);
  }

  #recordOf(finding: Finding, fingerprint: string): AuditRecord | null {
    const known = this.#fold.alerts.get(this.#fold.newest.get(fingerprint) ?? "") ?? null;
    const isOpen = known !== null && known.state !== "resolved";
    if (finding.state === "resolved") {
      if (!isOpen || finding.seenAtUs < known.finding.startsAtUs) return null;
      return this.#own(alertFields(known, { kind: "resolved", by: BY_US, resolvedBy: "condition" }));
    }
    if (isOpen) return isWorthTelling(known.finding, finding) ? this.#again(known, finding) : null;
    // What comes again after a crash began before its alert was resolved.
    if (known !== null && finding.seenAtUs <= known.finding.seenAtUs) return null;
    return this.#fired(finding, fingerprint);
  }

  #fired(finding: Finding, fingerprint: string): AuditRecord {
    const id = alertIdOf(fingerprint, finding.startsAtUs);
    const isTaken = this.#fold.alerts.has(id);
    const subject = { id: isTaken ? alertIdOf(fingerprint, finding.seenAtUs) : id, fingerprint, finding };
    const fields = alertFields(subject, { kind: "fired", by: BY_US });
    return ownRecordOf(firedRecordId(subject.id), formatTimestamp(this.#parts.clock.nowUs()), fields);
  }

  #again(known: Alert, finding: Finding): AuditRecord {
    const merged = { ...finding, startsAtUs: Math.min(known.finding.startsAtUs, finding.startsAtUs) };
    return this.#own(alertFields({ ...known, finding: merged }, { kind: "seen again", by: BY_US }));
  }

  /** Beyond a bound, what a rule finds is one alert of the rule: nobody reads a thousand of the same. */
  #withRoom(finding: Finding, pending: ReadonlyMap<string, AuditRecord>): Finding {
    const isKnown = this.#fold.newest.has(fingerprintOf(finding));
    if (isKnown || this.#fold.openOf(finding.ruleId) + pending.size < MAX_OPEN_ALERTS_A_RULE) return finding;
    const summary = `${MAX_OPEN_ALERTS_A_RULE} alerts of this rule are open; further findings are one. ${finding.summary}`;
    return { ...finding, labels: { overflow: "true" }, summary };
  }

  #own(fields: OwnFields): AuditRecord {
    return ownRecord(this.#parts.clock, this.#parts.random, fields);
  }

  /** Durable and in effect when it returns. */
  async #store(pending: Map<string, AuditRecord>): Promise<void> {
    const records = [...pending.values()];
    pending.clear();
    if (records.length === 0) return;
    const outcome = await this.#parts.journal.appendOwn(ALERTS_LOG, records);
    if (outcome.kind === "pushback")
      throw new TallystickError("journal_unavailable", "Alerts could not be recorded, so nothing was changed.", {
        hint: "Try again; see the server's log when it stays.",
        retryAfterS: outcome.retryAfterS,
      });
    for (const record of records) this.#fold.take(record);
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(change);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** What goes on is told now and then; what became worse, or is certain now, at once. */
function isWorthTelling(before: Finding, now: Finding): boolean {
  if (now.seenAtUs <= before.seenAtUs) return false;
  if (LEVELS.indexOf(now.level) > LEVELS.indexOf(before.level) || (before.quiet && !now.quiet)) return true;
  return now.seenAtUs - before.seenAtUs >= AGAIN_EVERY_US;
}
