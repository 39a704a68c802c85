/**
 * Alerts: what detection found, as somebody's task.
 *
 * Guarantees: every transition is a durable record of the `alerts` log before it takes effect, so that times to
 * acknowledge and to resolve are provable and a restart knows all again; the same finding handed over again changes
 * nothing; changes run one after another. Only records that Tallystick wrote itself count.
 */
import { formatTimestamp } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import { LEVELS } from "../detect/finding.ts";
import type { Finding, FindingSink } from "../detect/finding.ts";
import { TallystickError } from "../errors.ts";
import { ownRecordOf } from "../journal/own-records.ts";
import type { Alert } from "./alert.ts";
import { alertFields, firedRecordId } from "./alert-record.ts";
import type { AlertStep } from "./alert-record.ts";
import { boundedFinding } from "./bounded-finding.ts";
import { alertIdOf, fingerprintOf } from "./fingerprint.ts";
import type { AlertFold } from "./fold.ts";
import { AGAIN_EVERY_US, ALERT_BATCH, MAX_ALERT_TEXT_LENGTH, MAX_OPEN_ALERTS_A_RULE } from "./limits.ts";
import type { AlertLog } from "./log.ts";

const BY_US = "tallystick";

/** What a person does to an alert; `text` is a comment, or the assignee (empty: nobody). */
export type AlertDeed = "acknowledge" | "assign" | "comment" | "resolve" | "reopen";

export class Alerts {
  readonly #log: AlertLog;
  readonly #fold: AlertFold;
  readonly #runbookUrl: string;

  constructor(log: AlertLog, fold: AlertFold, runbookUrl = "") {
    this.#log = log;
    this.#fold = fold;
    this.#runbookUrl = runbookUrl;
  }

  /** What detection hands its findings to. */
  readonly sink: FindingSink = (findings) =>
    this.#log.inTurn(async () => {
      for (let from = 0; from < findings.length; from += ALERT_BATCH)
        await this.#takeBatch(findings.slice(from, from + ALERT_BATCH));
    });

  /** Newest first. */
  list(): readonly Alert[] {
    return [...this.#fold.alerts.values()].toReversed();
  }

  /** What alerts of a rule name as their runbook; `own`: what it names itself. */
  runbookOf(ruleId: string, own: string | null): string | null {
    return runbookOf(ruleId, own ?? undefined, this.#runbookUrl) ?? null;
  }

  find(id: string): Alert | null {
    return this.#fold.alerts.get(id) ?? null;
  }

  /** Durable when it returns; what changes nothing is not recorded. TallystickError `not_found`, `bad_request`. */
  act(by: string, id: string, deed: AlertDeed, text = ""): Promise<Alert> {
    return this.#log.inTurn(async () => {
      const alert = this.find(id);
      if (alert === null)
        throw new TallystickError("not_found", "There is no alert of this id.", {
          hint: "`tallystick alerts` lists them; what is long over is in the log alone: search 'event_type:ALERT'.",
        });
      assertText(deed, text);
      if (deed === "reopen") this.#assertNewest(alert);
      const steps = stepsOf(alert, deed, by, text);
      if (steps.length > 0) await this.#log.record(steps.map((step) => this.#log.own(alertFields(alert, step))));
      return this.find(id)!;
    });
  }

  /** Resolves what was not seen since `beforeUs` and has no condition of which an end would be told. */
  expire(beforeUs: number): Promise<void> {
    const isDue = ({ state, finding }: Alert) =>
      state !== "resolved" && finding.seenAtUs < beforeUs && (finding.kind === "sigma" || finding.kind === "detector");
    return this.#log.inTurn(async () => {
      const due = this.list().filter(isDue).slice(0, ALERT_BATCH);
      const step = { kind: "resolved", by: BY_US, resolvedBy: "expired" } as const;
      await this.#log.record(due.map((alert) => this.#log.own(alertFields(alert, step))));
    });
  }

  /** Says of each what keeps it from notifying anybody; null: nothing does any more. */
  suppress(changes: readonly { readonly id: string; readonly by: string | null }[]): Promise<void> {
    return this.#log.inTurn(async () => {
      const records = changes.flatMap(({ id, by }) => {
        const alert = this.find(id);
        if (alert === null || alert.suppressedBy === by) return [];
        const step: AlertStep =
          by === null ? { kind: "unsuppressed", by: BY_US } : { kind: "suppressed", by: BY_US, text: by };
        return [this.#log.own(alertFields(alert, step))];
      });
      for (let from = 0; from < records.length; from += ALERT_BATCH)
        await this.#log.record(records.slice(from, from + ALERT_BATCH));
    });
  }

  #assertNewest({ id, fingerprint }: Alert): void {
    const newest = this.#fold.newest.get(fingerprint);
    if (newest !== id && newest !== undefined)
      throw new TallystickError("bad_request", `The same was raised again since, as ${newest}; see to that one.`);
  }

  async #takeBatch(findings: readonly Finding[]): Promise<void> {
    const pending = new Map<string, AuditRecord>();
    for (const finding of findings) {
      const bounded = this.#withRoom(boundedFinding(withRunbook(finding, this.#runbookUrl)), pending);
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
      return this.#log.own(alertFields(known, { kind: "resolved", by: BY_US, resolvedBy: "condition" }));
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
    return ownRecordOf(firedRecordId(subject.id), formatTimestamp(this.#log.nowUs()), fields);
  }

  #again(known: Alert, finding: Finding): AuditRecord {
    const startsAtUs = Math.min(known.finding.startsAtUs, finding.startsAtUs);
    // What somebody was told of stays told, whatever is listed of it since.
    const told = finding.quiet && !known.finding.quiet ? { quiet: false, level: known.finding.level } : {};
    const merged = boundedFinding({ ...finding, ...told, startsAtUs, records: firstOf(known.finding, finding) });
    return this.#log.own(alertFields({ ...known, finding: merged }, { kind: "seen again", by: BY_US }));
  }

  /** Beyond a bound, what a rule finds is one alert of the rule: nobody reads a thousand of the same. */
  #withRoom(finding: Finding, pending: ReadonlyMap<string, AuditRecord>): Finding {
    const isKnown = this.#fold.newest.has(fingerprintOf(finding));
    if (isKnown || this.#fold.openOf(finding.ruleId) + pending.size < MAX_OPEN_ALERTS_A_RULE) return finding;
    const summary = `${MAX_OPEN_ALERTS_A_RULE} alerts of this rule are open; further findings are one. ${finding.summary}`;
    return { ...finding, labels: { overflow: "true" }, summary };
  }

  async #store(pending: Map<string, AuditRecord>): Promise<void> {
    const records = [...pending.values()];
    pending.clear();
    await this.#log.record(records);
  }
}

