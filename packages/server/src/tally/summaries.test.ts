import { encodeLeaf, LIMITS as RECORD_LIMITS } from "@tallystick/record";
import { afterEach, expect, test } from "vitest";

import { summaryRecords } from "./summaries.ts";
import { half, openTallyBench, pair } from "./tally-bench.contract.ts";
import type { TallyBench } from "./tally-bench.contract.ts";

let open: TallyBench | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

async function bench(): Promise<TallyBench> {
  open = await openTallyBench();
  return open;
}

const said = ({ summaries }: TallyBench) =>
  summaries.map(({ timestamp, attributes = {} }) => [
    timestamp.slice(11, 16),
    attributes["tally.calls"],
    JSON.parse(attributes["tally.edges"] ?? "null") as unknown,
  ]);

test("each minute with calls is summed up once, when every call in it is settled", async () => {
  const tally = await bench();
  await tally.add(
    ...pair("a", 1),
    ...pair("b", 59.9, { status: "error" }, { status: "success" }),
    half("caller", "c", 2),
    half("callee", "d", 3, { service_id: "address:10.0.0.9" }),
    half("callee", "e", 4, { service_id: "address:10.0.0.8" }),
    ...pair("later", 190, { service_id: "mail" }),
  );
  await tally.passTo(119);
  expect(tally.summaries).toEqual([]);
  await tally.passTo(120);
  const first = [
    "08:00",
    "5",
    [
      { caller: "orders", callee: "payments", matched: 1, discrepant: 1, unpaired_caller: 1 },
      { caller: "unknown callers of payments", callee: "payments", unknown_caller: 2 },
    ],
  ];
  expect(said(tally)).toEqual([first]);
  await tally.passTo(7_200);
  expect(said(tally)).toEqual([first, ["08:03", "1", [{ caller: "mail", callee: "payments", matched: 1 }]]]);
  expect(tally.troubles).toEqual([]);
});

test("a summary is said once, whatever is repeated, and a late half does not change it", async () => {
  const tally = await bench();
  tally.failAppend();
  await tally.add(...pair("a", 1), ...pair("b", 70), half("caller", "c", 71));
  await tally.passTo(200);
  expect(tally.troubles).toHaveLength(1);
  const before = said(tally);
  expect(before.map(([minute, calls]) => [minute, calls])).toEqual([
    ["08:00", "1"],
    ["08:01", "2"],
  ]);
  await tally.restart();
  await tally.add(half("callee", "c", 210, { timestamp: "2026-11-25T08:01:11Z" }));
  await tally.passTo(400);
  await tally.restart();
  await tally.passTo(401);
  expect(said(tally)).toEqual(before);
});

test("tables that are made anew give no second summary", async () => {
  const tally = await bench();
  await tally.add(...pair("a", 1));
  await tally.passTo(200);
  const before = said(tally);
  expect(before).toHaveLength(1);
  await tally.startOver();
  await tally.passTo(201);
  expect(await tally.calls()).toHaveLength(1);
  expect(said(tally)).toEqual(before);
});

test("many edges are several records, each of which fits a leaf whatever the names are", () => {
  const edge = (caller: string) => ({
    log: "default",
    caller,
    callee: "payments",
    calls: 1,
    matched: 1,
    discrepant: 0,
    unpaired_caller: 0,
    unpaired_callee: 0,
    one_sided: 0,
    unknown_caller: 0,
  });
  const plain = summaryRecords(
    "default",
    60,
    Array.from({ length: 250 }, (_, place) => edge(`service-${place}`)),
  );
  expect(plain.map(({ attributes }) => JSON.parse(attributes!["tally.edges"]!).length)).toEqual([100, 100, 50]);
  expect(plain.map(({ attributes }) => attributes!["tally.parts"])).toEqual(["3", "3", "3"]);
  expect(new Set(plain.map(({ id }) => id)).size).toBe(3);
  const nasty = summaryRecords(
    "default",
    60,
    Array.from({ length: 120 }, () => edge('"\\\u0001'.repeat(85))),
  );
  const observed = {
    received_at: "2026-11-25T08:00:00.000000Z",
    principal: "tallystick",
    standing: "authenticated",
    source_address: "local",
    intake: "tallystick",
  } as const;
  for (const record of nasty)
    expect(encodeLeaf(observed, record).length).toBeLessThan(RECORD_LIMITS.canonicalRecordBytes);
  expect(nasty.flatMap(({ attributes }) => JSON.parse(attributes!["tally.edges"]!) as unknown[])).toHaveLength(120);
});
