/** What was found of the attacks, how soon, and what was said for nothing. */
import type { Attack } from "./attacks.ts";
import { HOUR_US, nameOf } from "./world.ts";
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

export interface KindScore {
  attacks: number;
  found: number;
  recall: number;
  seconds_to_detect: number | null;
}

export function scoreMesh(
  attacks: readonly Attack[],
  faults: readonly Fault[],
  alerts: readonly SeenAlert[],
  days: number,
) {
  const told = alerts.filter(({ quiet }) => !quiet);
  const isDuring = (attack: Attack, us: number) => us >= attack.fromUs - 600_000_000 && us <= attack.toUs + GRACE_US;
  const fits = (attack: Attack, alert: SeenAlert, detectors: readonly string[] | null) =>
    (detectors === null || detectors.includes(alert.detector)) &&
    alert.seenUs.some((us) => isDuring(attack, us)) &&
    Object.values(alert.labels).some((value) => attack.names.some((name) => value.includes(name)));
  // One that was open before says it when it is seen again.
  const foundAt = (attack: Attack, { raisedAtUs, seenUs }: SeenAlert) =>
    isDuring(attack, seenUs[0]!) ? raisedAtUs : Math.min(...seenUs.filter((us) => isDuring(attack, us)));
  const kinds: Record<string, KindScore> = {};
  for (const attack of attacks) {
    const score = (kinds[attack.kind] ??= { attacks: 0, found: 0, recall: 0, seconds_to_detect: null });
    const hits = told.filter((alert) => fits(attack, alert, attack.detectors));
    score.attacks += 1;
    if (hits.length === 0) continue;
    score.found += 1;
    const delay = Math.max(0, Math.min(...hits.map((alert) => foundAt(attack, alert))) - attack.fromUs) / 1_000_000;
    score.seconds_to_detect = Math.max(score.seconds_to_detect ?? 0, Math.round(delay));
  }
  for (const score of Object.values(kinds)) score.recall = score.found / score.attacks;
  const isTrue = (alert: SeenAlert) =>
    attacks.some((attack) => fits(attack, alert, null)) || faults.some((fault) => isOf(fault, alert));
  const detectors: Record<string, { alerts: number; true: number; precision: number; a_day: number }> = {};
  for (const alert of told) {
    const one = (detectors[alert.detector] ??= { alerts: 0, true: 0, precision: 0, a_day: 0 });
    one.alerts += 1;
    if (isTrue(alert)) one.true += 1;
  }
  for (const one of Object.values(detectors)) {
    one.precision = Number((one.true / one.alerts).toFixed(3));
    one.a_day = Number((one.alerts / days).toFixed(3));
  }
  const sums = (isStatistical: boolean) => {
    const of = attacks.filter(({ statistical }) => statistical === isStatistical);
    const recalled = of.filter((attack) => told.some((alert) => fits(attack, alert, attack.detectors))).length;
    const all = told.filter(({ detector }) => detector.startsWith("baseline") === isStatistical);
    const right = all.filter(isTrue).length;
    return {
      recall: of.length === 0 ? null : Number((recalled / of.length).toFixed(3)),
      precision: all.length === 0 ? null : Number((right / all.length).toFixed(3)),
      alerts: all.length,
    };
  };
  const missed = attacks.filter((attack) => !told.some((alert) => fits(attack, alert, attack.detectors)));
  const falseAlerts = told.filter((alert) => !isTrue(alert));
  return {
    deterministic: sums(false),
    statistical: sums(true),
    false_alerts_a_day: Number((falseAlerts.length / days).toFixed(2)),
    kinds,
    detectors,
    falseAlerts,
    missed,
  };
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
