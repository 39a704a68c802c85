/** A match rate that falls is told with the first calls that did not match. */
import { afterEach, expect, it } from "vitest";

import { memoryDisk } from "../../disk/memory-disk.ts";
import { manualClock } from "../../manual-clock.ts";
import { half, openTallyBench, pair, START_US, TREE } from "../../tally/tally-bench.contract.ts";
import type { TallyBench } from "../../tally/tally-bench.contract.ts";
import { DetectionState } from "../detection-state.ts";
import type { Finding } from "../finding.ts";
import { MeasureWatch } from "./measure-watch.ts";
import { readMeasure } from "./read-measure.ts";

const TEXT = `title: Halves do not agree
measure:
  of: match_rate
  group-by: [caller, callee]
  window: 15m
  condition: {lt: 0.9}
  at-least: 5
  for: 1m
`;

let tally: TallyBench | null = null;
afterEach(() => tally?.close());

it("from traffic to the finding: which edge, how far, and which calls came first", async () => {
  tally = await openTallyBench();
  const payments = { operation: "POST /payments" };
  await tally.add(
    ...Array.from({ length: 20 }, (_, n) => pair(`ok-${n}`, 10 + n)).flat(),
    // What breaks lies in another order than it came.
    half("callee", "lone-callee", 140),
    ...pair("differs", 130, payments, { operation: "DELETE /payments" }),
    half("caller", "lone-caller", 120),
    ...Array.from({ length: 4 }, (_, n) => pair(`late-${n}`, 150 + n, payments, { operation: "GET /x" })).flat(),
    // Of an edge that agrees nothing is told.
    ...Array.from({ length: 9 }, (_, n) =>
      pair(`other-${n}`, 10 + n, { service_id: "web", target_id: "orders" }),
    ).flat(),
  );
  await tally.passTo(660);
  const clock = manualClock(START_US);
  const measure = readMeasure(TEXT);
  const rule = { id: "m", version: 1, kind: "measure", origin: "builtin", on: true, sigma: null } as const;
  const told: Finding[] = [];
  const { reader } = tally.index.index;
  let asked = 0;
  const watch = new MeasureWatch({
    book: {
      list: () => [{ ...rule, heading: measure.heading, measure, text: TEXT, changedBy: null, changedAt: null }],
    },
    reader: {
      select: (...question) => {
        asked += 1;
        return reader.select(...question);
      },
      stream: () => expect.unreachable(),
    },
    state: await DetectionState.open(memoryDisk(), "/rules.json"),
    sink: async (findings) => void told.push(...findings),
    clock: { ...clock, nowUs: () => clock.nowUs(), after: () => () => {} },
    checkpointAges: () => [],
    isBehind: () => false,
    onTrouble: (message) => expect.unreachable(message),
  });
  const look = async (laterS: number) => {
    clock.advance(laterS * 1_000);
    await watch.look();
    return [asked, told.splice(0)] as const;
  };
  expect(await look(600), "nothing is judged before a whole window was heard").toEqual([0, []]);
  expect(await look(320), "it must hold for a minute").toEqual([1, []]);
  const [questions, [found, ...others]] = await look(61);
  expect(questions).toBe(3);
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    state: "firing",
    labels: { caller: "orders", callee: "payments" },
    seen: "0% of calls whose halves agree",
    count: 7,
  });
  expect(found!.records.map(({ callId }) => /lone-caller|differs|lone-callee|late-\d/.exec(callId)?.[0])).toEqual([
    "lone-caller",
    "differs",
    "lone-callee",
    "late-0",
    "late-1",
  ]);
  for (const { tree, leafIndex, callId } of found!.records) {
    const rows = await tally.select<{ readonly call_id: string }>(
      `SELECT call_id FROM records WHERE tree = '${tree}' AND leaf_index = ${leafIndex}`,
    );
    expect([tree, rows]).toEqual([TREE, [{ call_id: callId }]]);
  }
  const [again, [goesOn]] = await look(15);
  expect(again, "while it goes on they are not asked for again").toBe(4);
  expect(goesOn).toMatchObject({ state: "firing", records: found!.records });
  await watch.close();
});
