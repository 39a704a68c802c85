/** One notification to one channel, from when it is due to when it arrived or was given up; each step is a record. */
import { timestampUs } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { OwnFields } from "../journal/own-records.ts";
import { MAX_PAST_NOTICES } from "./limits.ts";
import type { Slice } from "./log.ts";
import type { Labels } from "./matchers.ts";

/** dead: given up; it stands in a list until somebody has it sent again. */
export type NoticeState = "queued" | "delivered" | "dead";
export type NoticePurpose = "alerts" | "test" | "response";

export interface NewNotice {
  readonly channel: string;
  readonly purpose: NoticePurpose;
  /** What it repeats and resolves: of one group there is one open notice a channel. */
  readonly groupKey: string;
  readonly groupLabels: Labels;
  /** Ids of alerts; of a response, its one action. */
  readonly firing: readonly string[];
  readonly resolved: readonly string[];
  /** How many fire beside those. */
  readonly more: number;
}

export interface Notice extends NewNotice {
  readonly id: string;
  readonly state: NoticeState;
  readonly createdAtUs: number;
  /** How often it was tried, and when it is tried next. */
  readonly attempts: number;
  readonly nextAtUs: number;
  readonly endedAtUs: number | null;
  /** Of the last attempt that failed. */
  readonly error: string | null;
  /** What the channel said when it arrived; null before, and where nobody wrote it down. */
  readonly answer: string | null;
}

const PREFIX = "notification ";
const ID = "tallystick.notification_id";
const CHANNEL = "tallystick.notification_channel";
const PURPOSE = "tallystick.notification_purpose";
const GROUP = "tallystick.notification_group";
const LABELS = "tallystick.notification_group_labels";
const FIRING = "tallystick.notification_firing";
const RESOLVED = "tallystick.notification_resolved";
const MORE = "tallystick.notification_more";
const ERROR = "tallystick.notification_error";
const ANSWER = "tallystick.notification_answer";
const NEXT = "tallystick.notification_next_at_us";

export type NoticeStep =
  | { readonly kind: "delivered"; readonly by: string; readonly answer: string }
  | { readonly kind: "retried"; readonly by: string }
  | { readonly kind: "failed"; readonly error: string; readonly nextAtUs: number }
  | { readonly kind: "dead"; readonly error: string };

export function queuedFields(id: string, notice: NewNotice): OwnFields {
  return {
    ...about(id, "queued", notice.channel),
    attributes: {
      [ID]: id,
      [CHANNEL]: notice.channel,
      [PURPOSE]: notice.purpose,
      [GROUP]: notice.groupKey,
      [LABELS]: JSON.stringify(notice.groupLabels),
      [FIRING]: JSON.stringify(notice.firing),
      [RESOLVED]: JSON.stringify(notice.resolved),
      ...(notice.more === 0 ? {} : { [MORE]: String(notice.more) }),
    },
  };
}

export function stepFields({ id, channel }: Notice, step: NoticeStep): OwnFields {
  const fields = about(id, step.kind, channel);
  const attributes = { [ID]: id, [CHANNEL]: channel };
  if (step.kind === "retried") return { ...fields, auth_subject: step.by, attributes };
  if (step.kind === "delivered")
    return { ...fields, auth_subject: step.by, attributes: { ...attributes, [ANSWER]: step.answer } };
  const failed = { ...fields, status: "error", error_message: step.error };
  if (step.kind === "dead") return { ...failed, attributes: { ...attributes, [ERROR]: step.error } };
  return { ...failed, attributes: { ...attributes, [ERROR]: step.error, [NEXT]: String(step.nextAtUs) } };
}

function about(id: string, kind: string, channel: string): OwnFields {
  return {
    event_type: "ALERT",
    operation: `${PREFIX}${kind}`,
    resource: `notification/${id}`,
    attributes: { [CHANNEL]: channel },
  };
}

/** The notifications of the fold over the `alerts` log. */
export class NoticeFold implements Slice {
  /** In the order in which they were queued. */
  readonly notices = new Map<string, Notice>();
  /** Group and channel to the newest that tells of it. */
  readonly newest = new Map<string, string>();
  #forgetAbove = MAX_PAST_NOTICES;

