/**
 * Responses: what is done about an alert.
 *
 * Guarantees: decision, effect and end of each are durable records before they take effect; the same asked for twice is
 * one; everything ends by itself; what is never to be blocked is not, whoever asks; where a second person must agree,
 * nothing happens before. A dry run is recorded and does nothing.
 */
import { createHash } from "node:crypto";
import { uuidv8 } from "@tallystick/record";

import type { Approval, Approvals } from "../../control/approval.ts";
import { isTallystickError, TallystickError } from "../../errors.ts";
import { MAX_ALERT_TEXT_LENGTH, MAX_LABEL_VALUE_BYTES, MIN_LOOK_MS, MAX_LOOK_WAIT_MS } from "../limits.ts";
import type { AlertLog } from "../log.ts";
import type { Matcher } from "../matchers.ts";
import { queuedFields } from "../notice.ts";
import { ACTION_TARGETS, actionStepFields, actionText, blockKey, OPTIONAL_TARGETS, requestedFields } from "./action.ts";
import type { Action, ActionStep, NewAction, Target } from "./action.ts";
import type { ActionFold } from "./action-fold.ts";
import { Blocks } from "./blocks.ts";

/** The same for one that is not there and one that its reader may not see. */
export const noResponse = (): TallystickError =>
  new TallystickError("not_found", "There is no response of this id.", {
    hint: "`tallystick respond list` shows them.",
  });

export interface ResponseSettings {
  readonly approvals: Approvals;
  /** Whether each action needs a second person, whoever asks. */
  readonly needsApproval: boolean;
  /** Targets that are never blocked: one matcher that holds is enough. */
  readonly never: readonly Matcher[];
  /** Blocks in force at a time. */
  readonly maxBlocks: number;
  readonly maxLastsUs: number;
  readonly hasChannel: (name: string) => boolean;
  readonly onTrouble: (message: string) => void;
}

export class Responses {
  readonly #log: AlertLog;
  readonly #fold: ActionFold;
  #settings: ResponseSettings | null = null;
  /** What is blocked. */
  readonly blocks: Blocks;
  #cancel: () => void = () => {};

  constructor(log: AlertLog, fold: ActionFold) {
    this.#log = log;
    this.#fold = fold;
    this.blocks = new Blocks(fold, () => log.nowUs());
  }

