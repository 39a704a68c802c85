/** What was found of the attacks, how soon, and what was said for nothing. */
import type { Attack } from "./attacks.ts";
import { DAY_US, HOUR_US, nameOf, time } from "./world.ts";
import type { Fault } from "./world.ts";

export interface SeenAlert {
  readonly detector: string;
  readonly labels: Readonly<Record<string, string>>;
  /** When it was found. */
  readonly raisedAtUs: number;
  /** Since when it was, and when it was seen last. */
  readonly seenUs: readonly number[];
  readonly level: string;
  readonly quiet: boolean;
  readonly summary: string;
  readonly expected: string;
  readonly seen: string;
}

/** How long after its end an attack may still be told of. */
const GRACE_US = 2 * HOUR_US;

/** Of each kind: what was found of it, and how often the detectors that it must be found by were right when they spoke. */
export interface KindScore {
  attacks: number;
  found: number;
  recall: number;
  seconds_to_detect: number | null;
  precision: number | null;
  alerts_a_day: number;
}

export interface Happened {
  readonly attacks: readonly Attack[];
  readonly faults: readonly Fault[];
  /** When the fleet's holiday begins, which lasts a day; null: there is none. */
  readonly holidayUs: number | null;
  readonly days: number;
}

export function scoreMesh(happened: Happened, alerts: readonly SeenAlert[]) {
  const { attacks, days, holidayUs } = happened;
  const told = alerts.filter(({ quiet }) => !quiet);
  const isTrue = truthOf(happened, told);
  const falseAlerts = told.filter((alert) => !isTrue(alert));
  const onHoliday = told.filter(
    ({ seenUs }) => holidayUs !== null && seenUs[0]! >= holidayUs && seenUs[0]! < holidayUs + DAY_US,
  );
  const sums = (isStatistical: boolean) => {
    const of = attacks.filter(({ statistical }) => statistical === isStatistical);
    const recalled = of.filter((attack) => hitsOf(attack, told).length > 0).length;
    const all = told.filter(({ detector }) => detector.startsWith("baseline") === isStatistical);
    const precision = precisionOf(all, isTrue);
    return { recall: of.length === 0 ? null : rounded(recalled / of.length), precision, alerts: all.length };
  };
  return {
    deterministic: sums(false),
    statistical: sums(true),
    false_alerts_a_day: Number((falseAlerts.length / days).toFixed(2)),
    holiday:
      holidayUs === null
        ? null
        : {
            day: time(holidayUs).slice(0, 10),
            ...countsOf(onHoliday, isTrue),
            fleet_drops: onHoliday.filter((alert) => saysFleetDrop(alert, holidayUs)).length,
          },
    kinds: kindsOf(happened, told, isTrue),
    detectors: detectorsOf(told, isTrue, days),
    falseAlerts,
    missed: attacks.filter((attack) => hitsOf(attack, told).length === 0),
  };
}

type Judge = (alert: SeenAlert) => boolean;

const rounded = (share: number): number => Number(share.toFixed(3));

function countsOf(alerts: readonly SeenAlert[], isTrue: Judge) {
  return { alerts: alerts.length, true: alerts.filter(isTrue).length };
}

const precisionOf = (alerts: readonly SeenAlert[], isTrue: Judge): number | null =>
  alerts.length === 0 ? null : rounded(alerts.filter(isTrue).length / alerts.length);

const isDuring = (attack: Attack, us: number) => us >= attack.fromUs - 600_000_000 && us <= attack.toUs + GRACE_US;

const fits = (attack: Attack, alert: SeenAlert, detectors: readonly string[] | null) =>
  (detectors === null || detectors.includes(alert.detector)) &&
  alert.seenUs.some((us) => isDuring(attack, us)) &&
  Object.values(alert.labels).some((value) => attack.names.some((name) => value.includes(name)));

const hitsOf = (attack: Attack, told: readonly SeenAlert[]) =>
  told.filter((alert) => fits(attack, alert, attack.detectors));

/** One that was open before says it when it is seen again. */
const foundAt = (attack: Attack, { raisedAtUs, seenUs }: SeenAlert) =>
  isDuring(attack, seenUs[0]!) ? raisedAtUs : Math.min(...seenUs.filter((us) => isDuring(attack, us)));

/**
 * Whether an alert tells of something that was. Of a holiday one alert does: the first that says that the fleet has
 * fewer calls. What is told of single edges then, or once more of the fleet, is told for nothing.
 */
function truthOf({ attacks, faults, holidayUs }: Happened, told: readonly SeenAlert[]): Judge {
  const [ofHoliday] = told
    .filter((alert) => holidayUs !== null && saysFleetDrop(alert, holidayUs))
    .toSorted((one, other) => one.raisedAtUs - other.raisedAtUs);
  return (alert) =>
    alert === ofHoliday ||
    attacks.some((attack) => fits(attack, alert, null)) ||
    faults.some((fault) => isOf(fault, alert));
}

const saysFleetDrop = ({ detector, labels, seenUs }: SeenAlert, holidayUs: number): boolean =>
  detector === "baseline-drop" &&
  labels["scope"] === "fleet" &&
  seenUs[0]! >= holidayUs &&
  seenUs[0]! < holidayUs + DAY_US;

function kindsOf({ attacks, days }: Happened, told: readonly SeenAlert[], isTrue: Judge) {
  const kinds: Record<string, KindScore> = {};
  for (const { kind, detectors } of attacks) {
    if (kinds[kind] !== undefined) continue;
    const of = attacks.filter((attack) => attack.kind === kind);
    const delays = of.flatMap((attack) => {
      const hits = hitsOf(attack, told);
      if (hits.length === 0) return [];
      return [Math.max(0, Math.min(...hits.map((alert) => foundAt(attack, alert))) - attack.fromUs) / 1_000_000];
    });
    const spoke = told.filter(({ detector }) => detectors.includes(detector));
    kinds[kind] = {
      attacks: of.length,
      found: delays.length,
      recall: rounded(delays.length / of.length),
      seconds_to_detect: delays.length === 0 ? null : Math.round(Math.max(...delays)),
      precision: precisionOf(spoke, isTrue),
      alerts_a_day: rounded(spoke.length / days),
    };
  }
  return kinds;
}

function detectorsOf(told: readonly SeenAlert[], isTrue: Judge, days: number) {
  const names = [...new Set(told.map(({ detector }) => detector))];
  return Object.fromEntries(
    names.map((name) => {
      const of = told.filter(({ detector }) => detector === name);
      return [name, { ...countsOf(of, isTrue), precision: precisionOf(of, isTrue), a_day: rounded(of.length / days) }];
    }),
  );
}

/** An incident is no attack, and whoever tells of it tells the truth. */
function isOf({ callee, fromUs, toUs, kind }: Fault, alert: SeenAlert): boolean {
  return (
    kind === "incident" &&
    alert.seenUs[0]! >= fromUs - 600_000_000 &&
    alert.seenUs[0]! <= toUs + GRACE_US &&
    Object.values(alert.labels).some((value) => value.includes(nameOf(callee)))
  );
}