  take(record: AuditRecord): void {
    const id = record.attributes?.[ID];
    if (record.event_type !== "ALERT" || id === undefined || !record.operation.startsWith(PREFIX)) return;
    const kind = record.operation.slice(PREFIX.length);
    const known = this.notices.get(id);
    const notice = known === undefined ? queuedOf(id, kind, record) : stepped(known, kind, record);
    if (notice === null) return;
    this.notices.set(id, notice);
    if (known === undefined) this.newest.set(keyOf(notice), id);
    this.#forgetOldest();
  }

  goesOn(resource: string): boolean {
    const notice = this.notices.get(resource.replace(/^notification\//, ""));
    if (notice === undefined || !resource.startsWith("notification/")) return false;
    return notice.state !== "delivered" || this.isNeeded(notice);
  }

  forget(resource: string): void {
    const isOne = resource.startsWith("notification/");
    const notice = isOne ? this.notices.get(resource.slice("notification/".length)) : undefined;
    if (notice === undefined) return;
    this.notices.delete(notice.id);
    if (this.newest.get(keyOf(notice)) === notice.id) this.newest.delete(keyOf(notice));
  }

  /** What was told last of a group that still fires says when it is told next. */
  isNeeded(notice: Notice): boolean {
    return notice.firing.length > 0 && this.newest.get(keyOf(notice)) === notice.id;
  }

  /** Now and then, so that it costs little where many are needed still. */
  #forgetOldest(): void {
    if (this.notices.size <= this.#forgetAbove) return;
    for (const notice of this.notices.values()) {
      if (this.notices.size <= MAX_PAST_NOTICES) break;
      if (notice.state === "queued" || this.isNeeded(notice)) continue;
      this.notices.delete(notice.id);
      if (this.newest.get(keyOf(notice)) === notice.id) this.newest.delete(keyOf(notice));
    }
    this.#forgetAbove = Math.max(MAX_PAST_NOTICES, Math.ceil(this.notices.size * 1.1));
  }
}

export function keyOf({ groupKey, channel }: Pick<Notice, "groupKey" | "channel">): string {
  return `${channel}\0${groupKey}`;
}

function queuedOf(id: string, kind: string, record: AuditRecord): Notice | null {
  const { [CHANNEL]: channel, [PURPOSE]: purpose, [GROUP]: groupKey = "" } = record.attributes ?? {};
  const { [LABELS]: labels = "{}", [FIRING]: firing = "[]", [RESOLVED]: resolved = "[]" } = record.attributes ?? {};
  const { [MORE]: more = "0" } = record.attributes ?? {};
  const isKnown = purpose === "alerts" || purpose === "test" || purpose === "response";
  if (kind !== "queued" || channel === undefined || !isKnown) return null;
  const createdAtUs = timestampUs(record.timestamp);
  return {
    id,
    channel,
    purpose,
    groupKey,
    groupLabels: JSON.parse(labels) as Labels,
    firing: JSON.parse(firing) as readonly string[],
    resolved: JSON.parse(resolved) as readonly string[],
    more: Number(more),
    state: "queued",
    createdAtUs,
    attempts: 0,
    nextAtUs: createdAtUs,
    endedAtUs: null,
    error: null,
    answer: null,
  };
}

function stepped(before: Notice, kind: string, record: AuditRecord): Notice | null {
  const { [ERROR]: error = null, [NEXT]: next, [ANSWER]: answer = null } = record.attributes ?? {};
  const atUs = timestampUs(record.timestamp);
  const attempts = before.attempts + 1;
  if (kind === "delivered") return { ...before, state: "delivered", attempts, endedAtUs: atUs, error: null, answer };
  if (kind === "failed") return { ...before, attempts, error, nextAtUs: Number(next ?? atUs) };
  if (kind === "dead") return { ...before, state: "dead", attempts, endedAtUs: atUs, error };
  if (kind !== "retried" || before.state !== "dead") return null;
  return { ...before, state: "queued", attempts: 0, nextAtUs: atUs, endedAtUs: null };
}