/** What showed it first stays the first, whatever shows it since. */
function firstOf({ records: [first] }: Finding, { records }: Finding): Finding["records"] {
  if (first === undefined) return records;
  return [first, ...records.filter(({ tree, leafIndex }) => tree !== first.tree || leafIndex !== first.leafIndex)];
}

function withRunbook(finding: Finding, template: string): Finding {
  const url = runbookOf(finding.ruleId, finding.runbookUrl, template);
  return url === undefined ? finding : { ...finding, runbookUrl: url };
}

/** Slashes of an id, as in `builtin/replay`, stay: its runbook may be a file in a folder. */
function runbookOf(ruleId: string, own: string | undefined, template: string): string | undefined {
  if (own !== undefined || template === "") return own;
  const id = ruleId.split("/").map(encodeURIComponent).join("/");
  return template.replaceAll("{rule}", () => id);
}

function assertText(deed: AlertDeed, text: string): void {
  if (text.length > MAX_ALERT_TEXT_LENGTH)
    throw new TallystickError("bad_request", `A comment has at most ${MAX_ALERT_TEXT_LENGTH} characters.`);
  if (deed === "comment" && text.trim() === "") throw new TallystickError("bad_request", "A comment says something.");
}

/** The steps of a deed; a comment along with it is part of the same step. */
function stepsOf(alert: Alert, deed: AlertDeed, by: string, text: string): readonly AlertStep[] {
  const isOver = alert.state === "resolved";
  const commented: readonly AlertStep[] = text.trim() === "" ? [] : [{ kind: "commented", by, text }];
  if (deed === "comment") return commented;
  if (deed === "assign") return (alert.assignee ?? "") === text ? [] : [{ kind: "assigned", by, text }];
  if (deed === "reopen") return isOver ? [{ kind: "reopened", by, text }] : commented;
  if (deed === "resolve") return isOver ? commented : [{ kind: "resolved", by, text, resolvedBy: "person" }];
  if (isOver) throw new TallystickError("bad_request", "The alert is resolved; reopen it first.");
  return alert.state === "acknowledged" ? commented : [{ kind: "acknowledged", by, text }];
}

/** What goes on is told now and then; what became worse, or is certain now, at once. */
function isWorthTelling(before: Finding, now: Finding): boolean {
  if (now.seenAtUs <= before.seenAtUs) return false;
  if (LEVELS.indexOf(now.level) > LEVELS.indexOf(before.level) || (before.quiet && !now.quiet)) return true;
  return now.seenAtUs - before.seenAtUs >= AGAIN_EVERY_US;
}