  /** From now on actions can be asked for, and end in time. The returned function ends that. */
  begin(settings: ResponseSettings): () => void {
    this.#settings = settings;
    let isClosed = false;
    const next = (): void => {
      if (isClosed) return;
      this.#cancel = this.#log.parts.clock.after(this.#untilNextMs(), () => {
        this.work()
          .catch((error: unknown) => settings.onTrouble(error instanceof Error ? error.message : String(error)))
          .finally(next);
      });
    };
    next();
    return () => {
      isClosed = true;
      this.#cancel();
    };
  }

  /** Newest first. */
  list(): readonly Action[] {
    return [...this.#fold.actions.values()].toReversed();
  }

  find(id: string): Action | null {
    return this.#fold.actions.get(id) ?? null;
  }

  /** What a webhook tells of an action. */
  described(id: string): Readonly<Record<string, string>> | null {
    const action = this.find(id);
    if (action === null) return null;
    const { reason, by, alertId, rule } = action;
    return {
      id,
      action: actionText(action),
      reason,
      by,
      ...(alertId === null ? {} : { alert_id: alertId }),
      ...(rule === null ? {} : { rule }),
    };
  }

  /**
   * In force, proposed or recorded as a dry run when it returns; the same that is in force or waits already is given
   * back as it is. TallystickError `bad_request`, `forbidden`.
   */
  async request(
    by: string,
    wanted: NewAction,
    mustApprove = false,
  ): Promise<{ readonly action: Action; readonly isNew: boolean }> {
    const settings = this.#ready();
    const action = { ...wanted, target: targetOf(wanted) };
    assertAction(action, settings);
    const id = action.rule === null ? this.#log.newId("response") : ruleActionId(action);
    const made = await this.#log.inTurn(async () => {
      const same = this.#sameAs(action) ?? this.find(id);
      if (same !== null) return { action: same, isNew: false };
      this.#assertRoom(action, settings);
      const isAsked = !action.isDryRun && (settings.needsApproval || mustApprove);
      const approval = isAsked ? await this.#propose(by, id, action, mustApprove) : null;
      await this.#log.record([this.#log.own(requestedFields(id, by, action, approval?.id ?? null))]);
      if (!action.isDryRun && approval === null) await this.#effect(this.find(id)!, by);
      return { action: this.find(id)!, isNew: true };
    });
    if (made.action.approvalId !== null) await this.work();
    return { ...made, action: this.find(id) ?? made.action };
  }

  /** Out of force when it returns; what is over stays as it is. TallystickError `not_found`. */
  async undo(by: string, id: string, reason: string): Promise<Action> {
    const undone = await this.#log.inTurn(async () => {
      const action = this.find(id);
      if (action === null) throw noResponse();
      if (action.state !== "active" && action.state !== "proposed") return action;
      await this.#step(action, { kind: "undone", by, reason: reason.slice(0, MAX_ALERT_TEXT_LENGTH) });
      return this.find(id)!;
    });
    await this.#withdraw(by, undone.approvalId);
    return undone;
  }

  /** Nobody is asked any more about what was taken back; where `by` may not say so, an approval of it comes to nothing. */
  async #withdraw(by: string, approvalId: string | null): Promise<void> {
    const { approvals } = this.#ready();
    const approval = approvalId === null ? null : approvals.approval(approvalId);
    if (approval?.state !== "pending") return;
    if (approval.proposedBy === by || approvals.approvers().includes(by))
      await approvals.decide(by, approval.id, "rejected").catch(unlessDecided);
  }

  /** Ends what is over, and carries out what was approved. */
  async work(): Promise<void> {
    await this.#finishOver();
    const nowUs = this.#log.nowUs();
    for (const action of this.#fold.actions.values()) {
      if (action.state === "active" && (action.untilUs ?? 0) <= nowUs)
        await this.#log.inTurn(() => this.#endIf(action.id, "active", { kind: "expired", by: "tallystick" }));
      if (action.state === "proposed") await this.#decided(action);
    }
  }

  /** What was approved after it was taken back. */
  async #finishOver(): Promise<void> {
    const { approvals } = this.#ready();
    for (const { id, action, state, details } of approvals.approvals()) {
      if (action !== "respond" || state !== "approved") continue;
      const response = this.find(details["response_id"] ?? "");
      if (response?.state === "undone")
        await approvals.finish(id, "failed", "The response was taken back before.").catch(unlessDecided);
    }
  }

  async #decided({ id, approvalId, requestedAtUs }: Action): Promise<void> {
    const { approvals } = this.#ready();
    const approval = approvalId === null ? null : approvals.approval(approvalId);
    const state = approval?.state ?? (this.#log.nowUs() - requestedAtUs > 60_000_000 ? "expired" : "pending");
    if (state === "rejected" || state === "expired" || state === "failed")
      await this.#log.inTurn(() =>
        this.#endIf(id, "proposed", { kind: "rejected", by: approval?.decidedBy ?? "tallystick" }),
      );
    if (approval === null || (state !== "approved" && state !== "done")) return;
    await this.#log.inTurn(async () => {
      const action = this.find(id);
      if (action?.state === "proposed") await this.#effect(action, approval.decidedBy ?? approval.proposedBy);
    });
    if (state === "approved")
      await approvals.finish(approval.id, "done", actionText(this.find(id)!)).catch(unlessDecided);
  }

  #propose(by: string, id: string, action: NewAction, mustApprove: boolean): Promise<Approval> {
    const target = actionText(action).slice(0, 1_000);
    const details = { response_id: id };
    return this.#ready().approvals.propose(by, {
      action: "respond",
      target,
      reason: action.reason,
      details,
      ...(mustApprove ? { needsSecond: true } : {}),
    });
  }

  async #effect(action: Action, by: string): Promise<void> {
    if (action.kind !== "webhook") return this.#step(action, { kind: "in force", sinceUs: this.#log.nowUs(), by });
    const { channel = "" } = action.target;
    const about = { groupKey: `response/${action.id}`, groupLabels: {}, firing: [action.id], resolved: [], more: 0 };
    const queued = this.#log.own(
      queuedFields(this.#log.newId("notification"), { ...about, channel, purpose: "response" }),
    );
    await this.#log.record([this.#log.own(actionStepFields(action, { kind: "done", by })), queued]);
  }

  async #endIf(id: string, state: Action["state"], step: ActionStep): Promise<void> {
    const action = this.find(id);
    if (action?.state === state) await this.#step(action, step);
  }

  #step(action: Action, step: ActionStep): Promise<void> {
    return this.#log.record([this.#log.own(actionStepFields(action, step))]);
  }

  #sameAs(wanted: NewAction): Action | null {
    if (wanted.isDryRun || wanted.kind === "webhook") return null;
    return this.#fold.openOf(blockKey(wanted.kind, Object.values(wanted.target))).at(-1) ?? null;
  }

  #assertRoom({ kind, isDryRun }: NewAction, { maxBlocks }: ResponseSettings): void {
    if (kind !== "webhook" && !isDryRun && this.#fold.openCount >= maxBlocks)
      throw new TallystickError("bad_request", `${maxBlocks} blocks are in force or wait; undo some first.`, {
        hint: "respond.max_blocks bounds how much a rule that went wrong can stop.",
      });
  }

  #untilNextMs(): number {
    const nowUs = this.#log.nowUs();
    const ends = this.blocks.active().map(({ untilUs }) => Math.ceil(((untilUs ?? 0) - nowUs) / 1_000));
    return Math.max(MIN_LOOK_MS, Math.min(MAX_LOOK_WAIT_MS, ...ends));
  }

  #ready(): ResponseSettings {
    if (this.#settings === null) throw new TallystickError("shutting_down", "Responses are not open yet.");
    return this.#settings;
  }
}

