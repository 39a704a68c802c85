import { expect, it } from "vitest";

import { memoryDisk } from "../../disk/memory-disk.ts";
import { manualClock } from "../../manual-clock.ts";
import { DetectionState } from "../detection-state.ts";
import type { Finding } from "../finding.ts";
import { MeasureWatch } from "./measure-watch.ts";
import { readMeasure } from "./read-measure.ts";
import { Waiting } from "./waiting.ts";

const TEXT = `title: Records wait
measure:
  of: checkpoint_age
  window: 1m
  condition: {gt: 60}
`;

it("a tree that never had a checkpoint is told of, and one that holds all under an old checkpoint is not", async () => {
  const clock = manualClock();
  const measure = readMeasure(TEXT);
  const { heading } = measure;
  const rule = { id: "m", version: 1, kind: "measure", origin: "builtin", on: true, heading, sigma: null } as const;
  const waiting = new Waiting();
  let trees = [
    { tree: "new/1", journaled: 3, published: 0 },
    { tree: "idle/1", journaled: 9, published: 9 },
  ];
  const told: Finding[] = [];
  const watch = new MeasureWatch({
    book: { list: () => [{ ...rule, measure, text: TEXT, changedBy: null, changedAt: null }] },
    reader: { select: () => expect.unreachable(), stream: () => expect.unreachable() },
    state: await DetectionState.open(memoryDisk(), "/rules.json"),
    sink: async (findings) => void told.push(...findings),
    clock: { ...clock, nowUs: () => clock.nowUs(), after: () => () => {} },
    checkpointAges: () => waiting.ages(trees, clock.monotonicMs()),
    isBehind: () => false,
    onTrouble: (message) => expect.unreachable(message),
  });
  const look = async (laterS: number) => {
    clock.advance(laterS * 1_000);
    await watch.look();
    return told.splice(0).map(({ state, labels, seen }) => [state, labels["tree"], seen]);
  };
  expect(await look(0)).toEqual([]);
  expect(await look(3_600)).toEqual([["firing", "new/1", "records not published for 3600 s"]]);
  trees = [
    { tree: "new/1", journaled: 3, published: 3 },
    { tree: "idle/1", journaled: 10, published: 9 },
  ];
  expect(await look(15), "what the quiet tree got just now has not waited since its checkpoint").toEqual([
    ["resolved", "new/1", "it does not hold any more"],
  ]);
  await watch.close();
});

it("what is published is no longer waited for, and the oldest of the rest counts since it was seen", () => {
  const waiting = new Waiting();
  const age = (journaled: number, published: number, nowS: number) =>
    waiting.ages([{ tree: "t/1", journaled, published }], nowS * 1_000)[0]!.ageS;
  expect(age(0, 0, 0)).toBe(0);
  expect(age(5, 2, 10)).toBe(0);
  expect(age(8, 2, 20)).toBe(10);
  expect(age(8, 5, 30), "the sixth was first seen at 20").toBe(10);
  expect(age(9, 8, 40)).toBe(0);
  expect(age(9, 8, 55)).toBe(15);
  expect(age(9, 9, 99)).toBe(0);
});
