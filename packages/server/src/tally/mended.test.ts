/** What a later half mends holds no longer, and where a caller that is not known came from. */
import { expect, test } from "vitest";

import { until } from "../index/sample.contract.ts";
import { half, benchesOfTests, pair } from "./tally-bench.contract.ts";
import type { TallyBench } from "./tally-bench.contract.ts";

const bench = benchesOfTests();

/** Breaks as `/api/tally` lists them, once every verdict is searchable: kind and whether it holds, oldest first. */
async function listed(tally: TallyBench, history = false): Promise<readonly (readonly [string, boolean])[]> {
  const count = async () => (await tally.select(`SELECT id FROM records WHERE event_type = 'TALLY_VERDICT'`)).length;
  await until(async () => (await count()) >= tally.verdicts.length + tally.summaries.length);
  const { breaks } = await tally.breaks({ history });
  return breaks.map(({ kind, holds }) => [kind, holds] as const).toReversed();
}

const states = async (tally: TallyBench) => (await tally.calls()).map(({ state }) => state);

test("a discrepancy that a late half resolves holds no longer", async () => {
  const tally = await bench();
  const failed = { status: "error", status_code: "500" } as const;
  const done = { status: "success", status_code: "200" } as const;
  await tally.add(...pair("mended", 1, failed, done), ...pair("broken", 1, failed, done));
  await tally.passTo(120);
  expect(await listed(tally)).toEqual([
    ["discrepancy_status", true],
    ["discrepancy_status", true],
  ]);
  await tally.add(half("caller", "mended", 600, { ...done, attempt: 1, timestamp: "2026-11-25T08:00:00.9Z" }));
  await tally.passTo(700);
  expect(await states(tally)).toEqual(["discrepant", "matched"]);
  expect(await listed(tally)).toEqual([["discrepancy_status", true]]);
  const history = await listed(tally, true);
  expect(history.toSorted(([, one], [, other]) => Number(one) - Number(other))).toEqual([
    ["discrepancy_status", false],
    ["discrepancy_status", true],
  ]);
  expect(tally.verdicts.map(({ operation, attempt }) => [operation, attempt])).toContainEqual(["paired", 3]);
  const view = await tally.view("orders/payments/mended/0");
  expect(view?.verdicts.map(({ record }) => record.operation)).toEqual(["discrepancy_status", "paired"]);
});

test("a lone half that turns out to be a retried call's first attempt holds no longer", async () => {
  const tally = await bench();
  await tally.add(...pair("other", 1), half("caller", "retried", 1, { status: "timeout" }));
  await tally.passTo(120);
  expect(await listed(tally)).toEqual([["unpaired_caller", true]]);
  await tally.add(half("caller", "retried", 600, { attempt: 1 }), half("callee", "retried", 600.1, { attempt: 1 }));
  await tally.passTo(700);
  expect(await states(tally)).toEqual(["matched", "matched"]);
  expect(tally.verdicts.map(({ operation, request_id: id }) => [operation, id])).toEqual([
    ["unpaired_caller", "orders/payments/retried/0"],
    ["paired", "orders/payments/retried/1"],
  ]);
  expect(await listed(tally)).toEqual([]);
  expect(await listed(tally, true)).toEqual([["unpaired_caller", false]]);
  for (const attempt of [0, 1]) {
    const view = await tally.view(`orders/payments/retried/${attempt}`);
    expect(view?.verdicts.map(({ record }) => record.operation)).toEqual(["unpaired_caller", "paired"]);
  }
});

const NETWORKS: readonly (readonly [address: string, network: string])[] = [
  ["10.1.2.3", "10.1.2.0/24"],
  ["::ffff:10.1.3.4", "10.1.3.0/24"],
  ["2001:db8::1", "2001:db8::/48"],
  ["2001:0DB8:1:2:3:4:5:6", "2001:db8:1::/48"],
  ["::1", "::/48"],
  ["payments.internal:8443", ""],
];

test("a caller that is not known is told by its network: 24 bits of IPv4, 48 of IPv6", async () => {
  const tally = await bench();
  const seen = NETWORKS.map(([address], place) => half("callee", `r${place}`, 1, { service_id: `address:${address}` }));
  await tally.add(...pair("both", 1), ...seen);
  await tally.passTo(120);
  const rows = await tally.select<{ network: string }>(
    "SELECT network FROM calls WHERE state = 'unknown_caller' ORDER BY splitByChar('/', call_id_kept)[3]",
  );
  expect(rows.map(({ network }) => network)).toEqual(NETWORKS.map(([, network]) => network));
});
