/** Which new edges notify, and which a deploy explains. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AuditRecord, Observed } from "@tallystick/record";

import { openTemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { entry, follow } from "./followed.contract.ts";

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
});
afterAll(() => temporary.close());

test("a new edge that a new version of the caller explains is listed, and nobody is told", async () => {
  const log = "deploys/2026-11";
  const followed = follow(temporary);
  const call = (
    day: number,
    caller: string,
    version: string | undefined,
    fields: Partial<AuditRecord> = {},
    observed: Partial<Observed> = {},
  ) =>
    entry(
      day,
      { service_id: caller, recorder_id: caller, ...(version && { service_version: version }), ...fields },
      observed,
    );
  const callers = ["web", "steady", "probing", "refused", "named", "old", "mail"];
  await temporary.add(log, [
    call(0, "orders", "1.0"),
    call(8, "orders", "1.0"),
    ...[0, 9.5].flatMap((day) => [
      call(day, "silent", undefined, { target_id: "stock" }),
      ...callers.map((caller) => call(day, caller, "1.0", { target_id: "stock" })),
    ]),
  ]);
  await followed.whole();
  const next = (day: number, caller: string, fields: Partial<AuditRecord> = {}) => [
    call(day, caller, "1.1", { target_id: "stock" }),
    call(day + 0.01, caller, "1.1", fields),
  ];
  await temporary.add(log, [
    ...next(10, "web"),
    // The version that was there before; the first one that is said; one that is there for longer than a quarter day.
    call(10, "steady", "1.0"),
    ...next(10, "silent"),
    call(10, "old", "1.1", { target_id: "stock" }),
    call(10.3, "old", "1.1"),
    // What nobody called, what is refused, and who is somebody else.
    ...next(10, "probing", { operation: "GET /payments/all" }),
    ...next(10, "refused", { status: "denied" }),
    call(10, "named", "1.1", { target_id: "stock" }, { standing: "claimed", principal: "rogue" }),
    call(10.01, "named", "1.0"),
    // What is sensitive is told whatever was deployed.
    ...next(10, "mail", { action: "delete" }),
  ]);
  await followed.whole();
  const edges = followed.found.filter(({ ruleId }) => ruleId === "builtin/first-seen-edge");
  const loud = edges.filter(({ quiet }) => !quiet).map(({ labels }) => labels["caller"]!);
  expect(loud.toSorted((one, other) => one.localeCompare(other))).toEqual([
    "mail",
    "named",
    "old",
    "probing",
    "refused",
    "silent",
    "steady",
  ]);
  expect(edges.filter(({ quiet }) => quiet)).toMatchObject([
    {
      level: "low",
      labels: { log: "deploys", caller: "web", callee: "payments" },
      summary: "web calls payments for the first time, as its version 1.1 does",
      seen: expect.stringMatching(/, which others call alike; version 1\.1 began at 20/),
    },
  ]);
  await followed.close();
});
