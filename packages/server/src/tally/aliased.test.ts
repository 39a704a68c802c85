import { expect, test } from "vitest";

import { half, openTallyBench, pair } from "./tally-bench.contract.ts";

test("whether a service records is asked by its name, where the half knows it by an alias alone", async () => {
  const aliases = [
    { name: "address:10.0.0.7", service: "orders" },
    { name: "payments.internal", service: "payments" },
  ];
  const tally = await openTallyBench({ aliases });
  await tally.add(...pair("r1", 1));
  await tally.passTo(100);
  await tally.add(half("callee", "forged", 110, { service_id: "address:10.0.0.7" }));
  await tally.passTo(200);
  await tally.add(half("caller", "lost", 210, { target_id: "payments.internal" }));
  await tally.passTo(300);
  expect(tally.verdicts.map(({ operation }) => operation)).toEqual(["unpaired_callee", "unpaired_caller"]);
  await tally.close();
});

test("calls that are not due yet count for the services behind their addresses", async () => {
  const tally = await openTallyBench({ aliases: [{ name: "address:10.0.0.7", service: "orders" }] });
  await tally.add(
    half("caller", "named", 1),
    half("callee", "addressed", 2, { service_id: "address:10.0.0.7" }),
    half("callee", "strange", 3, { service_id: "address:10.0.0.8" }),
    ...pair("both", 4),
  );
  await tally.passTo(30);
  const pending = async (edge?: string) => (await tally.breaks({ edge })).counts["pending"];
  expect(await pending()).toBe(4);
  expect(await pending("orders:payments")).toBe(3);
  expect(await pending("address%3A10.0.0.8:payments")).toBe(1);
  expect(await pending("address%3A10.0.0.7:payments")).toBe(0);
  await tally.close();
});
