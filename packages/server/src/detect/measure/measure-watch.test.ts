import { expect, it } from "vitest";

import { TallystickError } from "../../errors.ts";
import { memoryDisk } from "../../disk/memory-disk.ts";
import { manualClock } from "../../manual-clock.ts";
import { DetectionState } from "../detection-state.ts";
import type { Finding } from "../finding.ts";
import type { Rule } from "../rule-book.ts";
import type { MeasuredRow } from "./measure-sql.ts";
import { MeasureWatch } from "./measure-watch.ts";
import { readMeasure } from "./read-measure.ts";

const TEXT = `title: Errors
runbook_url: https://runbooks.example.com/errors?of=edge
measure:
  of: error_ratio
  group-by: [caller, callee]
  window: 1m
  condition: {gt: 0.1}
  at-least: 10
  for: 30s
`;

const rule = (): Rule => {
  const measure = readMeasure(TEXT);
  return {
    id: "m",
    version: 1,
    kind: "measure",
    origin: "builtin",
    on: true,
    heading: measure.heading,
    sigma: null,
    measure,
    text: TEXT,
    changedBy: null,
    changedAt: null,
  };
};

const row = (figure: number, calls = 100): MeasuredRow => ({
  labels: ["a", "b"],
  figure,
  before: null,
  calls,
  records: [["t/1", 4, "c"]],
});

it("tells what lasts, once it has lasted, and that it is over, also after a restart", async () => {
  const disk = memoryDisk();
  const clock = manualClock();
  const told: Finding[] = [];
  let rows: readonly MeasuredRow[] | null = [];
  let rules = [rule()];
  const watch = async () =>
    new MeasureWatch({
      book: { list: () => rules },
      reader: {
        async select() {
          if (rows === null) throw new TallystickError("index_unavailable", "down");
          return { rows: rows as never, elapsedMs: 0, scannedRows: 0, partial: false };
        },
        stream: () => expect.unreachable(),
      },
      state: await DetectionState.open(disk, "/rules.json"),
      sink: async (findings) => void told.push(...findings),
      // The test looks by itself.
      clock: { ...clock, nowUs: () => clock.nowUs(), after: () => () => {} },
      checkpointAges: () => [],
      isBehind: () => false,
      onTrouble: (message) => expect.unreachable(message),
    });
  const look = async (watching: MeasureWatch, given: readonly MeasuredRow[] | null) => {
    rows = given;
    const before = told.length;
    await watching.look();
    clock.advance(20_000);
    return told.slice(before).map(({ state, labels }) => `${state} ${Object.values(labels).join(">")}`);
  };
  const one = await watch();
  expect(await look(one, [row(0.5)]), "nobody listened for a whole window yet").toEqual([]);
  clock.advance(60_000);
  expect(await look(one, [row(0.5, 9)]), "too few calls").toEqual([]);
  expect(await look(one, [row(0.5)]), "not long enough yet").toEqual([]);
  expect(await look(one, [row(0.05)]), "it did not last").toEqual([]);
  expect(await look(one, [row(0.5)])).toEqual([]);
  expect(await look(one, null), "the engine is down").toEqual([]);
  expect(await look(one, [row(0.5)])).toEqual(["firing a>b"]);
  expect(await look(one, [row(0.6)])).toEqual(["firing a>b"]);
  expect(told.at(-1)).toMatchObject({
    summary: "Errors: a → b: 60% errors",
    expected: "not above 0.1",
    records: [{ tree: "t/1", leafIndex: 4 }],
    runbookUrl: "https://runbooks.example.com/errors?of=edge",
  });
  expect(told.at(-1)!.startsAtUs).toBe(told[0]!.startsAtUs);
  await one.close();
  const two = await watch();
  clock.advance(60_000);
  expect(await look(two, [row(0.5)])).toEqual(["firing a>b"]);
  expect(await look(two, [])).toEqual(["resolved a>b"]);
  expect(await look(two, [])).toEqual([]);
  for (let times = 0; times < 3; times++) await look(two, [row(0.5)]);
  rules = [{ ...rule(), on: false }];
  expect(await look(two, [row(0.5)]), "switched off").toEqual(["resolved a>b"]);
  await two.close();
});
