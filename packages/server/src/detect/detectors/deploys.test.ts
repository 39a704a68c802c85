/** Which new edges notify, and which a deploy explains. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AuditRecord, Observed } from "@tallystick/record";

import { openTemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { Finding } from "../finding.ts";
import { entry, follow } from "./followed.contract.ts";

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
});
afterAll(() => temporary.close());

const LOG = "deploys/2026-11";

type Fields = Partial<AuditRecord>;

/** A call to payments as its caller records it, whose own version is said along. */
const call = (day: number, caller: string, version: string, fields: Fields = {}, observed: Partial<Observed> = {}) =>
  entry(
    day,
    { service_id: caller, recorder_id: caller, ...(version && { service_version: version }), ...fields },
    observed,
  );
/** The first call of the new version is one that the old one made too. */
const deployed = (day: number, caller: string, fields: Fields = {}) => [
  call(day, caller, "1.1", { target_id: "stock" }),
  call(day + 0.01, caller, "1.1", fields),
];
const edgesOf = (found: readonly Finding[]) => found.filter(({ ruleId }) => ruleId === "builtin/first-seen-edge");
const loud = (found: readonly Finding[]) =>
  edgesOf(found)
    .filter(({ quiet }) => !quiet)
    .map(({ labels }) => labels["caller"]!)
    .toSorted((one, other) => one.localeCompare(other));
const listed = (found: readonly Finding[]) =>
  edgesOf(found)
    .filter(({ quiet }) => quiet)
    .map(({ labels }) => labels["caller"]!)
    .toSorted((one, other) => one.localeCompare(other));

const CALLERS = [
  "web",
  "early",
  "steady",
  "probing",
  "failing",
  "refused",
  "named",
  "rogued",
  "proxied",
  "old",
  "mail",
];

test("a new edge that a new version of the caller explains is listed, and nobody is told", async () => {
  const followed = follow(temporary);
  await temporary.add(LOG, [
    call(0, "orders", "1.0"),
    call(8, "orders", "1.0"),
    call(8, "orders", "1.0", { operation: "GET /admin", status: "error" }),
    ...[0, 9.5].flatMap((day) => [
      call(day, "silent", "", { target_id: "stock" }),
      ...CALLERS.map((caller) => call(day, caller, "1.0", { target_id: "stock" })),
    ]),
  ]);
  await followed.whole();
  await temporary.add(LOG, [
    ...deployed(10, "web"),
    // The callee's record comes before any of the caller's.
    call(10, "early", "", { side: "callee", recorder_id: "payments" }),
    call(10.0001, "early", "1.1"),
    // The version that was there before; the first one that is said; one that is there for longer than a quarter day.
    call(10, "steady", "1.0"),
    ...deployed(10, "silent"),
    call(10, "old", "1.1", { target_id: "stock" }),
    call(10.3, "old", "1.1"),
    // What nobody called, or nobody with success, and what is refused.
    ...deployed(10, "probing", { operation: "GET /payments/all" }),
    ...deployed(10, "failing", { operation: "GET /admin" }),
    ...deployed(10, "refused", { status: "denied" }),
    // A version that somebody else says; a call that somebody else says; a proxy's version.
    call(10, "named", "1.1", { target_id: "stock" }, { standing: "claimed", principal: "rogue" }),
    call(10.01, "named", "1.0"),
    call(10, "rogued", "1.1", { target_id: "stock" }),
    call(10.01, "rogued", "1.1", {}, { standing: "claimed", principal: "rogue" }),
    call(10, "proxied", "9.1", { target_id: "stock", recorder_id: "envoy" }),
    call(10.01, "proxied", "9.1", { recorder_id: "envoy" }),
    // What is sensitive is told whatever was deployed.
    ...deployed(10, "mail", { action: "delete" }),
  ]);
  await followed.whole();
  expect(loud(followed.found)).toEqual([
    "failing",
    "mail",
    "named",
    "old",
    "probing",
    "proxied",
    "refused",
    "rogued",
    "silent",
    "steady",
  ]);
  expect(listed(followed.found)).toEqual(["early", "web"]);
  expect(edgesOf(followed.found).find(({ labels }) => labels["caller"] === "web")).toMatchObject({
    level: "low",
    labels: { log: "deploys", caller: "web", callee: "payments" },
    summary: "web calls payments for the first time, since its version 1.1 runs",
    seen: expect.stringMatching(/, of operations that others call; version 1\.1 began at 20/),
  });
  await followed.close();
});

test("an edge that was listed is told once it does what others do not, until the time is over", async () => {
  const followed = follow(temporary);
  const callers = ["calm", "curious", "refused", "late"];
  const log = "widening/2026-11";
  await temporary.add(log, [
    call(0, "orders", "1.0"),
    call(9.5, "orders", "1.0"),
    ...[0, 9.5].flatMap((day) => callers.map((caller) => call(day, caller, "1.0", { target_id: "stock" }))),
  ]);
  await temporary.add(
    log,
    callers.flatMap((caller) => deployed(10, caller)),
  );
  await followed.whole();
  expect([loud(followed.found), listed(followed.found)]).toEqual([[], [...callers].toSorted()]);
  await temporary.add(log, [
    call(10.1, "calm", "1.1"),
    call(10.1, "curious", "1.1", { operation: "GET /payments/all" }),
    call(10.1, "refused", "1.1", { status: "denied" }),
    call(10.3, "late", "1.1", { operation: "GET /payments/all" }),
  ]);
  await followed.whole();
  expect(loud(followed.found)).toEqual(["curious", "refused"]);
  expect(edgesOf(followed.found).filter(({ quiet }) => !quiet)).toMatchObject([
    { level: "medium", count: 1, seen: "1 record of GET /payments/all" },
    { level: "medium", count: 1, seen: "1 record of POST /payments, denied, sensitive or in another's name" },
  ]);
  await followed.close();
});
