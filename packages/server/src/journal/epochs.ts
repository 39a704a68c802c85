/** Epochs: which tree of a log takes the records of now, and how its name says when it began. */
import { TallystickError } from "../errors.ts";

export type EpochPolicy =
  | { readonly kind: "month" }
  | { readonly kind: "week" }
  | { readonly kind: "day" }
  /** Whole multiples of `seconds` since the Unix epoch; at least ten. For tests. */
  | { readonly kind: "duration"; readonly seconds: number };

export const MIN_EPOCH_SECONDS = 10;
const SECOND_US = 1_000_000;
const DAY_MS = 86_400_000;
const DAYS_IN_WEEK = 7;

const MONTH = /^(\d{4})-(\d{2})$/;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const WEEK = /^(\d{4})-W(\d{2})$/;
/** A tree that a restore opened after it had closed the one of that name; the first is r1. */
const RESTORED = /\.r([1-9]\d{0,3})$/;
const DURATION = /^e(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** `month`, `week`, `day`, or seconds as `3600s`, at least `10s`; null when it is none. */
export function parseEpochPolicy(text: string): EpochPolicy | null {
  if (text === "month" || text === "week" || text === "day") return { kind: text };
  const seconds = /^[1-9]\d{1,7}s$/.test(text) ? Number(text.slice(0, -1)) : 0;
  return seconds >= MIN_EPOCH_SECONDS ? { kind: "duration", seconds } : null;
}

/** Name of the epoch that holds the time. */
export function epochAt(policy: EpochPolicy, nowUs: number): string {
  const date = new Date(Math.floor(nowUs / 1_000));
  const iso = date.toISOString();
  if (policy.kind === "month") return iso.slice(0, 7);
  if (policy.kind === "day") return iso.slice(0, 10);
  if (policy.kind === "week") return weekOf(date);
  const lengthUs = policy.seconds * SECOND_US;
  const start = new Date(Math.floor(nowUs / lengthUs) * policy.seconds * 1_000).toISOString();
  return `e${start.slice(0, 19).replace(/[-:]/g, "")}Z`;
}

/** When the epoch of this name began, in microseconds; null when it is no epoch's name. */
export function epochStartUs(name: string): number | null {
  return plainStartUs(name.replace(RESTORED, ""));
}

/**
 * When the epoch of this name ends by its name, in microseconds: the next month, week or day. Null for a duration,
 * whose length the name does not say.
 */
export function epochEndUs(name: string): number | null {
  const startUs = epochStartUs(name);
  const plain = name.replace(RESTORED, "");
  if (startUs === null || DURATION.test(plain)) return null;
  const start = new Date(startUs / 1_000);
  if (MONTH.test(plain)) return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1) * 1_000;
  return startUs + (WEEK.test(plain) ? DAYS_IN_WEEK : 1) * DAY_MS * 1_000;
}

/** The name of the tree that follows when a restore closes this one: `2026-11` → `2026-11.r1` → `2026-11.r2`. */
export function restoredEpoch(name: string): string {
  const number = Number(RESTORED.exec(name)?.[1] ?? 0) + 1;
  return `${name.replace(RESTORED, "")}.r${number}`;
}

function plainStartUs(name: string): number | null {
  const week = WEEK.exec(name);
  const parts = MONTH.exec(name) ?? DAY.exec(name) ?? DURATION.exec(name);
  if (week === null && parts === null) return null;
  const numbers = (week ?? parts ?? []).slice(1).map(Number);
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = numbers;
  const startMs = week === null ? Date.UTC(year, month - 1, day, hour, minute, second) : mondayMs(year, numbers[1]!);
  // A day 31 of February or a week 54 is another name's epoch: only what comes out again as it went in is a name.
  const again = new Date(startMs);
  const canonical =
    week !== null
      ? weekOf(again)
      : DURATION.test(name)
        ? `e${again.toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`
        : again.toISOString().slice(0, name.length);
  return canonical === name ? startMs * 1_000 : null;
}

/**
 * The epoch for a record of now: the policy's, unless that began no later than the one that is current: an epoch never
 * goes back.
 */
export function nextEpoch(policy: EpochPolicy, nowUs: number, current: string | null): string {
  const wanted = epochAt(policy, nowUs);
  if (current === null) return wanted;
  return startOf(wanted) > startOf(current) ? wanted : current;
}

/** Oldest first. */
export function compareEpochs(one: string, other: string): number {
  const restored = (name: string): number => Number(RESTORED.exec(name)?.[1] ?? 0);
  return startOf(one) - startOf(other) || restored(one) - restored(other) || (one < other ? -1 : one > other ? 1 : 0);
}

function startOf(name: string): number {
  const start = epochStartUs(name);
  if (start === null) throw new TallystickError("journal_corrupt", `${name} is no epoch's name`, { fatal: true });
  return start;
}

/** ISO 8601: weeks begin on Monday, week 1 holds the year's first Thursday. */
function weekOf(date: Date): string {
  const days = Math.floor(date.getTime() / DAY_MS);
  // Day 0 of the Unix epoch was a Thursday.
  const monday = days - ((days + 3) % DAYS_IN_WEEK);
  const year = new Date((monday + 3) * DAY_MS).getUTCFullYear();
  const week = Math.floor((monday + 3 - Date.UTC(year, 0, 1) / DAY_MS) / DAYS_IN_WEEK) + 1;
  return `${year}-W${String(week).padStart(2, "0")}`;
}

function mondayMs(year: number, week: number): number {
  const fourthOfJanuary = Date.UTC(year, 0, 4) / DAY_MS;
  const firstMonday = fourthOfJanuary - ((fourthOfJanuary + 3) % DAYS_IN_WEEK);
  return (firstMonday + (week - 1) * DAYS_IN_WEEK) * DAY_MS;
}

/** Whether one tree of a log is of a later epoch than another. */
export function isLaterTree(tree: string, other: string): boolean {
  const epochOf = (name: string): string => name.slice(name.indexOf("/") + 1);
  return compareEpochs(epochOf(tree), epochOf(other)) > 0;
}
