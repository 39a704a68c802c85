import { expect, it } from "vitest";

import type { Attack } from "../bench/mesh/attacks.ts";
import { scoreMesh } from "../bench/mesh/score.ts";
import type { SeenAlert } from "../bench/mesh/score.ts";
import { DAY_US, holidayOf, HOUR_US, START_US, World } from "../bench/mesh/world.ts";

const HOLIDAY_US = START_US + 14 * DAY_US;

function attack(kind: string, detectors: readonly string[], name: string, fromUs: number): Attack {
  return { kind, detectors, statistical: false, fromUs, toUs: fromUs + HOUR_US, names: [name] };
}

function alert(detector: string, labels: Readonly<Record<string, string>>, us: number): SeenAlert {
  const told = { level: "high", quiet: false, summary: "", expected: "", seen: "" };
  return { detector, labels, raisedAtUs: us, seenUs: [us, us], ...told };
}

const score = (attacks: readonly Attack[], alerts: readonly SeenAlert[], holidayUs: number | null = null) =>
  scoreMesh({ attacks, faults: [], holidayUs, days: 10 }, alerts);

it("of each kind it says how often those were right that must find it, and how much they say a day", () => {
  const [one, two] = [START_US + DAY_US, START_US + 2 * DAY_US];
  const attacks = [attack("replay", ["replay"], "svc-001", one), attack("replay", ["replay"], "svc-002", two)];
  const { kinds, detectors } = score(
    [...attacks, attack("tampering", ["discrepancy"], "svc-003", two)],
    [
      alert("replay", { service: "svc-001" }, one + 60_000_000),
      alert("replay", { service: "svc-009" }, one),
      alert("other", { service: "svc-002" }, two),
      { ...alert("discrepancy", { service: "svc-003" }, two), quiet: true },
    ],
  );
  expect(kinds["replay"]).toEqual({
    attacks: 2,
    found: 1,
    recall: 0.5,
    seconds_to_detect: 60,
    precision: 0.5,
    alerts_a_day: 0.2,
  });
  expect(kinds["tampering"]).toMatchObject({ found: 0, recall: 0, precision: null, alerts_a_day: 0 });
  expect(detectors["replay"]).toEqual({ alerts: 2, true: 1, precision: 0.5, a_day: 0.2 });
});

it("of a holiday one alert is right: the first that says it is the whole fleet", () => {
  const fleet = (hour: number) => alert("baseline-drop", { log: "l", scope: "fleet" }, HOLIDAY_US + hour * HOUR_US);
  const edge = alert("baseline-drop", { caller: "svc-001", callee: "svc-002" }, HOLIDAY_US + 9 * HOUR_US);
  const errors = alert("baseline-errors", { log: "l", scope: "fleet" }, HOLIDAY_US + 9 * HOUR_US);
  const { falseAlerts, holiday } = score([], [fleet(12), fleet(9), edge, errors, fleet(25)], HOLIDAY_US);
  expect(falseAlerts).toEqual([fleet(12), edge, errors, fleet(25)]);
  expect(holiday).toEqual({ day: "2026-10-19", alerts: 4, true: 1, fleet_drops: 2 });
  expect(score([], [fleet(9)]).falseAlerts, "without a holiday nobody's traffic fell").toHaveLength(1);
});

it("the holiday is a working day in the middle of the attacks, and all of it has three tenths of its calls", () => {
  for (let seed = 1; seed < 30; seed += 1) {
    const day = (holidayOf(seed, 9, 29)! - START_US) / DAY_US;
    expect([day % 7 < 5, day >= 16 && day <= 22]).toEqual([true, true]);
  }
  expect(holidayOf(1, 5, 7), "Saturday and Sunday").toBeNull();
  const world = new World(10, 1, 1_000);
  const [edge] = world.edges;
  const at = (hour: number) => world.expected(edge!, HOLIDAY_US + hour * HOUR_US, HOLIDAY_US + (hour + 1) * HOUR_US);
  const ordinary = [-1, 0, 23, 24].map(at);
  world.holidayUs = HOLIDAY_US;
  const shares = [-1, 0, 23, 24].map((hour, place) => at(hour) / ordinary[place]!);
  expect(shares.map((share) => Number(share.toFixed(6)))).toEqual([1, 0.3, 0.3, 1]);
});
