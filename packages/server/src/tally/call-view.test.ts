import { afterEach, expect, test } from "vitest";

import { deadlines } from "./deadlines.ts";
import { half, openTallyBench, pair, SECOND_US } from "./tally-bench.contract.ts";
import type { Half, TallyBench } from "./tally-bench.contract.ts";
import type { CallView } from "./call-view.ts";

let tally: TallyBench | null = null;
afterEach(async () => {
  await tally?.close();
  tally = null;
});

/** A half that a tracer recorded; hexadecimal digits stand for ids. */
function traced(side: "caller" | "callee" | "observer", trace: string, atS: number, [span, parent]: string): Half {
  const made = half(side === "caller" ? "caller" : "callee", trace, atS, {
    trace_id: trace.repeat(32),
    span_id: span!.repeat(16),
    ...(parent === undefined ? {} : { parent_span_id: parent.repeat(16) }),
  });
  return side === "observer" ? { ...made, record: { ...made.record, side, recorder_id: "envoy" } } : made;
}

const shape = (view: CallView | null) =>
  view && {
    id: view.call_id,
    state: view.state,
    settled: view.settled,
    breaks: view.breaks.map(({ kind }) => kind),
    halves: Object.values(view.halves).map((side) => side.length),
  };

test("a call is shown as it was settled, before that as it stands, and behind a proxy by either id", async () => {
  tally = await openTallyBench({ deadlines: deadlines(5 * SECOND_US, []) });
  await tally.add(
    ...pair("whole", 1),
    half("caller", "open", 1),
    half("caller", "late", 2),
    traced("caller", "a", 1, "1"),
    traced("observer", "a", 1.5, "21"),
    traced("callee", "a", 2, "32"),
    ...pair("other", 20),
  );
  const id = (request: string) => `orders/payments/${request}/0`;
  const [caller, callee] = [`${"a".repeat(32)}/${"1".repeat(16)}`, `${"a".repeat(32)}/${"2".repeat(16)}`];
  await tally.passTo(3);
  expect(shape(await tally.view(id("open")))).toMatchObject({ state: "pending", settled: false, breaks: [] });
  await tally.passTo(20);
  expect(shape(await tally.view(id("whole")))).toMatchObject({ state: "matched", settled: true, halves: [1, 1, 0] });
  expect(shape(await tally.view(id("open")))).toMatchObject({ state: "unpaired_caller", breaks: ["unpaired_caller"] });
  const joined = { id: caller, state: "matched", settled: true, breaks: [], halves: [1, 1, 1] };
  expect(shape(await tally.view(caller))).toEqual(joined);
  expect(shape(await tally.view(callee))).toEqual(joined);

  // Newer than what was settled: as it stands now, and the verdict that there was.
  await tally.add(half("callee", "late", 21, { status: "error" }));
  const late = await tally.view(id("late"));
  expect(shape(late)).toMatchObject({ state: "discrepant", breaks: ["discrepancy_status"], halves: [1, 1, 0] });
  expect(late!.verdicts.map(({ record }) => record.operation)).toEqual(["unpaired_caller"]);
  expect(await tally.view(id("never"))).toBeNull();
});
