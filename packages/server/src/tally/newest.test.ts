/** A step reads the newest records in memory, and what is not all there, from the table: with the same verdicts. */
import { afterEach, expect, test } from "vitest";

import type { Deriver } from "../index/derived-tables.ts";
import { NEWEST } from "../index/schema/newest.ts";
import { half, openTallyBench, pair } from "./tally-bench.contract.ts";
import type { TallyBench } from "./tally-bench.contract.ts";

const open: TallyBench[] = [];
afterEach(async () => {
  for (const tally of open.splice(0)) await tally.close();
});

/** `read`: told of each statement over the newest records, after it was run. */
async function settled(read: (deriver: Deriver) => Promise<void>) {
  let readings = 0;
  const tally = await openTallyBench({}, async (deriver, { sql }) => {
    if (!sql.includes(`FROM ${NEWEST}`)) return;
    readings += 1;
    await read(deriver);
  });
  open.push(tally);
  await tally.index.keepNewest();
  await tally.add(
    ...pair("known", 1),
    ...pair("good", 2),
    ...pair("other", 2, { request_size: 1 }, { request_size: 2 }),
    half("caller", "lone", 3),
    half("caller", "late", 3),
  );
  await tally.passTo(100);
  await tally.add(half("callee", "late", 110));
  await tally.passTo(300);
  expect(tally.troubles).toEqual([]);
  return { readings, calls: await tally.calls(), verdicts: tally.verdicts.map(({ operation }) => operation) };
}

test("records that vanish from memory while a step reads them are read from the table", async () => {
  const undisturbed = await settled(async () => {});
  expect(undisturbed.readings).toBeGreaterThan(2);
  expect(undisturbed.calls.map(({ state }) => state)).toEqual([
    "matched",
    "matched",
    "discrepant",
    "unpaired_caller",
    "discrepant",
  ]);
  const disturbed = await settled((deriver) => deriver.empty({ name: NEWEST, columns: "", engine: "" }));
  expect(disturbed.readings).toBeGreaterThan(0);
  expect(disturbed).toEqual({ ...undisturbed, readings: disturbed.readings });
});
