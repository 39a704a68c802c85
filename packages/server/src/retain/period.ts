/**
 * Periods of retention, as people and laws write them: `13 months`, `6 years`, `90 days`. Months and years are those of
 * the calendar (UTC), so that "12 months" is twelve months whatever their lengths.
 *
 * Left out on purpose: `m`, which one person means as minutes and the next as months.
 */
export interface Period {
  readonly count: number;
  readonly unit: "seconds" | "minutes" | "hours" | "days" | "weeks" | "months" | "years";
}

const UNITS = ["seconds", "minutes", "hours", "days", "weeks", "months", "years"] as const;
const LENGTHS_MS = { seconds: 1_000, minutes: 60_000, hours: 3_600_000, days: 86_400_000, weeks: 604_800_000 } as const;
const MONTHS_IN_YEAR = 12;

/** For the configuration's schema. */
export const PERIOD = {
  source: "^[1-9][0-9]{0,4} (second|minute|hour|day|week|month|year)s?$",
  says: "a number and a unit, as 13 months, 6 years or 90 days",
};

/** Null when it is none. */
export function parsePeriod(text: string): Period | null {
  if (!new RegExp(PERIOD.source).test(text)) return null;
  const [count = "", word = ""] = text.split(" ");
  const unit = UNITS.find((name) => name === word || name === `${word}s`);
  return unit === undefined ? null : { count: Number(count), unit };
}

export function periodText({ count, unit }: Period): string {
  return `${count} ${count === 1 ? unit.slice(0, -1) : unit}`;
}

/** The instant that lies the period after another; microseconds. A month's last day stays one: 31 January + 1 month. */
export function afterPeriodUs(fromUs: number, { count, unit }: Period): number {
  if (unit !== "months" && unit !== "years") return fromUs + count * LENGTHS_MS[unit] * 1_000;
  const from = new Date(Math.floor(fromUs / 1_000));
  const month = from.getUTCMonth() + count * (unit === "years" ? MONTHS_IN_YEAR : 1);
  const first = new Date(Date.UTC(from.getUTCFullYear(), month));
  const lastDay = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  const day = Math.min(from.getUTCDate(), lastDay);
  const dayStartUs = Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate()) * 1_000;
  return Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), day) * 1_000 + (fromUs - dayStartUs);
}

/** Instants at which months of every length begin; a leap year is among them. */
const STARTS_US = Array.from({ length: 48 }, (_, month) => Date.UTC(2024, month) * 1_000);

/** Whether one period is longer than another, from some instant of the calendar on. */
export function mayExceed(one: Period, other: Period): boolean {
  return STARTS_US.some((startUs) => afterPeriodUs(startUs, one) > afterPeriodUs(startUs, other));
}