/** Whoever looked at the same moment was first. */
function unlessDecided(error: unknown): void {
  if (!isTallystickError(error, "not_pending")) throw error;
}

/** In the order of the kind's names, so that the same target is always the same text. */
function targetOf({ kind, target }: NewAction): Target {
  const names: readonly string[] = ACTION_TARGETS[kind];
  return Object.fromEntries(names.flatMap((name) => (target[name] === undefined ? [] : [[name, target[name]]])));
}

function assertAction({ kind, target, reason, lastsUs }: NewAction, settings: ResponseSettings): void {
  const refuse = (message: string) => new TallystickError("bad_request", message);
  for (const name of ACTION_TARGETS[kind]) {
    const value = target[name];
    if (value === undefined && OPTIONAL_TARGETS.has(`${kind} ${name}`)) continue;
    if (value === undefined || value === "" || Buffer.byteLength(value) > MAX_LABEL_VALUE_BYTES)
      throw refuse(`${kind} needs ${name}, of at most ${MAX_LABEL_VALUE_BYTES} bytes.`);
  }
  if (reason.trim() === "" || reason.length > 1_000)
    throw refuse("A response has a reason, of at most 1000 characters.");
  if (kind === "webhook" && !settings.hasChannel(target["channel"] ?? ""))
    throw refuse("There is no webhook channel of this name; `alerts.channels` names them.");
  if (kind !== "webhook" && !(lastsUs > 0 && lastsUs <= settings.maxLastsUs))
    throw refuse(`A block lasts up to ${Math.floor(settings.maxLastsUs / 86_400_000_000)} days, and not for ever.`);
  const spared = settings.never.find((matcher) => target[matcher.name] !== undefined && matcher.matches(target));
  if (spared !== undefined && kind !== "webhook")
    throw new TallystickError("forbidden", `respond.never spares what matches ${spared.name}${spared.operator}…`, {
      hint: "The configuration says so, whoever asks; block something narrower, or change it there.",
    });
}

/** One rule does one thing about one alert once, whatever is killed. */
function ruleActionId({ rule, alertId, kind, target }: NewAction): string {
  const text = JSON.stringify(["tallystick response", rule, alertId, kind, target]);
  return uuidv8(createHash("sha256").update(text).digest().subarray(0, 16));
}
