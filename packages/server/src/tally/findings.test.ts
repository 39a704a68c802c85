import { expect, test } from "vitest";

import { WHOLE_SCOPE } from "../search/scope.ts";
import { realClock } from "../real-clock.ts";
import { listBreaks } from "./breaks.ts";
import { half, benchesOfTests, pair } from "./tally-bench.contract.ts";
import type { Half, TallyBench } from "./tally-bench.contract.ts";

const bench = benchesOfTests();

/** `count` calls within a minute, of which the first `paired` have both halves. */
const calls = (minute: number, count: number, paired: number): readonly Half[] =>
  Array.from({ length: count }, (_, place) => {
    const atS = minute * 60 + (place * 60) / count;
    const timestamp = new Date(Date.UTC(2026, 10, 25, 8) + atS * 1_000).toISOString();
    const name = `m${minute}-${place}`;
    return place < paired ? pair(name, atS, { timestamp }) : [half("caller", name, atS, { timestamp })];
  }).flat();

const findings = ({ verdicts }: TallyBench, kind: string) => verdicts.filter(({ operation }) => operation === kind);

test("an edge that pairs far below what it used to is one finding an hour", async () => {
  const tally = await bench();
  await tally.add(...calls(0, 100, 80));
  await tally.passTo(121);
  await tally.add(...calls(20, 100, 41));
  await tally.passTo(1_400);
  expect(findings(tally, "coverage")).toEqual([]);
  await tally.add(...calls(40, 29, 0), ...calls(55, 60, 12));
  await tally.passTo(2_600);
  expect(findings(tally, "coverage")).toEqual([]);
  await tally.passTo(3_500);
  await tally.restart();
  await tally.passTo(3_560);
  const found = findings(tally, "coverage");
  expect(found).toMatchObject([
    {
      status: "error",
      attributes: {
        "tally.caller": "orders",
        "tally.callee": "payments",
        "tally.caller_value": "recorded 100.0% of 60 calls in 10 minutes",
        "tally.callee_value": "recorded 20.0% of 60 calls in 10 minutes",
        "tally.tolerance": "half of the 52.8% of 229 calls that both sides recorded before",
      },
    },
  ]);
  await tally.passTo(3_700);
  expect(findings(tally, "coverage")).toHaveLength(2);
  expect(tally.troubles).toEqual([]);
});

test("two clocks further apart than the limit are one finding a day, which is listed and counted as no call", async () => {
  const tally = await bench();
  const skewed = (hour: number) =>
    Array.from({ length: 6 }, (_, place) => {
      const at = (minute: string) => `2026-11-25T${String(8 + hour).padStart(2, "0")}:${minute}:0${place}Z`;
      return pair(`h${hour}-${place}`, hour * 3_600 + place, { timestamp: at("00") }, { timestamp: at("05") });
    }).flat();
  await tally.add(...skewed(0));
  await tally.passTo(200);
  await tally.add(...skewed(3));
  await tally.passTo(3 * 3_600 + 200);
  const found = findings(tally, "clock_skew");
  expect(found).toHaveLength(1);
  const sources = { reader: tally.index.index.reader, clock: realClock() };
  const { breaks } = await listBreaks(sources, WHOLE_SCOPE, { kind: "clock_skew" });
  expect(breaks).toMatchObject([
    {
      kind: "clock_skew",
      call_id: null,
      state: null,
      caller: "orders",
      callee: "payments",
      caller_value: "0 us",
      callee_value: "300000000 us by the median of the calls that both recorded",
      tolerance: "60000000 us",
      holds: true,
      records: [],
    },
  ]);
  expect((await tally.calls()).length).toBe(12);
});
